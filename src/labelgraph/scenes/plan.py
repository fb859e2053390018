"""Which labels each image shows: by scene or, in the control, each label independently.

Every image has its own random generator, so the result depends neither on the number of processes
nor on the order of the images.
"""

import numpy as np

from labelgraph.scenes.looks import look_name
from labelgraph.scenes.worlds import (
    IMPLIES,
    Scene,
    label_names,
    scenes,
)

LABELS, PICTURE, CONTROL, LAYOUT = range(4)  # what a generator is for


def generator(seed: int, purpose: int, index: int) -> np.random.Generator:
    return np.random.default_rng([seed, purpose, index])


def label_matrix(
    world: str, labels: int, rows: range, *, seed: int, structure: bool, empty: int, stray: int
) -> np.ndarray:
    """The labels of images `rows`: (N, C) bool. `empty`, `stray`: percent of images, see `show`.

    Without structure each column is shuffled separately: same counts, independent labels.
    """
    names = chosen_names(world, labels)
    column = {name: position for position, name in enumerate(names)}
    matrix = np.zeros((len(rows), len(names)), bool)
    for row, index in enumerate(rows):
        rng = generator(seed, LABELS, index)
        shown = show(scenes(world), column, rng, empty, stray)
        matrix[row, [column[name] for name in sorted(shown)]] = True
    if not structure:
        rng = generator(seed, CONTROL, rows.start)
        for position in range(len(names)):
            matrix[:, position] = rng.permutation(matrix[:, position])
    return matrix


def chosen_names(world: str, labels: int) -> tuple[str, ...]:
    """The `labels` most frequent labels of a world, alphabetically."""
    names = label_names(world)
    if not 0 < labels <= len(names):
        raise ValueError(f"labels is {labels}; the drawn {world} has 1 to {len(names)}")
    share = {
        name: sum(scene.share * scene.labels.get(name, 0) for scene in scenes(world))
        for name in names
    }
    return tuple(sorted(sorted(names, key=lambda name: -share[name])[:labels]))


def show(
    choices: tuple[Scene, ...],
    known: dict[str, int],
    rng: np.random.Generator,
    empty: int,
    stray: int,
) -> set[str]:
    """The labels of one image: those of a scene, those they imply, and sometimes a stray one.

    A scene that shows none of the dataset's labels is left out.
    """
    if rng.integers(100) < empty:
        return set()
    choices = [scene for scene in choices if scene.labels.keys() & known.keys()]
    shares = np.cumsum([scene.share for scene in choices])
    scene = choices[int(np.searchsorted(shares, rng.integers(shares[-1]), side="right"))]
    shown: set[str] = set()
    while not shown:
        shown = {
            name for name, percent in scene.labels.items() if rng.integers(100) < percent
        } & known.keys()
    by_look = {look_name(name): name for name in known}
    looks = {look_name(name) for name in shown}
    for cause, effect, percent in IMPLIES:
        if rng.integers(100) < percent and cause in looks and effect in by_look:
            shown.add(by_look[effect])
    if rng.integers(100) < stray:
        shown.add(sorted(known)[rng.integers(len(known))])
    return shown
