"""What stands behind ±: the standard deviation over runs, or how sure their mean is.

A table of few pictures (PICTURES) says besides, in brackets, between which ends its values lie.
"""

import math

PICTURES = "pictures"
KINDS = ("std", "interval95", PICTURES)
NOTES = {
    "std": "± is the standard deviation over seeds, where there are several.",
    "interval95": (
        "± is half of the 95 % interval of the mean over episodes (Student's t); `std` in the csv"
        " is the standard deviation."
    ),
    PICTURES: (
        "In brackets, where 95 % of the values lie if the reported pictures are drawn again by"
        " chance, a thousand times (the bootstrap): few pictures say little. A value is marked as"
        " the best only if its brackets lie above all others'. ± is the standard deviation over"
        " seeds, where there are several."
    ),
}


def half_width(std: float, runs: int, kind: str) -> float:
    """What stands behind ±, from the standard deviation over `runs` runs, at least two."""
    if kind != "interval95":
        return std
    from scipy.special import stdtrit  # slow to import, and not needed to plan

    return float(stdtrit(runs - 1, 0.975)) * std / math.sqrt(runs)  # Student's t, both sides
