"""A study of half a minute, in a copy of this checkout, for benchmarks."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCENES = {
    "layout": "voc2007",
    "images": {"trainval": 160, "test": 120},
    **dict.fromkeys(("stray", "empty", "crowds", "repainted"), 0),
    "labels": 20,
    "seed": 3,
    "structure": True,
    "long_side": 128,
    "size": 60,
    "clutter": 4,
    "noise": 2,
    "quality": 90,
}
SETTINGS = {"seeds": [0], "drawn": {"voc2007": SCENES}, "sizes": {448: 96}}


def copy(folder: Path) -> Path:
    """Copies the code and settings of this checkout, without data."""
    command = ["git", "ls-files", "-z", "Snakefile", "src", "workflow", "dvc.yaml", ".dvc*"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "profiles").symlink_to("workflow/profiles")
    return folder


def command(*targets: str, cores: int = 2, **settings: object) -> list[str]:
    config = [f"{name}={json.dumps(value)}" for name, value in (SETTINGS | settings).items()]
    snakemake = [sys.executable, "-m", "snakemake", "--cores", str(cores)]
    return [*snakemake, "--config", *config, "--", *targets]
