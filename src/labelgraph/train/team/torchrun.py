"""Runs a step in several processes, as torchrun does, and starts them again when one is killed.

They are forks of this process, so they start fast and end with it. A step that writes checkpoints
continues from the last one.
"""

import importlib
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

from safetensors import SafetensorError

from labelgraph.jobs.user_errors import USER_ERRORS

RESTARTS = 3
LOOK_SECONDS = 0.1  # how often a process checks that the one that started it is still there
STOPPED = 143  # exit code after SIGTERM


def inside() -> bool:
    """Whether torchrun, or `run`, has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def run(step: str, arguments: list[str], processes: int) -> None:
    """Ends like a step in one process: with its exit code, or with an error in one sentence."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable()  # torch logs a traceback for every process; the message below is enough
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # a process that asked CUDA cannot fork
    with tempfile.TemporaryDirectory() as folder:
        mistake = Path(folder, "mistake.txt")
        for attempt in range(1, RESTARTS + 2):
            config = LaunchConfig(
                min_nodes=1,
                max_nodes=1,
                nproc_per_node=processes,
                run_id=str(uuid.uuid4()),
                rdzv_backend="c10d",
                rdzv_endpoint="127.0.0.1:0",
                local_addr="127.0.0.1",
                max_restarts=0,  # torchrun would also restart after a user's mistake
                start_method="fork",
                logs_specs=DefaultLogsSpecs(log_dir=folder),
            )
            try:
                elastic_launch(config, work)(step, arguments, str(mistake), os.getpid())
                return
            except SignalException:
                sys.exit(STOPPED)
            except ChildFailedError as error:
                if mistake.exists():
                    raise ValueError(mistake.read_text(encoding="utf-8")) from None
                rank, failure = error.get_first_failure()
                how = f"process {rank} of {processes} ended with exit code {failure.exitcode}"
                if attempt > RESTARTS:
                    raise RuntimeError(f"{how}: {failure.message}") from None
                print(f"{step}: {how}; all start again ({attempt} of {RESTARTS})", file=sys.stderr)


def work(step: str, arguments: list[str], mistake: str, starter: int) -> None:
    """In each process."""
    logging.disable(logging.NOTSET)
    threading.Thread(target=end_with, args=(starter,), daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    try:
        importlib.import_module(f"labelgraph.steps.{step}").command(arguments)
    except (*USER_ERRORS, SafetensorError) as error:
        Path(mistake).write_text(str(error), encoding="utf-8")
        sys.exit(1)


def end_with(starter: int) -> None:
    while os.getppid() == starter:
        time.sleep(LOOK_SECONDS)
    os._exit(137)
