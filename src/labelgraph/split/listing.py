"""The list of tasks, with a sentence about each."""

from labelgraph.split import partial

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
            "The first few-shot stage: novel labels are hidden in all training images; base"
            " labels are reported."
        )
    if kind == "partial":
        return (
            f"{number} % of the training labels are known, each kept or hidden by its own draw; the"
            " draws are the same for all methods; reported images are fully labelled."
        )
    if kind == "fewshot":
        return (
            f"Novel labels are learnt from {number} or a few more images each, starting from a"
            " model of fewshot-base; novel labels are reported."
        )
    return "All labels of the training images are known."


def mask_fingerprints(task: str) -> dict[str, str]:
    """Fingerprints of a partial task's masks of the full datasets, drawn on each call."""
    kind, _, number = task.partition("-")
    if kind != "partial":
        return {}
    share = int(number) / 100
    return {name: partial.mask_fingerprint(*size, share) for name, size in partial.SIZES.items()}
