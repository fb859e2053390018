"""Which of several runs is the best, without a look at the pictures that tell how good it is.

That is the one whose probabilities suit the tune pictures best: the lowest cross-entropy, after
calibration by other tune pictures. The reported ones must not choose, or what they say of the one
that is chosen is too good; and a ranking by mAP on tune would be one that each training has already
made the most of, as it chose its epoch by that.
"""

from dataclasses import dataclass
from pathlib import Path

from labelgraph.files import read_json
from labelgraph.trained import calibration
from labelgraph.trained.calibration import Calibration

FILE = "calibration.json"


@dataclass(frozen=True)
class Best:
    folder: Path
    calibration: Calibration
    among: int  # runs

    @property
    def reason(self) -> str:
        """How it was chosen, as a part of a sentence."""
        which = "reported" if self.calibration.selection == "report" else "tune"
        return (
            f"the best of {self.among} by its probabilities on {self.calibration.images} {which}"
            f" pictures (cross-entropy {loss(self.calibration):.3f})"
        )


def best(folders: list[Path]) -> Best | None:
    """Null unless all are calibrated on as many pictures, which runs on the same data are."""
    if not folders or not all((folder / FILE).is_file() for folder in folders):
        return None
    found = [read(folder / FILE) for folder in folders]
    if len({(each.images, each.selection, *each.labels) for each in found}) > 1:
        return None
    if not found[0].images:
        return None
    least = min(range(len(found)), key=lambda place: loss(found[place]))
    return Best(folders[least], found[least], len(folders))


def read(path: Path) -> Calibration:
    """With the labels that it has itself."""
    content = read_json(path)
    labels = content.get("labels") if isinstance(content, dict) else None
    return calibration.read(path, labels)


def loss(found: Calibration) -> float:
    """Of the probabilities that are in use: a temperature that did not help was not taken."""
    return found.loss["before" if found.temperature == 1 else "after"]
