"""Before a run: takes over records that came with the results, and finds outdated outputs.

An output is up to date while it has the content that its job wrote. Snakemake itself misses outputs
that somebody edited, and inputs that changed but have an older time. Their jobs are marked here,
and Snakemake runs them again, with everything that depends on them.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from labelgraph.files.plurals import counted
from labelgraph.jobs.records import metadata, travelling
from labelgraph.jobs.records.memory import Memory, recall
from labelgraph.jobs.records.studies import OWN, concerns
from labelgraph.jobs.records.travelling import Job

TIMED = 1_000_000  # bytes; Snakemake may judge larger inputs by their time
SHOWN = 10


def sync(study: str) -> list[str]:
    """Returns sentences for the user. Files of other studies are left for a run of those."""
    memory = recall()
    changed = memory.altered()
    jobs = travelling.read()
    came = len(jobs)  # the jobs after these never come with a checkout
    if study == OWN:
        jobs += travelling.read(travelling.file_of(study))
    made = travelling.contents(jobs)
    file = memory.hashes.content(str(travelling.FILE))
    taken = set()
    for place, job in enumerate(jobs):
        lost = {
            output
            for output in job.made
            if (output not in memory.records or output in changed) and memory.finished(output)
        }
        # If this process did not write the file of records, it came with a checkout.
        if lost or (place < came and file != memory.file):
            same = {
                output
                for output, content in job.made.items()
                if memory.finished(output) and memory.hashes.content(output) == content
            }
            take_over(memory, job, same, made)
            taken |= same
            changed = (changed | lost) - same
    memory.file = file
    outdated = out_of_date(memory, changed)
    taken, changed = ({path for path in some if concerns(path, study)} for some in (taken, changed))
    outdated = {path: source for path, source in outdated.items() if concerns(path, study)}
    for output, ours in memory.marks.items():
        if ours and output not in changed and output not in outdated:
            metadata.unmark(output)
    for output in (changed | outdated.keys()) - memory.marks.keys():
        metadata.mark(output)
    memory.save()
    return told(taken, changed, outdated, travelling.file_of(study))


def told(taken: set[str], changed: set[str], outdated: dict[str, str], file: Path) -> list[str]:
    return [
        *([f"{counted(len(taken), 'file matches', 'files match')} {file}"] if taken else []),
        *listing(
            f"{path} has changed since its job wrote it; it is made again" for path in changed
        ),
        *listing(
            f"{path} was made from another version of {source}; it is made again"
            for path, source in outdated.items()
        ),
    ]


def listing(sentences: Iterable[str]) -> list[str]:
    every = sorted(sentences)
    rest = [f"... and {len(every) - SHOWN} more files"] if len(every) > SHOWN else []
    return every[:SHOWN] + rest


def take_over(memory: Memory, job: Job, outputs: set[str], made: dict[str, str]) -> None:
    """Writes the records that Snakemake would have if it had run the job here."""
    if not outputs:
        return
    record = record_of(job, made)
    oldest = min(memory.hashes.write_time(output) for output in outputs)
    for output in outputs:
        time = memory.hashes.write_time(output) / 1e9
        own = record | {"starttime": time, "endtime": time}
        memory.records[output] = (metadata.write(output, own), own)
        memory.left[output] = [memory.records[output][0], job.made[output]]
    for path in job.inputs:
        same = memory.hashes.content(path) == made[path]
        if same and memory.hashes.size(path) > TIMED and memory.hashes.read_time(path) > oldest:
            memory.hashes.age(path, oldest)


def record_of(job: Job, made: dict[str, str]) -> dict[str, Any]:
    """As Snakemake would have written it. An input that has changed keeps its old checksum."""
    sums = {path: sha for path, sha in job.sources.items() if sha}
    sums |= {path: made[path] for path in job.inputs}
    name = "|".join(sorted(job.made))
    return {
        **job.rule,
        "input": sorted([*job.inputs, *job.sources]),
        "params": job.params,
        "record_format_version": metadata.FORMAT,
        "job_hash": int(hashlib.sha256(name.encode()).hexdigest()[:12], 16),
        "incomplete": False,
        "log": [],
        "shellcmd": None,
        "external_jobid": None,
        "input_checksums": {path: f"sha256:{sha}" for path, sha in sums.items()},
    }


def out_of_date(memory: Memory, changed: set[str]) -> dict[str, str]:
    """Output -> an input that has changed since, where the times of the files do not show it."""
    hashes, found = memory.hashes, {}
    for output, (_, record) in memory.records.items():
        if not memory.finished(output) or output in changed:
            continue
        for path, checksum in (record.get("input_checksums") or {}).items():
            if path in changed or not hashes.exists(path):
                continue
            other = checksum != f"sha256:{hashes.content(path)}"
            if other and hashes.read_time(path) <= hashes.write_time(output):
                found[output] = path
                break
    return found
