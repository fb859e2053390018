"""Tables and figures that no rule makes any more: they must not pass for results."""

import subprocess
import sys
from pathlib import Path

FOLDERS = ("results/tables", "results/figures")  # each has a folder a study, and files of none


def find(root: Path) -> list[str]:
    """Their paths in the checkout `root`. Snakemake says, study by study, what its rules make."""
    files = [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()]
    found = {path.relative_to(root).as_posix() for path in files}
    known = {path.stem for path in (root / "workflow/config/studies").glob("*.yaml")}
    studies = {path.parts[2] for path in map(Path, found) if len(path.parts) > 3} & known
    for study in sorted(studies or {"mini"}):
        if found:
            found &= untracked(root, study)
    return sorted(found)


def untracked(root: Path, study: str) -> set[str]:
    command = [sys.executable, "-m", "snakemake", "--list-untracked", *FOLDERS]
    command += ["--config", f"study={study}"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"snakemake cannot say what study {study} makes:\n{done.stderr.strip()}")
    return set(done.stdout.splitlines())
