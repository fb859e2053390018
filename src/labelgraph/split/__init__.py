"""Which images, and which of their labels, training may see; and what is reported.

`cut` is the one place where this is decided. Training is handed a file without the reported images
and without the hidden labels, so neither can leak.

    full        all labels of the training images are known
    partial-P   P percent of them are known, of fit and of tune images (partial.py)
    fewshot-base  base labels from the fit images, novel ones hidden (fewshot.py)
    fewshot-K   the same, and at least K images of each novel label: an episode. A run with seed k
                uses episode k, and goes on from a run of fewshot-base

With `selection: tune` a share of the training images is held out to choose the checkpoint. With
`selection: report` it is chosen on the reported images, as the papers did: these are then in the
training file, with role tune and all their labels, and nothing else is held out.
"""

from labelgraph.split import partial
from labelgraph.split.cutting import Split, cut
from labelgraph.split.partial import known_mask
from labelgraph.split.targets import count, training_target

__all__ = ["Split", "available", "count", "cut", "describe", "known_mask", "training_target"]

PERCENT = range(10, 100, 10)
BASE = "fewshot-base"
SHOTS = (1, 5)


def available() -> list[str]:
    return ["full", *(f"partial-{p}" for p in PERCENT), BASE, *(f"fewshot-{k}" for k in SHOTS)]


def describe() -> list[dict[str, str]]:
    """Name and one sentence for each."""
    return [{"name": task, "description": sentence(task)} for task in available()]


def sentence(task: str) -> str:
    kind, _, number = task.partition("-")
    if task == BASE:
        return (
            "The first stage of few shots: novel labels are hidden in all training images; base"
            " labels are reported."
        )
    if kind == "partial":
        return (
            f"{number} % of the training labels are known, each by its own draw, the same for all"
            " methods; reported images are fully labelled."
        )
    if kind == "fewshot":
        return (
            f"Novel labels are learnt from {number} or a few more images each, by what fewshot-base"
            " has trained; novel labels are reported."
        )
    return "All labels of the training images are known."


def mask_fingerprints(task: str) -> dict[str, str]:
    """Fingerprints of a partial task's masks of the full datasets, drawn when asked for."""
    kind, _, number = task.partition("-")
    if kind != "partial":
        return {}
    share = int(number) / 100
    return {name: partial.mask_fingerprint(*size, share) for name, size in partial.SIZES.items()}
