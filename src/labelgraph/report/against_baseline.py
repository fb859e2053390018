"""Does a graph help? Each method against its baseline on each dataset.

The verdict is that of the interval which the claims have of the same difference. A report of some
tables has no claims; there, seeds alone decide.
"""

from dataclasses import dataclass
from statistics import fmean, stdev

from labelgraph.study.config import Book, Run

METRIC, TASK, BASELINE = "mAP", "full", "baseline"
AHEAD, LEVEL, BEHIND, UNKNOWN = "ahead", "level", "behind", "one seed"
UNCLEAR = "no clear difference"
Intervals = dict[tuple[str, str, str], tuple[float, float]]  # dataset, system, baseline -> ends


@dataclass(frozen=True)
class Gain:
    """mAP of a method minus the mean mAP of its baseline with the same seeds, in points."""

    system: str
    baseline: str
    seeds: tuple[float, ...]  # one gain for each seed of the method
    band: tuple[float, float]  # the baseline's lowest and highest seed
    mean: float
    std: float | None  # the standard deviations of both over their seeds, added in quadrature
    runs: tuple[str, ...]
    interval: tuple[float, float] | None = None  # of the mean, 95 %

    @property
    def verdict(self) -> str:
        """Of the interval; without one, ahead is who has each seed above the baseline's."""
        if self.interval:
            low, high = self.interval
            return AHEAD if low > 0 else BEHIND if high < 0 else UNCLEAR
        low, high = self.band
        if len(self.seeds) < 2 or low == high:
            return UNKNOWN
        if min(self.seeds) > high:
            return AHEAD
        return BEHIND if max(self.seeds) < low else LEVEL


def compare(
    book: Book, runs: list[Run], values: dict[str, float | None], intervals: Intervals
) -> dict[str, list[Gain]]:
    """Dataset -> its methods by gain, the largest first. `values`: folder of a run -> its mAP."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run.task == TASK and values[run.folder] is not None:
            groups.setdefault((run.dataset, run.system), []).append(run)
    found = {}
    for dataset in dict.fromkeys(dataset for dataset, _ in groups):
        here = {system: each for (place, system), each in groups.items() if place == dataset}
        plain = [name for name in book.methods if name in here and name != BASELINE]
        pairs = [(here[name], here.get(against(book, name))) for name in plain]
        gains = [gain(method, base, values, intervals) for method, base in pairs if base]
        if gains:
            found[dataset] = sorted(gains, key=lambda each: (-each.mean, each.system))
    return found


def against(book: Book, method: str) -> str:
    """The baseline that pools as the method does, so that the gain is not one of pooling."""
    return book.method(method).against or BASELINE


def gain(
    method: list[Run], baseline: list[Run], values: dict[str, float], intervals: Intervals
) -> Gain:
    both = {run.seed for run in method} & {run.seed for run in baseline}
    method, baseline = ([run for run in runs if run.seed in both] for runs in (method, baseline))
    ours = [values[run.folder] for run in method]
    theirs = [values[run.folder] for run in baseline]
    middle = fmean(theirs)
    std = None
    if len(ours) > 1 and len(theirs) > 1:
        std = (stdev(ours) ** 2 + stdev(theirs) ** 2) ** 0.5
    return Gain(
        system=method[0].system,
        baseline=baseline[0].system,
        seeds=tuple(number - middle for number in ours),
        band=(min(theirs) - middle, max(theirs) - middle),
        mean=fmean(ours) - middle,
        std=std,
        runs=tuple(run.folder for run in [*method, *baseline]),
        interval=intervals.get((method[0].dataset, method[0].system, baseline[0].system)),
    )
