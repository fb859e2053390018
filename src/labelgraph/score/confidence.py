"""The number after ±: the standard deviation over runs, or half their mean's confidence interval.

A table of few pictures (PICTURES) also has a confidence interval in brackets.
"""

import math

PICTURES = "pictures"
KINDS = ("std", "interval95", PICTURES)
NOTES = {
    "std": "± is the standard deviation over seeds, where there are several.",
    "interval95": (
        "± is half of the 95 % confidence interval of the mean over episodes (Student's t); `std`"
        " in the csv is the standard deviation."
    ),
    PICTURES: (
        "In brackets, the 95 % confidence interval over the reported pictures, by a thousand"
        " bootstrap draws: few pictures give wide intervals. ± is the standard deviation over"
        " seeds, where there are several."
    ),
}


def half_width(std: float, runs: int, kind: str) -> float:
    """The number after ±, from the standard deviation over `runs` runs, at least two."""
    if kind != "interval95":
        return std
    from scipy.special import stdtrit  # slow to import, and not needed to plan

    return float(stdtrit(runs - 1, 0.975)) * std / math.sqrt(runs)  # Student's t, both sides
