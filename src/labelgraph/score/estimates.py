"""A number or a difference with its 95 % interval and p-values.

The error has two parts: report images that are drawn again (the same draw for both systems and all
seeds), and seeds that are drawn again, paired. Of S seeds, S - 1 are drawn with replacement, which
makes the variance unbiased; over all such draws it is the variance over seeds divided by S, so no
seed need be drawn. Seeds also differ because each errs on other images of the few; the draws of
images have that part already, so it is taken off. With one seed, the interval is over images alone.

Few seeds say little about how far seeds differ. So each part has a quantile of its own, that of a
normal curve for images and Student's t with S - 1 degrees of freedom for seeds, and half the width
of the interval is the root of the sum of (quantile times standard error) squared (Howe 1974; Zou
and Donner 2008 call it MOVER).

Shapes: S seeds, R draws.
"""

import math
from dataclasses import dataclass

import numpy as np

from labelgraph.score.bootstrap import LEVEL

EACH_SIDE = (100 - LEVEL) / 200
SMALLEST = 1e-15  # p-value that is told from zero
NORMAL = math.inf  # degrees of freedom of a normal curve


@dataclass(frozen=True)
class Estimate:
    value: float
    parts: tuple[tuple[float, float], ...] = ()  # variance and degrees of freedom of each

    def half(self, beyond: float = EACH_SIDE) -> float:
        """Half the width of the interval that leaves out `beyond` on each side."""
        return math.sqrt(sum(variance * quantile(n, beyond) ** 2 for variance, n in self.parts))

    @property
    def low(self) -> float:
        return self.value - self.half()

    @property
    def high(self) -> float:
        return self.value + self.half()

    def p_ahead(self, least: float = 0.0) -> float:
        """One-sided: how likely a value this high is if the truth is `least` or lower."""
        return self.beyond(self.value - least)

    def p_behind(self, most: float = 0.0) -> float:
        return self.beyond(most - self.value)

    def beyond(self, above: float) -> float:
        """What the interval leaves out on a side when it ends `above` its middle."""
        if above < 0:
            return 1 - self.beyond(-above)
        if not self.half():
            return 0.0 if above else 1.0
        if above >= self.half(SMALLEST):
            return SMALLEST
        low, high = math.log(SMALLEST), math.log(0.5)
        for _ in range(50):  # the interval widens as `beyond` falls
            middle = (low + high) / 2
            low, high = (middle, high) if self.half(math.exp(middle)) > above else (low, middle)
        return math.exp(high)

    def minus(self, other: "Estimate") -> "Estimate":
        """Of independent images and seeds."""
        return Estimate(self.value - other.value, self.parts + other.parts)


def quantile(freedom: float, beyond: float) -> float:
    from scipy.special import ndtri, stdtrit  # slow to import, and not needed to plan

    return -float(ndtri(beyond) if freedom == NORMAL else stdtrit(freedom, beyond))


def estimate(values: np.ndarray, drawn: np.ndarray) -> Estimate:
    """Of the mean over seeds: `values` (S,) as they are, `drawn` (S, R) over draws of images."""
    seeds, means = len(values), drawn.mean(0)  # (R,)
    images = float(np.nanvar(means, ddof=1))
    if seeds == 1:
        return Estimate(float(values[0]), ((images, NORMAL),))
    between = float(np.var(values, ddof=1)) / seeds
    explained = float(np.nanvar(drawn - means, axis=1, ddof=1).mean()) / (seeds - 1)
    rest = max(0.0, between - explained)
    return Estimate(float(values.mean()), ((images, NORMAL), (rest, seeds - 1)))
