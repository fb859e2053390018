"""What was found out about a dataset, in sentences.

`problems` will spoil a training or its result, `remarks` are worth knowing.
"""

from typing import Any

from labelgraph.own.datacheck import boxes, pictures, unread
from labelgraph.own.datacheck.columns import LABELS
from labelgraph.own.datacheck.guessing import NO_LABEL
from labelgraph.own.datacheck.later import Plan

FEW = 5  # positives below which a label is hardly learnt or judged
TOGETHER = {
    "always_the_same_images": "{} and {} are on exactly the same images: one label, two names?",
    "nearly_always_brings": "where {} is, {} nearly always is, too",
    "never_together": "{} and {} are never on one image, though both are frequent",
}
RARE = {
    "fit": "expect little of them",
    "tune": "their thresholds are drawn towards that of all labels",
    "report": "their precision says little",
}
LONGEST = 200  # letters of a name, or of what is wrong with a file
UNEVEN = 100  # times that the commonest label is as frequent as the rarest


def problems(found: dict[str, Any], plan: Plan) -> list[str]:
    said = [*found["refused"]]
    if broken := found["unreadable"]:
        said.append(f"{len(broken)} images cannot be used: {some(broken)}")
    never = found["never_shown"]
    for role, what in (("fit", "learnt"), ("report", "judged")):
        if names := never.get(role):
            said.append(f"no {role} image shows {some(names)}, so it cannot be {what}")
    leaks = [pair for pair in found["alike"] if crosses(pair)]
    if leaks:
        shown = some([" and ".join(pair["images"]) for pair in leaks])
        said.append(
            f"{at_least(found)}{len(leaks)} pairs of nearly the same image are in training and in"
            f" report, so what is reported is too good: {shown}"
        )
    if plan.learns_boxes and not found["boxes"]["to_learn_from"]:
        said.append(
            "no fit image has a box with area, and methods that take regions learn them from boxes;"
            " set the reader's option boxes to false"
        )
    return said


def at_least(found: dict[str, Any]) -> str:
    """Of very many pairs not all are looked at one by one."""
    return "at least " if found["alike_left_out"] else ""


def crosses(pair: dict[str, Any]) -> bool:
    return ("report" in pair["roles"]) and {*pair["roles"]} & {"fit", "tune"} != set()


def remarks(found: dict[str, Any]) -> list[str]:
    kinds = (of_labels, of_words, of_images, of_pairs)
    said = [line for kind in kinds for line in kind(found)]
    return said + of_unread(found["unread"]) + counts(boxes.SENTENCES, found["boxes"])


def of_unread(found: dict[str, dict]) -> list[str]:
    return counts(unread.SENTENCES, found)


def counts(sentences: dict[str, str], found: dict[str, Any]) -> list[str]:
    return [
        sentence.format(found[kind]["count"], some(found[kind]["first"], found[kind]["count"]))
        for kind, sentence in sentences.items()
        if kind in found and found[kind]["count"]
    ]


def of_labels(found: dict[str, Any]) -> list[str]:
    said = [few for role in found["images"] if (few := rare(role, found["labels"]))]
    if "tune" not in found["images"]:
        said.append("no image is held out to tune: the last epoch is kept, nothing is calibrated")
    if (found["imbalance"] or 0) >= UNEVEN:
        said.append(
            f"the commonest label is {found['imbalance']:.0f} times as frequent as the rarest"
        )
    for kind, sentence in TOGETHER.items():
        said += [sentence.format(*pair) for pair in found[kind]]
    said += [
        f"{name!r} is read as a label, though its name says that there is none; put such pictures"
        " under one name, which option none gives"
        for name in found["labels"]
        if name.lower() in NO_LABEL
    ]
    said += [
        f"{name!r} is read as one label of that name" for name in found["labels"] if is_title(name)
    ]
    return said + [f"the labels {some(names)} look alike" for names in found["look_alike"]]


def is_title(name: str) -> bool:
    """Label or class: rather what a column of labels is called."""
    return LABELS.fullmatch(name) is not None


def rare(role: str, labels: dict[str, dict[str, int]]) -> str:
    """Labels that few images of a role show; of fit and report, those without are a problem."""
    least = {"fit": 1, "report": 1, "tune": 0}.get(role, FEW)
    names = [f"{name} ({n[role]})" for name, n in labels.items() if least <= n[role] < FEW]
    return f"fewer than {FEW} {role} images show {some(names)}: {RARE[role]}" if names else ""


def of_words(found: dict[str, Any]) -> list[str]:
    said = []
    if missing := found["no_word_vector"]:
        said.append(
            f"{len(missing)} labels have no word vector, theirs are drawn: {some(missing)}; aliases"
            " name words that mean them"
        )
    if strange := found["aliases_of_none"]:
        said.append(f"aliases name {some(strange)}, which the data have no label of")
    return said


def of_images(found: dict[str, Any]) -> list[str]:
    kinds = {
        "without_label": "show no label",
        "tiny": f"have a side under {pictures.TINY} pixels",
        "blank": "are read as all one grey (of 16 bits a pixel the upper 8 are what is read)",
    }
    return [
        f"{found[kind]['count']} images {what}: {some(found[kind]['first'], found[kind]['count'])}"
        for kind, what in kinds.items()
        if found[kind]["count"]
    ]


def of_pairs(found: dict[str, Any]) -> list[str]:
    inside = [pair for pair in found["alike"] if not crosses(pair)]
    differ = [pair for pair in found["alike"] if not pair["same_labels"]]
    kinds = {"serve the same end": inside, "have different labels": differ}
    return [
        f"{at_least(found)}{len(chosen)} pairs of nearly the same image {what}:"
        f" {some([' and '.join(pair['images']) for pair in chosen])}"
        for what, chosen in kinds.items()
        if chosen
    ]


def some(names: list[str], count: int | None = None) -> str:
    """The first few, and how many more."""
    more = (count or len(names)) - 3
    return ", ".join(brief(name) for name in names[:3]) + (f" and {more} more" if more > 0 else "")


def brief(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
