# No stale file may pass for a result: files are checked against the records of the jobs that made
# them. The records come with a clone (results/records.jsonl) and are written after every run.

from snakemake.logging import logger

from labelgraph.jobs import locks, snakemake_patches
from labelgraph.jobs.records import after_run, before_run

if workflow.is_main_process:
    locks.end_with_parent()
    try:
        with locks.entering() as alone:
            said = (
                before_run.sync(STUDY) if alone else [locks.OTHER.format(locks.owner())]
            )
    except (ValueError, OSError) as error:
        raise snakemake_patches.error(workflow, str(error)) from None
    for sentence in said:
        logger.warning(sentence)
    if not alone:
        snakemake_patches.refuse_to_run_beside(
            workflow, locks.BUSY.format(locks.owner())
        )


def write_records():
    try:
        after_run.export(STUDY)
    except OSError as error:
        logger.error(f"the records could not be written: {error}")


onsuccess:
    write_records()
    for line in last_words():
        logger.info(line)


onerror:
    write_records()
