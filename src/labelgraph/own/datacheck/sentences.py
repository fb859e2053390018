"""What was found in a dataset, in sentences.

`problems` spoil a training or its result; `remarks` are worth knowing.
"""

from typing import Any

from labelgraph.files.plurals import counted
from labelgraph.own.datacheck import boxes, pictures, unread
from labelgraph.own.datacheck.columns import LABELS
from labelgraph.own.datacheck.guessing import NO_LABEL
from labelgraph.own.datacheck.later import Plan

FEW = 5  # a label with fewer positives is hardly learnt or measured
TOGETHER = {
    "always_the_same_images": "{} and {} are on exactly the same images: are they one label?",
    "nearly_always_brings": "images with {} nearly always have {} as well",
    "never_together": "{} and {} are never on the same image, though both are frequent",
}
RARE = {
    "fit": "expect poor results for them",
    "tune": "their thresholds stay close to the common one",
    "report": "their average precision is unreliable",
}
LONGEST = 200  # characters of a name or of an error that are shown
UNEVEN = 100  # ratio of the commonest label to the rarest from which it is reported


def problems(found: dict[str, Any], plan: Plan) -> list[str]:
    lines = [*found["refused"]]
    if broken := found["unreadable"]:
        lines.append(f"{counted(len(broken), 'image', 'images')} cannot be used: {some(broken)}")
    never = found["never_shown"]
    for role, what in (("fit", "learnt"), ("report", "measured")):
        if names := never.get(role):
            each = "it" if len(names) == 1 else "they"
            lines.append(f"no {role} image shows {some(names)}, so {each} cannot be {what}")
    leaks = [pair for pair in found["alike"] if crosses(pair)]
    if leaks:
        lines.append(
            f"{at_least(found)}{pairs(leaks)} split between training and report, so the results"
            f" will look too good: {shown(leaks)}"
        )
    if plan.learns_boxes and not found["boxes"]["to_learn_from"]:
        lines.append(
            "no fit image has a box with area, but methods that use regions learn them from boxes;"
            " set the reader's option boxes to false"
        )
    return lines


def at_least(found: dict[str, Any]) -> str:
    """For when pairs were left out."""
    return "at least " if found["alike_left_out"] else ""


def crosses(pair: dict[str, Any]) -> bool:
    return ("report" in pair["roles"]) and {*pair["roles"]} & {"fit", "tune"} != set()


def remarks(found: dict[str, Any]) -> list[str]:
    kinds = (of_labels, of_words, of_images, of_pairs)
    lines = [line for kind in kinds for line in kind(found)]
    return lines + of_unread(found["unread"]) + counts(boxes.SENTENCES, found["boxes"])


def of_unread(found: dict[str, dict]) -> list[str]:
    return counts(unread.SENTENCES, found)


def counts(sentences: dict[str, tuple[str, str]], found: dict[str, Any]) -> list[str]:
    return [
        f"{counted(count, *words)}: {some(found[kind]['first'], count)}"
        for kind, words in sentences.items()
        if kind in found and (count := found[kind]["count"])
    ]


def of_labels(found: dict[str, Any]) -> list[str]:
    lines = [few for role in found["images"] if (few := rare(role, found["labels"]))]
    if "tune" not in found["images"]:
        lines.append(
            "there are no tune images: the last epoch is kept and probabilities are not calibrated"
        )
    if (found["imbalance"] or 0) >= UNEVEN:
        lines.append(
            f"the commonest label is {found['imbalance']:.0f} times as frequent as the rarest label"
        )
    for kind, sentence in TOGETHER.items():
        lines += [sentence.format(*pair) for pair in found[kind]]
    lines += [
        f"{name!r} is read as a label; if it means that a picture shows no label, name it in the"
        " reader's option none"
        for name in found["labels"]
        if name.lower() in NO_LABEL
    ]
    lines += [
        f"{name!r} is read as a label, though it looks like the heading of a column"
        for name in found["labels"]
        if is_title(name)
    ]
    return lines + [f"the labels {some(names)} look alike" for names in found["look_alike"]]


def is_title(name: str) -> bool:
    """Whether the name looks like a heading of a column of labels, as label or class does."""
    return LABELS.fullmatch(name) is not None


def rare(role: str, labels: dict[str, dict[str, int]]) -> str:
    """Labels that few images of a role show; none at all is a problem in fit and report."""
    least = {"fit": 1, "report": 1, "tune": 0}.get(role, FEW)
    names = [f"{name} ({n[role]})" for name, n in labels.items() if least <= n[role] < FEW]
    return f"fewer than {FEW} {role} images show {some(names)}: {RARE[role]}" if names else ""


def of_words(found: dict[str, Any]) -> list[str]:
    lines = []
    if missing := found["no_word_vector"]:
        lines.append(
            f"{counted(len(missing), 'label has', 'labels have')} no word vector and will get a"
            f" random one: {some(missing)}; give other words for them under aliases"
        )
    if strange := found["aliases_of_none"]:
        lines.append(f"aliases name {some(strange)}, but the data have no such label")
    return lines


def of_images(found: dict[str, Any]) -> list[str]:
    side = f"a side under {pictures.TINY} pixels"
    same = "one colour everywhere (of 16-bit files, only the upper 8 bits are read)"
    kinds = {
        "without_label": ("image shows no label", "images show no label"),
        "tiny": (f"image has {side}", f"images have {side}"),
        "blank": (f"image has {same}", f"images have {same}"),
    }
    return counts(kinds, found)


def of_pairs(found: dict[str, Any]) -> list[str]:
    inside = [pair for pair in found["alike"] if not crosses(pair)]
    differ = [pair for pair in found["alike"] if not pair["same_labels"]]
    kinds = {"on the same side of the split": inside, "labelled differently": differ}
    return [
        f"{at_least(found)}{pairs(chosen)} {what}: {shown(chosen)}"
        for what, chosen in kinds.items()
        if chosen
    ]


def pairs(chosen: list[dict[str, Any]]) -> str:
    """The start of a sentence about them."""
    one = "pair of near-duplicate images is"
    return counted(len(chosen), one, "pairs of near-duplicate images are")


def shown(chosen: list[dict[str, Any]]) -> str:
    return some([" and ".join(pair["images"]) for pair in chosen])


def some(names: list[str], count: int | None = None) -> str:
    """The first few, and how many more."""
    more = (count or len(names)) - 3
    return ", ".join(brief(name) for name in names[:3]) + (f" and {more} more" if more > 0 else "")


def brief(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
