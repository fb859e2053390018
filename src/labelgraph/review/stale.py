"""Tables and figures that no rule makes any more, so that nobody takes them for results."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from labelgraph.jobs.records.studies import OWN

FOLDERS = ("results/tables", "results/figures")  # a folder for each study, and files of no study


def find(root: Path, options: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    """Their paths in the checkout `root`, and the folders that could not be checked.

    Snakemake lists, study by study, which files its rules make. For the study of your own data it
    needs `options`, such as --configfile; without them that study's folders are skipped.
    """
    files = [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    found = {path.relative_to(root).as_posix() for path in files}
    known = {path.stem for path in (root / "workflow/config/studies").glob("*.yaml")}
    studies = {path.parts[2] for path in map(Path, found) if len(path.parts) > 3} & known
    left_out = []
    if OWN in studies and not options:
        studies -= {OWN}
        left_out = [f"{folder}/{OWN}" for folder in FOLDERS if (root / folder / OWN).is_dir()]
        found = {path for path in found if not path.startswith(tuple(f"{x}/" for x in left_out))}
    for study in sorted(studies or {"mini"}):
        if found:
            found &= untracked(root, study, options if study == OWN else ())
    return sorted(found), left_out


def untracked(root: Path, study: str, options: Sequence[str]) -> set[str]:
    command = [sys.executable, "-m", "snakemake", "--list-untracked", *FOLDERS]
    command += [*options] if options else ["--config", f"study={study}"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(
            f"snakemake cannot list the files of study {study}:\n{done.stderr.strip()}"
        )
    return set(done.stdout.splitlines())
