"""What a study downloads, and the room it takes on disk."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from labelgraph.costs import regions, work
from labelgraph.costs.dataset_sizes import Size
from labelgraph.costs.planning import Job
from labelgraph.fetch import sources
from labelgraph.study.config import Book, Run

SOURCES = Path("workflow/config/sources.yaml")
ARCHIVES = Path("data/archives")
PLACES = ("data", "work", "results")  # what the workflow fills
CHECKPOINT = 4  # copies of the learnt weights: the state, two of the optimizer, and the best


@dataclass(frozen=True)
class Storage:
    """Bytes."""

    download: int  # that is not there yet
    unknown: list[str]  # files whose size nobody gives
    by_hand: list[str]  # files that are given out on request
    used: int  # by data/, work/ and results/ now
    free: int  # on this disk now
    most: int  # what they take when the study is done, and while its jobs run
    parts: dict[str, int]  # of `most`


def of_study(book: Book, runs: list[Run], jobs: list[Job], sizes: dict[str, Size], at_once: int):
    needed = downloads(book, runs)
    missing = [each for each in needed if not (ARCHIVES / each.file).exists()]
    archives = sum(each.bytes or 0 for each in needed)
    unpacked = sum(each.bytes or 0 for each in needed if each.unpack)
    trained = [job for job in jobs if job.kind == "trainings"]
    scores = [sizes[run.dataset].report * sizes[run.dataset].labels * work.FLOAT for run in runs]
    all_weights = [job.weights for job in trained]
    heaviest = sorted(all_weights, reverse=True)[:at_once]
    parts = {
        "archives": archives,
        "unpacked": unpacked,
        "features": features(book, runs, sizes),
        "models": sum(heaviest if book.size.models == "removed" else all_weights),
        "predictions": sum(scores),
        "checkpoints of trainings at work": CHECKPOINT * sum(heaviest),
    }
    return Storage(
        download=sum(each.bytes or 0 for each in missing),
        unknown=[each.file for each in missing if each.bytes is None],
        by_hand=[each.file for each in missing if not each.addresses],
        used=sum(map(bytes_in, map(Path, PLACES))),
        free=shutil.disk_usage(Path()).free,
        most=sum(parts.values()),
        parts=parts,
    )


def downloads(book: Book, runs: list[Run]) -> list[sources.Source]:
    """The files of the datasets, of words and of weights that the runs need."""
    table = sources.read(SOURCES)
    files = {Path(path).name for path in weights(book, runs)}
    groups = [table.group("conceptnet")] * any(
        book.settings(run).training.model.get("knowledge") == "conceptnet" for run in runs
    )
    if book.size.origin == "official":
        own = {name for name in {run.dataset for run in runs} if book.dataset(name).folder}
        datasets = {run.dataset for run in runs} - own
        groups += [group for name in sorted(datasets) for group in table.needed(name)]
        groups += [table.group("glove")] * any(
            book.dataset(run.dataset).vectors == "glove" for run in runs
        )
    found = {
        source.name: source
        for group in groups
        if group.name not in book.size.local
        for source in group.sources.values()
    }
    found |= {source.name: source for source in table.sources() if source.file in files}
    return [*found.values()]


def weights(book: Book, runs: list[Run]) -> set[str]:
    """Paths of weights that are read from files."""
    found = {book.settings(run).training.encoder.weights for run in runs}
    if regions.needed(book, runs):
        found.add(regions.weights(book))
    return {path for path in found if path not in (None, "imagenet")}


def features(book: Book, runs: list[Run], sizes: dict[str, Size]) -> int:
    """Cached features in half precision: each dataset, size and view once."""
    found = set()
    for run in runs:
        training = book.settings(run).training
        encoder = training.encoder
        if encoder.cached:
            views = {(encoder.size, view) for view in training.train.views}
            views |= {(encoder.test_size, encoder.test_view)}
            found |= {(run.dataset, encoder.name, *each) for each in views}
    return sum(
        (sizes[dataset].train + sizes[dataset].report * (view == "plain"))
        * work.stages(name, side)[2]
        * work.stages(name, side)[3] ** 2
        * 2
        for dataset, name, side, view in found
    )


def bytes_in(folder: Path) -> int:
    return sum(
        os.lstat(Path(place, name)).st_size for place, _, names in os.walk(folder) for name in names
    )
