"""Which of several runs is the best, without a look at the pictures that tell how good it is.

That is the one whose probabilities suit the tune pictures best: the lowest cross-entropy, with the
calibration of other tune pictures. The reported ones must not choose, or what they say of the one
that is chosen is too good; and mAP on tune is what each training has chosen its epoch by already.

Tune pictures are few, and the best of many runs is partly the luckiest. So the plain network is
taken unless another is ahead of it by more than the standard error of their difference.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelgraph.files.small import read_json
from labelgraph.predict import calibration
from labelgraph.predict.calibration import Calibration

FILE = "calibration.json"
PLAIN = "baseline"  # the method that knows nothing of labels


@dataclass(frozen=True)
class Best:
    folder: Path
    calibration: Calibration
    among: int  # runs
    lowest: float  # cross-entropy of any of them

    @property
    def reason(self) -> str:
        """How it was chosen, as a part of a sentence."""
        which = "reported" if self.calibration.selection == "report" else "tune"
        where = f"{self.calibration.images} {which} pictures"
        loss = f"cross-entropy {loss_of(self.calibration):.3f}"
        higher = loss_of(self.calibration) > self.lowest
        if higher and method(self.folder) == PLAIN:
            return (
                f"the plain network, for of {self.among} runs none has probabilities that suit the"
                f" {where} better by more than a standard error ({loss}; the lowest is"
                f" {self.lowest:.3f})"
            )
        clear = ", of those that are clearly ahead of the plain network" if higher else ""
        start = f"of {self.among} runs the one whose probabilities suit the {where} best"
        return f"{start}{clear} ({loss})"


def best(folders: list[Path]) -> Best | None:
    """Null unless all are calibrated on as many pictures, which runs on the same data are."""
    if not folders or not all((folder / FILE).is_file() for folder in folders):
        return None
    found = {folder: read(folder / FILE) for folder in folders}
    if len({(each.images, each.selection, *each.labels) for each in found.values()}) > 1:
        return None
    first = min(folders, key=lambda folder: loss_of(found[folder]))
    if not found[first].images:
        return None
    plain = [folder for folder in folders if method(folder) == PLAIN]
    rival = min(plain, key=lambda folder: loss_of(found[folder]), default=first)
    contenders = [folder for folder in folders if ahead(found[folder], found[rival])]
    chosen = min(contenders, key=lambda folder: loss_of(found[folder]), default=rival)
    return Best(chosen, found[chosen], len(folders), loss_of(found[first]))


def method(run: Path) -> str:
    """A run's folder is METHOD[@VARIANT]/seedK."""
    return run.parent.name.partition("@")[0]


def read(path: Path) -> Calibration:
    """With the labels that it has itself."""
    content = read_json(path)
    labels = content.get("labels") if isinstance(content, dict) else None
    return calibration.read(path, labels)


def loss_of(found: Calibration) -> float:
    return float(np.mean(found.losses)) if found.losses else float("inf")


def ahead(one: Calibration, other: Calibration) -> bool:
    """Picture by picture, by more than the standard error of the mean difference."""
    gains = np.subtract(other.losses, one.losses)
    if len(gains) < 2:
        return False
    return bool(gains.mean() > gains.std(ddof=1) / len(gains) ** 0.5)
