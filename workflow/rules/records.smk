# Nothing stale passes for a result: files are held against the records of the jobs that made them,
# which come with a clone (results/records.jsonl) and are written down after every run.

import os

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from labelgraph import locks
from labelgraph.records import exporting, syncing

if workflow.is_main_process:
    try:
        with locks.entering() as alone:
            said = syncing.sync() if alone else [locks.OTHER.format(locks.owner())]
    except ValueError as error:
        raise WorkflowError(str(error)) from None
    for sentence in said:
        logger.warning(sentence)
    if "DVC_ROOT" in os.environ:
        locks.end_with_parent()


onsuccess:
    exporting.export()


onerror:
    exporting.export()
