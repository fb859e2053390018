"""How many images the systems were trained and scored on, and labels an image (image_counts.csv).

A line is about one paper or system on one dataset: who, dataset, train, test, labels, left_out,
source, sure. `labels` is the printed number of labels an image, empty if the source gives none;
`left_out` says which images of the dataset are missing. `sure`: the number is printed in the
`paper`, or is that of the released `code`, or is `unconfirmed`.
"""

from dataclasses import dataclass
from pathlib import Path

from labelgraph.review.audit.printed import PAPERS, Interval, interval, lines

FILE = "image_counts.csv"
PAPER, CODE, UNCONFIRMED = "paper", "code", "unconfirmed"
SURE = (PAPER, CODE, UNCONFIRMED)


@dataclass(frozen=True)
class ImageCount:
    who: str  # slug of a method; a paper has its method's
    dataset: str
    train: int
    test: int
    labels: str  # as printed
    left_out: str
    source: str
    sure: str  # one of SURE


@dataclass(frozen=True)
class Labels:
    """Labels an image, as the papers' texts give them."""

    value: Interval
    text: str
    source: str


def read(folder: Path) -> list[ImageCount]:
    path = folder / FILE
    found: dict[tuple[str, str], ImageCount] = {}
    for number, line in enumerate(lines(path, 8), 2):
        who, dataset, train, test, labels, left_out, source, sure = line
        where = f"{path}, line {number}"
        if not (train.isdecimal() and test.isdecimal()):
            raise ValueError(f"{where}: train and test are {train!r} and {test!r}, not two counts")
        if labels and interval(labels) is None:
            raise ValueError(f"{where}: labels is {labels!r}, not a number")
        if sure not in SURE:
            raise ValueError(f"{where}: sure is {sure!r}, not one of {SURE}")
        if (who, dataset) in found:
            raise ValueError(f"{where}: {who} on {dataset} is given twice")
        count = ImageCount(who, dataset, int(train), int(test), labels, left_out, source, sure)
        found[who, dataset] = count
    return [*found.values()]


def labels(counts: list[ImageCount], paper: str, dataset: str) -> Labels | None:
    """By the paper's own text; if it says nothing, by those of the other papers together."""
    told = [
        each
        for each in counts
        if each.labels and each.dataset == dataset and each.who in PAPERS and each.sure == PAPER
    ]
    told = [each for each in told if each.who == paper] or told
    if not told:
        return None
    values = [interval(each.labels) for each in told]
    value = Interval(min(each.low for each in values), max(each.high for each in values))
    text = " or ".join(dict.fromkeys(each.labels for each in told))
    return Labels(value, text, ", ".join(f"{each.who} ({each.source})" for each in told))
