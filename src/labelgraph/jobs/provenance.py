"""Where a result comes from.

provenance.json has what decides the result and is the same wherever it is computed again: packages,
seed, inputs. circumstances.json beside it has what differs each time: commit, machine, times. DVC
and Snakemake leave it out (.dvcignore), so it is there only where the run was trained.
"""

import hashlib
import json
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labelgraph.files.small import read_json, sha256

CIRCUMSTANCES = "circumstances.json"
UNKNOWN = {
    "git": {"commit": None, "clean": None},
    "python": None,
    "hardware": {},
    **dict.fromkeys(("wall_seconds", "cpu_seconds", "peak_mb")),
}
PACKAGES = ("labelgraph", "torch", "torchvision", "numpy", "pillow", "safetensors", "snakemake")


class Clock:
    """Starts with the step and ends with `circumstances`."""

    def __init__(self) -> None:
        self.start, self.cpu = time.perf_counter(), time.process_time()

    def circumstances(self, folder: Path, processes: int) -> dict[str, Any]:
        """`folder`: of the run, whose history.csv tells to which training they belong."""
        unit = 1024 if sys.platform == "linux" else 1  # bytes in a unit of ru_maxrss
        return {
            "git": git_state(),
            "python": platform.python_version(),
            "hardware": hardware(),
            "processes": processes,
            "wall_seconds": round(time.perf_counter() - self.start, 3),
            "cpu_seconds": round(time.process_time() - self.cpu, 3),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1),
            "history": sha256(folder / "history.csv"),
        }


def account(inputs: dict[str, str], seed: int | None) -> dict[str, Any]:
    """`inputs` come from `record`."""
    packages = {name: installed(name) for name in PACKAGES}
    return {"packages": packages, "seed": seed, "inputs": inputs}


def circumstances(folder: Path) -> dict[str, Any]:
    """Those of a run, or UNKNOWN if it was trained elsewhere and then pulled."""
    path, history = folder / CIRCUMSTANCES, folder / "history.csv"
    if not (path.is_file() and history.is_file()):
        return UNKNOWN
    found = read_json(path)
    known = isinstance(found, dict) and UNKNOWN.keys() <= found.keys()
    if not known or not isinstance(found["git"], dict) or UNKNOWN["git"].keys() - found["git"]:
        raise ValueError(f"{path} is not what a training writes; remove it")
    return found if found.get("history") == sha256(history) else UNKNOWN


def record(inputs: list[Path]) -> dict[str, str]:
    return {str(path): sha256(path) for path in sorted(set(inputs))}


def key(output: Path, settings: dict[str, Any], inputs: dict[str, str], code: list[Path]) -> str:
    """A name for unfinished work, made of everything that the result depends on.

    `code` are the files that the rule lists. The result's place is part of the name, since the same
    result may be computed for two places at a time.
    """
    text = json.dumps([str(output), settings, inputs, record(code)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def git_state() -> dict[str, Any]:
    """The commit, and whether the tracked files equal it; both null outside a repository."""
    commit = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "clean": None if changed is None else not changed}


def git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def hardware() -> dict[str, Any]:
    found = {"machine": platform.machine(), "system": platform.system()}
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        found |= {"processor": names[0] if names else None, "cores": len(names)}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found
