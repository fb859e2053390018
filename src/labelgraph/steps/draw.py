"""Settings -> a drawn dataset, or drawn word vectors, in its official layout, and its index."""

import argparse
import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from labelgraph.files.small import (
    draft_of,
    sha256,
    write_json,
    write_text,
)
from labelgraph.scenes import drawing, words

WORDS, WORDS_FILE = "glove", "glove.6B.300d.txt"


def main(dataset: str, settings: dict[str, Any], root: Path, index: Path, jobs: int) -> None:
    """`root` appears only when it is complete; what was there before is replaced."""
    draft = draft_of(root)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        if dataset == WORDS:
            write_text(draft / WORDS_FILE, words.text(**settings))
        else:
            drawing.draw(dataset, draft, settings, jobs)
        content = summary(draft)
        if root.exists():
            shutil.rmtree(root)
        draft.replace(root)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    write_json(index, content)


def summary(root: Path) -> dict[str, Any]:
    """Number, bytes and one digest of all files: names and contents, in the order of names."""
    files = sorted((path.relative_to(root).as_posix(), path) for path in root.rglob("*"))
    files = [(name, path) for name, path in files if path.is_file()]
    lines = "".join(f"{sha256(path)}  {name}\n" for name, path in files)
    return {
        "files": len(files),
        "bytes": sum(path.stat().st_size for _, path in files),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="draw", description=__doc__)
    parser.add_argument("--dataset", required=True, choices=[*drawing.LAYOUTS, WORDS])
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON text")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--jobs", type=int, required=True)
    chosen = parser.parse_args(arguments)
    main(chosen.dataset, chosen.settings, chosen.root, chosen.index, chosen.jobs)


if __name__ == "__main__":
    command(sys.argv[1:])
