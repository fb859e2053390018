"""After a run: writes the records as text, so that they can be committed with the results."""

import re
from collections import defaultdict
from dataclasses import replace
from typing import Any

from labelgraph.jobs.records import travelling
from labelgraph.jobs.records.hashes import Hashes
from labelgraph.jobs.records.memory import Memory, recall
from labelgraph.jobs.records.studies import OWN, is_own
from labelgraph.jobs.records.travelling import RULE, Job

PLACE = re.compile(r"""(^|[\s'"=])/\w""")  # an absolute path


def export(study: str) -> None:
    """Writes every job whose outputs are here, and earlier ones that led to something here.

    The study of the user's own data has a file of its own, for its own jobs only.
    """
    own = study == OWN
    file = travelling.file_of(study)
    memory = recall()
    changed = memory.altered()
    groups = jobs_here(memory, changed, own)
    here = {output: memory.hashes.content(output) for outputs, _ in groups for output in outputs}
    earlier = travelling.read(file)
    before = travelling.contents(earlier)
    made = before | here
    jobs = [job_of(outputs, record, made, memory.hashes) for outputs, record in groups]
    jobs += [adjusted(job, before, made) for job in earlier if job.made.keys().isdisjoint(here)]
    travelling.write(leading_somewhere(jobs, memory.hashes), file)
    if not own:
        memory.file = Hashes({}).content(str(file))
    memory.save()


def jobs_here(
    memory: Memory, changed: set[str], own: bool
) -> list[tuple[list[str], dict[str, Any]]]:
    """The outputs of each job, and its record."""
    groups = defaultdict(list)
    for output, (_, record) in memory.records.items():
        wanted = is_own(output) if own else travels(output, record)
        if wanted and memory.finished(output) and output not in changed:
            parts = ("rule", "input", "params", "log", "input_checksums")
            groups[str([record[part] for part in parts])].append(output)
    return [(outputs, memory.records[outputs[0]][1]) for outputs in groups.values()]


def travels(output: str, record: dict[str, Any]) -> bool:
    """Not for the user's own data, and not where a path of this machine is named."""
    named = [*record["input"], *record["params"]]
    return not is_own(output) and not any(map(PLACE.search, named))


def job_of(outputs: list[str], record: dict[str, Any], made: dict[str, str], hashes: Hashes) -> Job:
    inputs, sources = [], {}
    for path in record["input"]:
        read = (record["input_checksums"] or {}).get(path, "").removeprefix("sha256:") or None
        # Snakemake computes no checksum of a large file
        if path in made and read in (None, made[path]):
            inputs.append(path)
        else:
            sources[path] = read or hashes.content(path)
    return Job(
        made={output: made[output] for output in outputs},
        inputs=inputs,
        sources=sources,
        params=record["params"],
        rule={field: record[field] for field in RULE},
    )


def adjusted(job: Job, before: dict[str, str], made: dict[str, str]) -> Job:
    """Inputs that have been made anew since are recorded with the sha256 that this job read."""
    other = [path for path in job.inputs if made[path] != before[path]]
    kept = [path for path in job.inputs if path not in other]
    return replace(job, inputs=kept, sources=job.sources | {path: before[path] for path in other})


def leading_somewhere(jobs: list[Job], hashes: Hashes) -> list[Job]:
    """Drops jobs of settings and rules that are gone: nothing here was made from their outputs."""
    maker = {output: job for job in jobs for output in job.made}
    waiting = [job for job in jobs if any(map(hashes.exists, job.made))]
    found = {}
    while waiting:
        job = waiting.pop()
        if job.name not in found:
            found[job.name] = job
            waiting += [maker[path] for path in [*job.inputs, *job.sources] if path in maker]
    return list(found.values())
