"""Has a method converged? Its number after a longer training, against what it changes by chance.

The question is whether a table's number would be higher with more training: on the same images, by
more than it changes from seed to seed. So the rise is compared with the spread over seeds; other
images do not matter. A fall by as much is overfitting, which longer training does not help.
"""

CONVERGED, NOT_CONVERGED, OVERFITS = "converged", "not converged", "overfits"
VERDICTS = (CONVERGED, NOT_CONVERGED, OVERFITS)


def verdict(rise: float, spread: float) -> str:
    if rise > spread:
        return NOT_CONVERGED
    return OVERFITS if rise < -spread else CONVERGED
