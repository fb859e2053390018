"""Draws all images of a dataset, in several processes, and records what is visible in each."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from labelgraph.scenes.place import frame, place
from labelgraph.scenes.plan import (
    PICTURE,
    chosen_names,
    generator,
    label_matrix,
)
from labelgraph.scenes.render import Shown, render

VISIBLE = 10  # percent of a thing that must be visible for it to be annotated


class Settings(NamedTuple):
    """One drawn dataset. Percentages are whole numbers."""

    images: dict[str, int]  # how many of each part
    labels: int  # the most frequent ones of its world
    seed: int
    structure: bool  # False: the control, in which labels and places are independent
    long_side: int  # pixels
    size: int  # percent of the usual size of things
    stray: int  # percent of images with a label from anywhere
    empty: int  # percent of images that show nothing
    crowds: int  # percent of labels drawn as a crowd, where a crowd is likely
    repainted: int  # percent of things in a random other colour
    clutter: int  # meaningless shapes in each image
    noise: int  # largest change of a pixel
    quality: int  # of JPEG


class Picture(NamedTuple):
    """A drawn image, fully determined by its index."""

    index: int
    width: int
    height: int
    shown: list[Shown]


def draw_parts(
    world: str, settings: Settings, files: dict[str, list[Path]], jobs: int
) -> dict[str, list[Picture]]:
    """Draws image i of part p to `files[p][i]`."""
    jobs_of_parts = {part: plan_part(world, settings, files, part) for part in files}
    work = [job for part in jobs_of_parts.values() for job in part]
    for folder in {path.parent for _, _, path in work}:
        folder.mkdir(parents=True, exist_ok=True)
    function = partial(draw, settings)
    if pool := workers(jobs):
        with pool:
            pictures = iter(list(pool.map(function, work, chunksize=16)))
    else:
        pictures = iter([function(job) for job in work])
    return {part: [next(pictures) for _ in part_jobs] for part, part_jobs in jobs_of_parts.items()}


def workers(jobs: int) -> ProcessPoolExecutor | None:
    """Spawned, not forked: the caller may have threads. None if one process is enough."""
    if jobs == 1:
        return None
    try:
        return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), end_with_parent)
    except OSError as error:
        print(f"drawing in this process only: no others can be started ({error})", file=sys.stderr)
        return None


Job = tuple[int, list[str], Path]  # index, labels, file


def plan_part(world: str, settings: Settings, files: dict[str, list[Path]], part: str) -> list[Job]:
    first = sum(len(files[earlier]) for earlier in list(files)[: list(files).index(part)])
    rows = range(first, first + len(files[part]))
    names = chosen_names(world, settings.labels)
    matrix = label_matrix(
        world,
        settings.labels,
        rows,
        seed=settings.seed,
        structure=settings.structure,
        empty=settings.empty,
        stray=settings.stray,
    )
    return [
        (index, [names[column] for column in np.flatnonzero(labels)], path)
        for index, labels, path in zip(rows, matrix, files[part], strict=True)
    ]


def draw(settings: Settings, job: Job) -> Picture:
    index, labels, path = job
    rng = generator(settings.seed, PICTURE, index)
    area = frame(settings.long_side, rng)
    things = place(
        labels,
        area,
        rng,
        structure=settings.structure,
        size=settings.size,
        crowds=settings.crowds,
    )
    picture, shown = render(
        things,
        area,
        rng,
        clutter=settings.clutter,
        noise=settings.noise,
        repainted=settings.repainted,
    )
    picture.save(path, "JPEG", quality=settings.quality)
    return Picture(index, *area, annotated(shown))


def annotated(shown: Sequence[Shown]) -> list[Shown]:
    return [item for item in shown if item.percent >= VISIBLE]


def end_with_parent() -> None:
    """Ends a worker whose parent was killed; it would wait for work for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
