"""A SLURM cluster of this one machine, for as long as a test needs it.

Its node claims processors, memory and GPUs that need not exist: SLURM hands them out all the same,
and nothing here depends on having them.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

CONFIG = Path("/etc/slurm/slurm.conf")  # which `srun` reads in a job, whatever SLURM_CONF is
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "squeue", "scancel")
PLUGIN = "snakemake_executor_plugin_slurm"
START_SECONDS = 60
SETTINGS = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=32000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Why no cluster can run here; empty if one can."""
    if not importlib.util.find_spec(PLUGIN):
        return f"{PLUGIN} is not installed (uv sync --extra cluster)"
    if absent := [name for name in PROGRAMS if not program(name)]:
        return f"no {', '.join(absent)} (Debian: slurmctld slurmd slurm-client munge)"
    if os.getuid() != 0:
        return "SLURM's daemons must be started as root"
    if CONFIG.exists():
        return f"{CONFIG} exists: this machine is part of a cluster"
    return None


def program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


class Cluster:
    """`start` returns when the node accepts jobs, or raises the reason why it does not."""

    def __init__(self, folder: Path):
        self.folder, self.daemons = folder, []

    def start(self) -> str | None:
        host = socket.gethostname().partition(".")[0]
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        (self.folder / "key").write_bytes(os.urandom(128))
        (self.folder / "key").chmod(0o600)
        (self.folder / "slurm.conf").write_text(SETTINGS.format(host=host, folder=self.folder))
        gpus = f"NodeName={host} Name=gpu File=/dev/null,/dev/zero\n"
        (self.folder / "gres.conf").write_text(gpus)
        CONFIG.parent.mkdir(exist_ok=True)
        for name in ("slurm.conf", "gres.conf"):
            CONFIG.with_name(name).symlink_to(self.folder / name)
        own = {"key-file": "key", "socket": "munge.socket", "log-file": "munge.log"}
        own |= {"pid-file": "munge.pid", "seed-file": "munge.seed"}
        paths = [f"--{option}={self.folder / name}" for option, name in own.items()]
        self.daemon("munged", "--foreground", "--force", *paths)
        self.wait((self.folder / "munge.socket").exists)
        self.daemon("slurmctld", "-D")
        self.daemon("slurmd", "-D", "-N", host)
        if self.wait(lambda: self.ask("sinfo", "-h", "-o", "%t") == "idle\n"):
            return None
        logs = [path.read_text()[-300:] for path in sorted(self.folder.glob("*.log"))]
        return f"SLURM does not start here: {logs}"

    def daemon(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.out").open("w") as output:
            command = [program(name), *arguments]
            self.daemons.append(subprocess.Popen(command, stdout=output, stderr=output))

    def wait(self, condition) -> bool:
        """Whether it became true in time, with all daemons alive."""
        deadline = time.monotonic() + START_SECONDS
        while not (found := condition()) and time.monotonic() < deadline:
            if any(daemon.poll() is not None for daemon in self.daemons):
                return False
            time.sleep(0.1)
        return found

    def ask(self, *command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True).stdout

    def stop(self) -> None:
        if self.daemons:
            self.ask("scancel", "--state=PENDING", "--state=RUNNING", "-u", "root")
        for daemon in reversed(self.daemons):
            daemon.terminate()
            daemon.wait()
        for name in ("slurm.conf", "gres.conf"):
            if CONFIG.with_name(name).is_symlink():
                CONFIG.with_name(name).unlink()


if __name__ == "__main__":
    sys.exit(missing())
