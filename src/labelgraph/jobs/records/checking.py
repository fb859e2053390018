"""Checks from the records alone, without any data, that results match the code and the settings.

Snakemake does the check, by a dry run in a folder with the same code and settings. In place of each
recorded file it has an empty file that counts as having the recorded content.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from labelgraph.jobs.records import travelling
from labelgraph.jobs.records.hashes import Hashes, identity
from labelgraph.jobs.records.memory import Memory

LONG_AGO = 10**9  # nanoseconds after 1970: older than all code
CODE = ("Snakefile", "profiles", "workflow", "src")
REASONS = {  # Snakemake's reason for running a job -> what has changed
    "Params have changed": "settings",
    "Code has changed": "the command",
    "Set of input files has changed": "the set of inputs",
}


@dataclass(frozen=True)
class Finding:
    said: list[str]  # what does not match
    again: dict[str, int]  # rule -> jobs that would run


def check(targets: list[str], options: list[str]) -> Finding:
    """`options` are Snakemake's own, such as --configfile."""
    files = [path for path in (travelling.FILE, travelling.OWN_FILE) if path.exists()]
    jobs = [job for path in files for job in travelling.read(path)]
    if not jobs:
        raise ValueError(
            f"there is no {travelling.FILE}; `snakemake {' '.join(targets)}` writes it"
        )
    sources = {path for job in jobs for path in job.sources}
    here = Hashes({})
    with TemporaryDirectory() as place:
        scratch = Path(place)
        copy_code(scratch, sources)
        for path in files:
            shutil.copy(path, parent(scratch / path))
        known = {}
        for output, recorded in travelling.contents(jobs).items():
            parent(scratch / output).touch()
            os.utime(scratch / output, ns=(LONG_AGO, LONG_AGO))
            content = here.content(output) or recorded
            known[output] = [identity(str(scratch / output)), content]
        Memory(Hashes(known), {}, None, {}, {}).save(scratch)
        return dry_run(scratch, targets, options)


def parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def copy_code(scratch: Path, sources: set[str]) -> None:
    ignore = shutil.ignore_patterns("__pycache__")
    for name in CODE:
        path = Path(name)
        if path.is_dir():
            shutil.copytree(path, scratch / name, symlinks=False, ignore=ignore)
        elif path.exists():
            shutil.copy(path, scratch / name)
    for name in sources:
        if Path(name).is_file() and not Path(name).is_absolute() and not (scratch / name).exists():
            shutil.copy(name, parent(scratch / name))


def dry_run(scratch: Path, targets: list[str], options: list[str]) -> Finding:
    plain = ["-n", "--cores", "1", "--quiet", "host"]  # prints the reason for each job
    command = [sys.executable, "-m", "snakemake", *plain, *options, "--", *targets]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
    text = done.stdout + done.stderr
    if done.returncode:
        raise ValueError(f"snakemake -n fails:\n{text}")
    if "Nothing to be done" in text:
        return Finding([], {})
    said = re.findall(r"^.* it is made again$|^\.\.\. and \d+ more files$", text, re.M) + causes(
        text
    )
    block = text.split("Job stats:")[1].split("\n\n")[0]
    counts = {rule: int(count) for rule, count in re.findall(r"^(\S+) +(\d+)$", block, re.M)}
    counts.pop("total")
    return Finding(said, counts)


def causes(text: str) -> list[str]:
    """The changes of code and settings among the reasons that a dry run gives for its jobs."""
    files = set()
    for names in re.findall(r"Updated input files: ([^;\n]*)", text):
        files |= {name for name in names.split(", ") if name.startswith(CODE)}
    found = [f"{name} has changed" for name in sorted(files)]
    for reason, what in REASONS.items():
        if count := len(re.findall(rf"reason:.*{reason}", text)):
            found.append(f"changed in {count} jobs: {what}")
    return found
