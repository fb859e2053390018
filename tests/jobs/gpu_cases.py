"""Stand-ins for GPUs: an `nvidia-smi` that lists names, and a package whose steps use none.

The stand-in for torch's check of a GPU replaces a file of the package's copy; nothing in the
package itself can be made to believe in such GPUs.
"""

import shutil
from pathlib import Path

from conftest import ROOT

NAMES = [f"GPU-{letter * 8}-0000" for letter in "abcd"]
COPIED = (
    *("launch", "server", "devices", "shortages", "user_errors", "locks", "leftovers"),
    *("shell_command", "snakemake_patches"),
)
CHECK = """
from pathlib import Path
from labelgraph.jobs.real_check import lines
def broken(names):
    lost = Path(__file__).with_name("broken.txt").read_text().split()
    return {name: "no driver" for name in names if name in lost}
"""
STEPS = {
    # Takes a lock for each of its GPUs, so it fails if another job uses one. Waits for a file.
    "use": """
import fcntl, os, time
from pathlib import Path
def command(a):
    place, job = Path(a[0]), a[1]
    mine = [name for name in os.environ["CUDA_VISIBLE_DEVICES"].split(",") if name]
    held = [(place / f"{name}.used").open("a") for name in mine]
    for file in held:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (place / f"{job}.draft").write_text(f"{os.getpid()} {' '.join(mine)}")
    (place / f"{job}.draft").rename(place / f"{job}.begun")
    while not (place / f"{job}.go").exists():
        time.sleep(0.02)
""",
    # Fails as a GPU does, as often as the file says.
    "lose": """
from pathlib import Path
def command(a):
    left = int(Path(a[0]).read_text())
    Path(a[0]).write_text(str(left - 1))
    if left:
        raise RuntimeError("CUDA error: unspecified launch failure\\nCompile with ...")
""",
    # A short job for Snakemake: notes how many run at the same time.
    "count": """
import os, sys, time
from pathlib import Path
def command(a):
    mine = Path(a[0])
    mine.with_suffix(".running").touch()
    seen = len(list(mine.parent.glob("*.running")))
    time.sleep(0.3)
    mine.with_suffix(".running").unlink()
    mine.write_text(f"{seen} {os.environ['CUDA_VISIBLE_DEVICES']}")
""",
}


def package(folder: Path) -> Path:
    """src/labelgraph with the steps above; its locks are in `folder`, and its server is light."""
    place = folder / "src/labelgraph"
    (place / "steps").mkdir(parents=True)
    names = ["__init__.py", "numerics.py", "files/small.py"]
    for name in [*names, *(f"jobs/{name}.py" for name in COPIED)]:
        (place / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "src/labelgraph" / name, place / name)
    shutil.copy(ROOT / "src/labelgraph/jobs/gpu_check.py", place / "jobs/real_check.py")
    (place / "jobs/gpu_check.py").write_text(CHECK)
    (place / "jobs/broken.txt").touch()
    replace(
        place / "jobs/launch.py", 'GPU_LOCKS = Path("/tmp")', f"GPU_LOCKS = Path({str(folder)!r})"
    )
    replace(place / "jobs/server.py", "for name in SLOW:", "for name in ():")
    for name, text in STEPS.items():
        (place / f"steps/{name}.py").write_text(text)
    return place


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def lines_of(names: list[str], model: str = "NVIDIA H200") -> str:
    return "".join(f"GPU {n}: {model} (UUID: {name})\n" for n, name in enumerate(names))


def nvidia_smi(folder: Path, said: str, code: int = 0) -> Path:
    """A program of that name which says this; its folder, for PATH."""
    folder.mkdir(exist_ok=True)
    (folder / "said.txt").write_text(said)
    program = folder / "nvidia-smi"
    program.write_text(f'#!/bin/sh\n[ "$*" = -L ] && cat {folder}/said.txt; exit {code}\n')
    program.chmod(0o755)
    return folder
