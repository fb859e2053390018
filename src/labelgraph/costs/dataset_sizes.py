"""How many images and labels a dataset has, before anything is downloaded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelgraph.files.small import read_arrays
from labelgraph.review.audit import image_counts
from labelgraph.study import tasks
from labelgraph.study.config import Book, Run

PUBLISHED = Path("workflow/published")
LABELS = {"voc2007": 20, "coco2014": 80, "nuswide": 81}  # of the official datasets
NOVEL = {"coco": 16}  # labels, by the name that a setting gives them
DROPPED = "images without labels"  # what image_counts.csv calls them


@dataclass(frozen=True)
class Size:
    """What a dataset's manifest has, or will have."""

    train: int
    report: int
    labels: int
    source: str


@dataclass(frozen=True)
class Share:
    """The images of one run."""

    fit: int
    tune: int
    report: int


def of_dataset(book: Book, name: str) -> Size:
    """From the manifest if it is there, else from the drawing's settings or published counts."""
    manifest = Path(f"data/manifests/{book.study}/{name}.npz")
    if manifest.exists():
        return of_manifest(book, name, manifest)
    entry = book.dataset(name)
    if entry.folder:
        raise FileNotFoundError(
            f"how many images {name} has is not known yet; `snakemake --cores 2 {manifest}` with"
            " the same settings counts them"
        )
    return drawn(book, name) if book.size.origin == "drawn" else published(book, name)


def of_manifest(book: Book, name: str, path: Path) -> Size:
    content, parts = read_arrays(path), book.dataset(name).parts
    counts = [int(np.count_nonzero(content["parts"] == part)) for part in parts.lines().values()]
    return Size(*counts, len(content["names"]), str(path))


def drawn(book: Book, name: str) -> Size:
    """A drawing may leave out a few images without labels."""
    entry = book.dataset(name)
    drawing = book.size.drawn[entry.raw].settings()
    images, parts = drawing["images"], entry.parts
    labels = entry.options.get("labels", drawing["labels"])
    return Size(images[parts.train], images[parts.report], labels, f"the drawing {entry.raw}")


def published(book: Book, name: str) -> Size:
    options = book.dataset(name).options
    left_out = DROPPED if "drop" in options.values() else ""
    for line in image_counts.read(PUBLISHED):
        if (line.dataset, line.left_out) == (name, left_out):
            labels = options.get("labels", LABELS.get(name))
            return Size(
                line.train, line.test, labels, f"{PUBLISHED / image_counts.FILE} ({line.who})"
            )
    raise ValueError(
        f"{PUBLISHED / image_counts.FILE} does not say how many images {name} has with {options}"
    )


def share(book: Book, run: Run, size: Size) -> Share:
    """The images that a run learns from, is judged by after each epoch, and is reported on."""
    by_report = book.size.selection == "report"
    if tasks.has_shots(run.task):
        novel = book.fewshot(run.dataset).novel
        count = NOVEL.get(novel, novel) if isinstance(novel, int | str) else len(novel)
        shots = int(run.task.removeprefix("fewshot-"))
        return Share(min(count * shots, size.train), size.report * by_report, size.report)
    tune = round(book.dataset(run.dataset).tune * size.train) * (not by_report)
    return Share(size.train - tune, tune or size.report * by_report, size.report)
