# Nothing stale passes for a result: files are held against the records of the jobs that made them,
# which come with a clone (results/records.jsonl) and are written down after every run.

from snakemake.exceptions import WorkflowError

from labelgraph import leftovers, locks
from labelgraph.records import exporting, syncing

if workflow.is_main_process:
    locks.end_with_parent()
    try:
        with locks.entering() as alone:
            if alone:
                leftovers.clear(Path.cwd())
            said = syncing.sync(STUDY) if alone else [locks.OTHER.format(locks.owner())]
    except (ValueError, OSError) as error:
        raise WorkflowError(str(error)) from None
    for sentence in said:
        logger.warning(sentence)


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
