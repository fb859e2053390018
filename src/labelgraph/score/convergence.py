"""Has a method converged? How its number moves with more training, against what is chance.

A rise counts if it is larger than the spread over seeds and if the interval of the difference, over
report images, lies above zero. The spread alone is too little: three seeds may lie within a tenth
of a point by chance. A fall that counts is overfitting, and no lack of training.
"""

CONVERGED, NOT_CONVERGED = "converged", "not converged"
UNCLEAR, OVERFITS = "unclear", "overfits"
VERDICTS = (CONVERGED, NOT_CONVERGED, UNCLEAR, OVERFITS)


def verdict(rise: float, low: float, high: float, spread: float | None) -> str:
    """`low`, `high`: the interval of the rise, which alone decides if there is no spread."""
    if spread is None:
        spread = rise - low
    if rise > spread:
        return NOT_CONVERGED if low > 0 else UNCLEAR
    return OVERFITS if -rise > spread and high < 0 else CONVERGED
