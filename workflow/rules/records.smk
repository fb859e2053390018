# Nothing stale passes for a result: files are held against the records of the jobs that made them,
# which come with a clone (results/records.jsonl) and are written down after every run.

import sys

from snakemake import exceptions
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.settings.types import Quietness

from labelgraph.jobs import locks
from labelgraph.jobs.records import exporting, syncing


def wrong(sentence):
    """With `--quiet all` Snakemake does not show what it ends with either."""
    if Quietness.ALL in workflow.output_settings.quiet:
        print(sentence, file=sys.stderr)
    return WorkflowError(sentence)


def others_lock():
    return wrong(locks.BUSY.format(locks.owner()))


def refuse_to_unlock():
    raise others_lock()


if workflow.is_main_process:
    locks.end_with_parent()
    try:
        with locks.entering() as alone:
            said = syncing.sync(STUDY) if alone else [locks.OTHER.format(locks.owner())]
    except (ValueError, OSError) as error:
        raise wrong(str(error)) from None
    for sentence in said:
        logger.warning(sentence)
    if not alone:
        # Snakemake would advise to unlock, which lets two of them write the same files.
        exceptions.LockException = others_lock
        workflow.unlock = refuse_to_unlock


def write_records():
    try:
        exporting.export(STUDY)
    except OSError as error:
        logger.error(f"the records could not be written: {error}")


onsuccess:
    write_records()
    for line in last_words():
        logger.info(line)


onerror:
    write_records()
