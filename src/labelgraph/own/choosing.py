"""The best of several runs, chosen without the reported pictures.

The best run has the lowest cross-entropy on the tune pictures, each picture calibrated with the
others. Choosing by the reported pictures would make the reported numbers too high, and each
training has already chosen its epoch by the mAP on tune.

With few tune pictures the best of many runs is partly the luckiest. So the baseline is chosen
unless another run beats it by more than the standard error of their difference.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labelgraph.files.small import read_json
from labelgraph.predict import calibration
from labelgraph.predict.calibration import Calibration

FILE = "calibration.json"
BASELINE = "baseline"  # the method without a label graph


@dataclass(frozen=True)
class Best:
    folder: Path
    calibration: Calibration
    among: int  # number of runs
    lowest: float  # cross-entropy among all of them

    @property
    def reason(self) -> str:
        """Why it was chosen, as the end of a sentence."""
        which = "reported" if self.calibration.selection == "report" else "tune"
        where = f"{self.calibration.images} {which} pictures"
        loss = loss_of(self.calibration)
        if loss > self.lowest and method(self.folder) == BASELINE:
            return (
                f"the best of {self.among} runs, because no other beats this baseline by more than"
                f" one standard error on the {where} (cross-entropy {loss:.3f}; the lowest is"
                f" {self.lowest:.3f})"
            )
        clear = " among those that clearly beat the baseline" if loss > self.lowest else ""
        return (
            f"the best of {self.among} runs, with the lowest cross-entropy on the {where}"
            f" ({loss:.3f}){clear}"
        )


def best(folders: list[Path]) -> Best | None:
    """None unless all runs have the same labels and as many tune pictures, so the same data."""
    if not folders or not all((folder / FILE).is_file() for folder in folders):
        return None
    found = {folder: read(folder / FILE) for folder in folders}
    if len({(each.images, each.selection, *each.labels) for each in found.values()}) > 1:
        return None
    first = min(folders, key=lambda folder: loss_of(found[folder]))
    if not found[first].images:
        return None
    baselines = [folder for folder in folders if method(folder) == BASELINE]
    rival = min(baselines, key=lambda folder: loss_of(found[folder]), default=first)
    contenders = [folder for folder in folders if ahead(found[folder], found[rival])]
    chosen = min(contenders, key=lambda folder: loss_of(found[folder]), default=rival)
    return Best(chosen, found[chosen], len(folders), loss_of(found[first]))


def method(run: Path) -> str:
    """A run's folder is METHOD[@VARIANT]/seedK."""
    return run.parent.name.partition("@")[0]


def read(path: Path) -> Calibration:
    """A calibration with whatever labels it has."""
    content = read_json(path)
    labels = content.get("labels") if isinstance(content, dict) else None
    return calibration.read(path, labels)


def loss_of(found: Calibration) -> float:
    return float(np.mean(found.losses)) if found.losses else float("inf")


def ahead(one: Calibration, other: Calibration) -> bool:
    """Whether `one` is better by more than the standard error of the mean difference."""
    gains = np.subtract(other.losses, one.losses)
    if len(gains) < 2:
        return False
    return bool(gains.mean() > gains.std(ddof=1) / len(gains) ** 0.5)
