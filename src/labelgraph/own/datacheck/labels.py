"""Labels of a dataset: how often they occur, how unevenly, and which occur together.

Shapes: N images, C labels.
"""

import unicodedata
from typing import Any

import numpy as np

from labelgraph.manifest.manifest import DIFFICULT, YES

ALWAYS = 0.9  # least share of a label's images that show another, to be reported
LEAST = 5  # least number of images, to be reported
NO_INK = ("Cf", "Zs")  # Unicode's categories of joiners and of blanks
SHOWN = 5  # pairs of each kind


def describe(
    names: tuple[str, ...], labels: np.ndarray, roles: np.ndarray, kinds: list[str]
) -> dict[str, Any]:
    """`roles` (N,): how each image is used, one of `kinds`."""
    shown = labels == YES
    counts = {
        name: {kind: int(shown[roles == kind, column].sum()) for kind in kinds}
        for column, name in enumerate(names)
    }
    totals = shown.sum(0)
    some = totals[totals > 0]
    return {
        "labels": counts,
        "labels_an_image": round(float(shown.sum(1).mean()), 3),
        "difficult": int((labels == DIFFICULT).sum()),
        "imbalance": round(float(some.max() / some.min()), 1) if len(some) else None,
        "never_shown": {kind: [name for name in names if not counts[name][kind]] for kind in kinds},
        **together(names, shown),
    }


def look_alike(names: tuple[str, ...]) -> list[list[str]]:
    """Labels that differ only in case, spaces, Unicode form or invisible characters."""
    groups: dict[str, list[str]] = {}
    for name in names:
        seen = unicodedata.normalize("NFKC", name).casefold()
        inked = [letter for letter in seen if unicodedata.category(letter) not in NO_INK]
        groups.setdefault("".join(inked), []).append(name)
    return [some for some in groups.values() if len(some) > 1]


def together(names: tuple[str, ...], shown: np.ndarray) -> dict[str, Any]:
    """Pairs that always, nearly always or never occur together."""
    counts = shown.T.astype(np.float64) @ shown  # (C, C)
    totals = counts.diagonal()
    expected = np.outer(totals, totals) / len(shown)
    given = counts / totals.clip(1)[:, None]  # P(column | row)
    enough = totals >= LEAST
    upper = np.triu(np.ones_like(counts, bool), 1)
    same = (counts == totals[:, None]) & (counts == totals[None]) & upper & enough[:, None]
    brings = (given >= ALWAYS) & (counts >= 2 * expected) & enough[:, None] & ~(same | same.T)
    np.fill_diagonal(brings, False)
    never = (counts == 0) & (expected >= LEAST) & upper
    return {
        "always_the_same_images": pairs(names, same, -totals[:, None] + 0 * counts),
        "nearly_always_brings": pairs(names, brings, -counts),
        "never_together": pairs(names, never, -expected),
    }


def pairs(names: tuple[str, ...], chosen: np.ndarray, order: np.ndarray) -> list[list[str]]:
    """The SHOWN pairs with the lowest `order`."""
    rows, columns = np.nonzero(chosen)
    best = np.argsort(order[rows, columns], kind="stable")[:SHOWN]
    return [[names[rows[k]], names[columns[k]]] for k in best]
