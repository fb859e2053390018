"""What is changed inside Snakemake while it runs, and why; nothing else in the project does that.

Written for Snakemake 9.27, which uv.lock pins. tests/jobs/test_snakemake_patches.py fails with a
sentence when another version is installed. The rule files call these functions; no step imports
this file. jobs/records/metadata.py is the other place that rests on Snakemake's inside: it reads
and writes the folder .snakemake.
"""

import logging
import math
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn

from snakemake import exceptions
from snakemake.exceptions import WorkflowError
from snakemake.io import flag
from snakemake.logging import logger
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings.types import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from labelgraph.jobs import devices

VERSION = "9.27"  # the one that these changes were written for


def look_once_at_a_time() -> None:
    """At most one timer is set to look for jobs that can be started.

    Snakemake limits how many jobs start in a second, so each look sets a timer for another look one
    second later. These look again in turn, and the end of every job adds one more. After some
    hundred jobs there are hundreds of looks a second, each of them at all jobs that are ready.
    Here no second timer is set while one runs. At least one look must follow, though: where the
    limit is reached and all started jobs have ended, nothing else would start the rest. The timer
    also does not keep Snakemake from ending. Measured with 9.27.1 by benchmarks/scheduler.py: 300
    jobs of 0.1 s take 0.82 of the time and 0.65 of the processor's time.
    """

    def schedule(scheduler: JobScheduler, delay: float) -> None:
        due = vars(scheduler).setdefault("looks_due", set())
        if delay not in due:
            due.add(delay)
            timer = threading.Timer(delay, look, (scheduler, delay))
            timer.daemon = True
            timer.start()

    def look(scheduler: JobScheduler, delay: float) -> None:
        scheduler.looks_due.discard(delay)
        scheduler._open_jobs.release()

    JobScheduler._schedule_reevalutation = schedule


def name_finished_files(workflow: Any) -> None:
    """Adds a job's first file to the line that says it has finished, and a training's place.

    `Finished jobid: 7 (Rule: train)` does not say which of dozens of trainings has finished.
    """
    first: dict[int, list[str]] = {}  # job -> its first file, if it makes any
    trainings = Trainings()

    def add_file(record: logging.LogRecord) -> bool:
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_STARTED:
            trainings.begin(workflow.dag, record.jobs)
        if event == LogEvent.JOB_FINISHED:
            if record.job_id not in first:
                first.update({job.jobid: [*job.output[:1]] for job in workflow.dag.jobs})
            for path in first.get(record.job_id, []):
                said = f"{record.getMessage()}: {path}{trainings.end(record.job_id)}"
                record.msg, record.args = said, None
        return True

    logger.addFilter(add_file)


class Trainings:
    """How many of the trainings have ended, and how long the others will take."""

    def __init__(self) -> None:
        self.planned: set[int] = set()
        self.ended = 0
        self.since = 0.0  # when the first one began

    def begin(self, dag: Any, jobs: list[int]) -> None:
        if not self.planned:
            planned = dag.needrun_jobs(exclude_finished=False)
            trainings = {job.jobid for job in planned if job.rule.name == "train"}
            if trainings.intersection(jobs):
                self.planned, self.since = trainings, time.monotonic()

    def end(self, job: int) -> str:
        """What the line of a job that has ended says of them."""
        if job not in self.planned:
            return ""
        self.ended += 1
        left = len(self.planned) - self.ended
        minutes = math.ceil((time.monotonic() - self.since) / self.ended * left / 60)
        after = f", about {minutes} min to the end of the last" if left else ""
        return f"; training {self.ended} of {len(self.planned)}{after}"


def remove_models(workflow: Any) -> None:
    """Makes the models temporary: Snakemake removes each after the last job that reads it.

    To be called where the rule is known and no job yet. It is not written in the rule because the
    study decides.
    """
    model = workflow.get_rule("train").output.model
    model._file = flag(str(model), "temp")


def refuse_to_run_beside(workflow: Any, sentence: str) -> None:
    """Makes a second Snakemake in the same folder end with `sentence`.

    Snakemake's own message advises `--unlock`, which would let both write the same files. Here
    `--unlock` is refused with the same sentence: locks of killed processes are removed without it.
    """

    def lock_error() -> WorkflowError:
        return error(workflow, sentence)

    def unlock() -> NoReturn:
        raise lock_error()

    exceptions.LockException = lock_error
    workflow.unlock = unlock


def limit_gpus(workflow: Any, gpu: int, share: int) -> Iterator[str]:
    """Lets as many jobs with a GPU run at a time as the GPUs of this machine have places.

    Snakemake sets no limit unless `--resources gpu` is given, and a profile is a fixed text that
    also holds on clusters. To be called on start, when it is known which jobs will run and where.
    Yields sentences for the user; the error says that no job could ever start.
    """
    jobs = [job for job in workflow.dag.needrun_jobs() if job.resources.get("gpu") is not None]
    # Not resources.gpu, which Snakemake lowers silently to what --resources allows.
    needed = gpu * max((job.resources.get("processes", 1) for job in jobs), default=0)
    if not needed:
        return
    try:
        seen = devices.visible(os.environ)
    except ValueError as wrong:
        raise error(workflow, str(wrong)) from None
    if len(seen.names) < needed:
        raise error(workflow, devices.too_few(seen, needed))
    limits, places = workflow.scheduler.global_resources, len(seen.names) * share
    given = limits.get("gpu")
    if given is None:
        for resources in (limits, workflow.scheduler.resources):
            resources["gpu"] = places
        yield f"{seen.reason}: at most {places} of the jobs that need a GPU run at a time"
    elif given < needed:
        raise error(
            workflow,
            f"--resources gpu={given} is less than one training needs, {needed} (a GPU for each of"
            " its processes); pass that number or more, or leave it out",
        )
    elif given > places:
        yield (
            f"--resources gpu={given} was given, and {devices.there_are(len(seen.names))}"
            f" ({seen.reason}): {places} jobs run at a time, the others wait"
        )


def error(workflow: Any, sentence: str) -> WorkflowError:
    """An error that is shown even with `--quiet all`, where Snakemake hides its own last words."""
    if Quietness.ALL in (workflow.output_settings.quiet or ()):
        print(sentence, file=sys.stderr)
    return WorkflowError(sentence)
