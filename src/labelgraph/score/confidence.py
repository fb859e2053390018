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
Z = 1.959964  # 97.5 % of a normal distribution lie below it
T = (  # and of Student's with 1, 2, ... degrees of freedom
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
)


def of(std: float, runs: int, kind: str) -> float:
    """`std` over so many runs, two at least, as `kind` has it."""
    if kind != "interval95":
        return std
    return student(runs - 1) * std / math.sqrt(runs)


def student(degrees: int) -> float:
    """The 97.5 % point; beyond the table by its expansion around the normal one."""
    if degrees <= len(T):
        return T[degrees - 1]
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    return Z + first / degrees + second / degrees**2
