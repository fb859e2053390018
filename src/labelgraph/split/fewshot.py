"""Base and novel labels, and the few images from which novel labels are learnt.

Shapes: N images of the training part, C labels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelgraph.manifest.manifest import DIFFICULT, UNKNOWN, YES
from labelgraph.split import episodes
from labelgraph.split.settings import FewShot

# LaSO's and ML-SGM's 16 of COCO's 80 labels.
COCO_NOVEL = (
    *("bicycle", "boat", "stop sign", "bird", "backpack", "frisbee", "snowboard", "surfboard"),
    *("cup", "fork", "spoon", "broccoli", "chair", "keyboard", "microwave", "vase"),
)


@dataclass(frozen=True)
class Stages:
    """The images and labels that the base stage and the few-shot stage may use."""

    novel: np.ndarray  # (C,) bool
    base_rows: np.ndarray  # images of the base stage
    base_labels: np.ndarray  # their codes
    shot_rows: np.ndarray  # images of all episodes
    shot_labels: np.ndarray  # their codes
    episodes: list[np.ndarray]  # for each episode, places in `shot_rows`


def base_only(labels: np.ndarray) -> Stages:
    """Every label is a base label: no shots."""
    none, rows = np.empty(0, np.int64), np.arange(len(labels))
    return Stages(np.zeros(labels.shape[1], bool), rows, labels, none, labels[:0], [])


def stages(
    images: np.ndarray, labels: np.ndarray, names: tuple[str, ...], setting: FewShot, seed: int
) -> Stages:
    """Shots come from the whole training part; a base image can be a shot too.

    The base stage is the same for every number of shots, 0 included.
    """
    novel = novel_labels(names, setting.novel, seed)  # (C,)
    drawn = all_episodes(images, labels, names, novel, setting, seed)
    shots = np.unique(np.concatenate([np.empty(0, np.int64), *drawn]))
    carries = np.isin(labels[:, novel], (YES, DIFFICULT)).any(1)  # (N,) shows a novel label
    base = np.flatnonzero(~carries) if setting.base_images == "removed" else np.arange(len(labels))
    if not len(base):
        raise ValueError("every image shows a novel label; set fewshot.base_images to hidden")
    hidden = ~novel if setting.shot_base_labels == "hidden" else np.zeros_like(novel)
    return Stages(
        novel=novel,
        base_rows=base,
        base_labels=np.where(novel, np.int8(UNKNOWN), labels[base]),
        shot_rows=shots,
        shot_labels=np.where(hidden, np.int8(UNKNOWN), labels[shots]),
        episodes=[np.searchsorted(shots, rows) for rows in drawn],
    )


def novel_labels(
    names: tuple[str, ...], wanted: str | int | tuple[str, ...], seed: int
) -> np.ndarray:
    """(C,) bool. `coco` takes those of the 16 that the dataset has; a number draws that many."""
    if isinstance(wanted, int):
        if not 0 < wanted < len(names):
            raise ValueError(
                f"fewshot.novel is {wanted}; it must be from 1 to {len(names) - 1}, with"
                f" {len(names)} labels"
            )
        wanted = np.array(names)[np.random.RandomState(seed).permutation(len(names))[:wanted]]
    elif wanted == "coco":
        wanted = [name for name in COCO_NOVEL if name in names]
    elif absent := sorted(set(wanted) - set(names)):
        raise ValueError(f"fewshot.novel names {absent}, which are not labels of the dataset")
    novel = np.isin(names, wanted)
    if not novel.any() or novel.all():
        raise ValueError(
            f"{novel.sum()} of the {len(names)} labels are novel; some but not all must be"
        )
    return novel


def all_episodes(
    images: np.ndarray,
    labels: np.ndarray,
    names: tuple[str, ...],
    novel: np.ndarray,
    setting: FewShot,
    seed: int,
) -> list[np.ndarray]:
    """Rows of the training part, for each episode."""
    if setting.shots == 0:
        return []
    shown = labels[:, novel] == YES  # (N, novel labels)
    novel_names = [name for name, is_novel in zip(names, novel, strict=True) if is_novel]
    check_shots(shown, novel_names, setting.shots, "the training part")
    if not setting.files:
        return [draw(shown, setting.shots, [seed, number]) for number in range(setting.episodes)]
    order = episodes.read_order(Path(setting.order)) if setting.order else None
    found = []
    for name in setting.files:
        rows = episodes.training_rows(episodes.read_positions(Path(name)), images, order, name)
        check_shots(shown[rows], novel_names, setting.shots, name)
        found.append(rows)
    return found


def check_shots(shown: np.ndarray, names: list[str], shots: int, where: str) -> None:
    for name, count in zip(names, shown.sum(0), strict=True):
        if count < shots:
            raise ValueError(
                f"{where}: {count} images show the novel label {name!r}, {shots} are needed; choose"
                " other novel labels or fewer shots"
            )


def draw(shown: np.ndarray, shots: int, seed: list[int]) -> np.ndarray:
    """Rows that show each label at least `shots` times, chosen greedily to be few.

    The rarest label comes first: images that show it are taken in random order until it has enough,
    counting those already taken for other labels. Then the next rarest, and so on.
    """
    order = np.random.RandomState(seed).permutation(len(shown))
    chosen = np.zeros(len(shown), bool)
    for label in np.argsort(shown.sum(0), kind="stable"):
        lacking = shots - int(shown[chosen, label].sum())
        fresh = order[shown[order, label] & ~chosen[order]]
        chosen[fresh[: max(lacking, 0)]] = True
    return np.flatnonzero(chosen)
