"""A number or a difference with its standard error, interval and p-values.

The error has two parts that are independent and add: report images that are drawn again (the same
draw for both systems and all seeds), and seeds that are drawn again, paired. Of S seeds, S - 1 are
drawn with replacement, which makes their part unbiased; over all draws of seeds it is the variance
over seeds divided by S, so no seed need be drawn. Few seeds say little about their own variance, so
the interval is Student's t with the degrees of freedom of Welch and Satterthwaite: S - 1 if all of
the error comes from seeds, those of a normal curve if all of it comes from images. With one seed,
the interval is over images alone.

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
    parts: tuple[tuple[float, float], ...] = ()  # variance and degrees of freedom of each

    @property
    def error(self) -> float:
        return math.sqrt(sum(variance for variance, _ in self.parts))

    @property
    def freedom(self) -> float:
        below = sum(variance**2 / degrees for variance, degrees in self.parts)
        return min(MANY, self.error**4 / below) if below else MANY

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
        return Estimate(self.value - other.value, self.parts + other.parts)


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
    seeds = len(values)
    images = float(np.nanvar(drawn.mean(0), ddof=1))
    parts = [(images, MANY)]
    if seeds > 1:
        parts.append((float(np.var(values, ddof=1)) / seeds, seeds - 1.0))
    return Estimate(float(values.mean()), tuple(parts))
