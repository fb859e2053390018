"""Runs with a frozen encoder, beside those of a study in which it learns.

In a study that is `like` one whose encoder is frozen, `ml_sgm@frozen` has the settings that
`ml_sgm` has there, and `baseline@max_frozen` those of `baseline@max`. No file lists these variants.
"""

from labelgraph.study.entries import FROZEN

NAME = "frozen"


def system_of(system: str) -> str:
    """`ml_sgm` -> `ml_sgm@frozen`."""
    method, _, variant = system.partition("@")
    return f"{method}@{variant}_{NAME}" if variant else f"{method}@{NAME}"


def is_frozen(variant: str) -> bool:
    return bool(FROZEN.fullmatch(variant))


def usual(variant: str) -> str:
    """The variant whose encoder learns."""
    return variant.removesuffix(NAME).removesuffix("_")
