"""Reads the files of a figure: a picture in several formats, and a text with its caption."""

from dataclasses import dataclass
from pathlib import Path

from labelgraph.files import escaping
from labelgraph.report.pagefiles import PICTURES


@dataclass(frozen=True)
class Figure:
    name: str
    caption: str
    notes: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]  # the numbers behind the picture, headers first
    files: tuple[Path, ...]

    @property
    def shown(self) -> str:
        return self.files[0].name


def read(text: Path) -> Figure:
    """`text`: the .md beside the pictures, with a title, a list of notes and at most one table."""
    lines = text.read_text(encoding="utf-8").splitlines()
    starting = {
        mark: [line.removeprefix(mark).strip() for line in lines if line.startswith(mark)]
        for mark in ("# ", "- ", "|")
    }
    files = tuple(text.with_suffix(kind) for kind in PICTURES if kind != text.suffix)
    missing = [path.name for path in files if not path.exists()]
    if missing or not starting["# "]:
        raise ValueError(
            f"{text} lacks {missing or 'a title'}; run `snakemake results/figures` again"
        )
    rows = [
        tuple(escaping.plain(cell.strip()) for cell in line.removesuffix("|").split(" | "))
        for line in starting["|"]
        if set(line) - set("|-: ")
    ]
    caption, *_ = map(escaping.plain, starting["# "])
    notes = map(escaping.plain, starting["- "])
    return Figure(text.stem, caption, tuple(notes), tuple(rows), files)
