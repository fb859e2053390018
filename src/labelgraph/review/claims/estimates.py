"""A number or a difference with its standard error, interval and p-values.

The error has two parts that add: report images that are drawn again (the same draw for both
systems and all seeds), and seeds that are drawn again, paired. Of S seeds, S - 1 are drawn with
replacement, which makes the variance unbiased; over all such draws it is the variance over seeds
divided by S, so no seed need be drawn. Seeds also differ because each errs on other images of the
few; the draws of images have that part already, so it is taken off. Few seeds say little about how
far seeds differ, so the interval is Student's t, with the degrees of freedom of Welch and
Satterthwaite: S - 1 if the error is that of seeds, those of a normal curve if it is that of images.
With one seed, the interval is over images alone.

Shapes: S seeds, R draws.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from labelgraph.score.bootstrap import LEVEL

MANY = 1e6  # degrees of freedom of a normal curve


@dataclass(frozen=True)
class Estimate:
    value: float
    variance: float = 0.0
    doubt: float = 0.0  # of the variance: its square over the degrees of freedom

    @property
    def error(self) -> float:
        return math.sqrt(self.variance)

    @property
    def freedom(self) -> float:
        return min(MANY, self.variance**2 / self.doubt) if self.doubt else MANY

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return quantile(self.freedom) * self.error

    @property
    def low(self) -> float:
        return self.value - self.half

    @property
    def high(self) -> float:
        return self.value + self.half

    def p_ahead(self, least: float = 0.0) -> float:
        """One-sided: how likely a value this high is if the truth is `least` or lower."""
        return tail(self.value - least, self.error, self.freedom)

    def p_behind(self, most: float = 0.0) -> float:
        return tail(most - self.value, self.error, self.freedom)

    def minus(self, other: "Estimate") -> "Estimate":
        """Of independent images and seeds."""
        sums = self.variance + other.variance, self.doubt + other.doubt
        return Estimate(self.value - other.value, *sums)


@cache
def quantile(freedom: float) -> float:
    from scipy.special import stdtrit  # slow to import, and not needed to plan

    return float(stdtrit(freedom, 0.5 + LEVEL / 200))


def tail(above: float, error: float, freedom: float) -> float:
    from scipy.special import stdtr

    if not error:
        return 0.0 if above > 0 else 1.0
    return float(stdtr(freedom, -above / error))


def estimate(values: np.ndarray, drawn: np.ndarray) -> Estimate:
    """Of the mean over seeds: `values` (S,) as they are, `drawn` (S, R) over draws of images."""
    seeds, means = len(values), drawn.mean(0)  # (R,)
    images = float(np.nanvar(means, ddof=1))
    if seeds == 1:
        return Estimate(float(values[0]), images)
    between = float(np.var(values, ddof=1)) / seeds
    explained = float(np.nanvar(drawn - means, axis=1, ddof=1).mean()) / (seeds - 1)
    variance = images + max(0.0, between - explained)
    doubt = min(between, variance) ** 2 / (seeds - 1)
    return Estimate(float(values.mean()), variance, doubt)
