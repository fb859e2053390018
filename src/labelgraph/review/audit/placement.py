"""Numbers that probably stand under the wrong heading: of all labels, or of the top 3."""

from collections.abc import Iterator

from labelgraph.files.plurals import counted
from labelgraph.review.audit import image_counts, rates, top_three
from labelgraph.review.audit.claims import exact
from labelgraph.review.audit.findings import HINT, LIKELY, Finding, finding
from labelgraph.review.audit.image_counts import ImageCount
from labelgraph.review.audit.printed import Row, by_table

SHIFTED, SWAPPED = "shifted column", "swapped columns"
CUTS = {"": "all labels", "_top3": "the top 3"}
RATES = ("CP", "CR", "CF1", "OP", "OR", "OF1")
PAIRS = (("CF1", "OF1_top3"), ("OF1", "CF1_top3"))  # half of what each cut should have


def check(rows: list[Row], counts: list[ImageCount]) -> Iterator[Finding]:
    for table in by_table(rows):
        for row in table:
            yield from shifted(row, table, rows)
            yield from swapped(row, counts)


def shifted(row: Row, table: list[Row], rows: list[Row]) -> Iterator[Finding]:
    """CF1 of one cut and OF1 of the other, where the other rows have the two together."""
    filled = tuple(name for name in both(RATES) if name in row.printed)
    whole = [other for other in table if other.intervals("CF1", "OF1")]
    half = [other for other in table if ("CF1" in other.printed) != ("OF1" in other.printed)]
    if filled not in PAIRS or row.intervals(*filled) is None or len(whole) < len(half):
        return
    other = counted(len(whole), "other row has", "other rows have")
    more, sure = elsewhere(row, filled, rows)
    reason = (
        f"of the precisions, recalls and F1s the row has only {' and '.join(map(heading, filled))},"
        f" where {other} CF1 and OF1 of all labels together; {gap(row, sorted(filled), whole)}"
        f"{unranked(row, table)}{more}"
    )
    metric = next(name for name in filled if name.endswith("_top3"))
    yield finding(row, metric, "", SHIFTED, sure, reason)


def gap(row: Row, filled: list[str], whole: list[Row]) -> str:
    """Whether the two numbers, CF1 and OF1, are as far apart as those of the other rows."""
    a, b = map(row.printed.get, filled)
    apart = exact((row, filled[1])) - exact((row, filled[0]))
    usual = sorted(exact((other, "OF1")) - exact((other, "CF1")) for other in whole)
    inside = "within" if usual[0] <= apart <= usual[-1] else "not within"
    range_ = top_three.span(top_three.one(usual[0]), top_three.one(usual[-1]))
    return (
        f"{a} and {b} are probably CF1 and OF1 of one and the same set of predicted labels:"
        f" {b} - {a} = {top_three.one(apart)} is {inside} the {range_} of these rows"
    )


def both(names: tuple[str, ...]) -> list[str]:
    return [f"{name}{end}" for end in CUTS for name in names]


def heading(metric: str) -> str:
    name, _, end = metric.partition("_")
    return f"{name} of {CUTS[f'_{end}' if end else '']}"


def unranked(row: Row, table: list[Row]) -> str:
    known = [other for other in table if "mAP" in other.printed]
    if "mAP" in row.printed or not known:
        return ""
    return "; it has no mAP either, and a system that does not rank labels has no top 3"


def elsewhere(row: Row, filled: tuple[str, ...], rows: list[Row]) -> tuple[str, str]:
    """What other tables print of the system: the numbers under another heading, or as here."""
    others = [
        other
        for other in rows
        if (other.dataset, other.method) == (row.dataset, row.method)
        and (other.paper, other.table) != (row.paper, row.table)
    ]
    numbers = [row.printed[name] for name in filled]
    moved = [
        f"; {other.where} has {other.printed[name]} as {heading(name)}"
        for other in others
        for name in both(RATES)
        if name not in filled and other.printed.get(name) in numbers
    ]
    same = [
        f"; {other.paper}, table {other.table} places the two numbers in the same way"
        for other in others
        if [other.printed.get(name) for name in filled] == numbers
    ]
    return "".join(moved + same), LIKELY if moved else HINT


def swapped(row: Row, counts: list[ImageCount]) -> Iterator[Finding]:
    """The top 3 have more recall and less precision, but are fewer than three labels an image."""
    labels = image_counts.labels(counts, row.paper, row.dataset)
    kept = top_three.kept(row, labels) if labels else None
    if kept is None or not kept.few or "OF1" not in row.printed or not rates.exchanged(row):
        return

    def against(name: str) -> str:
        return f"{name} {row.printed[f'{name}_top3']} against {row.printed[name]}"

    whole = top_three.kept(row, labels, end="")
    reason = (
        f"as printed, the top 3 have more recall than all labels ({against('CR')},"
        f" {against('OR')}), less precision ({against('CP')}, {against('OP')}) and more labels an"
        f" image ({top_three.shown(kept.value)} against {top_three.shown(whole.value)}, each OR /"
        f" OP x {labels.text}), though they are a part of them; with the numbers of all labels and"
        f" of the top 3 exchanged, all of this is as it has to be"
    )
    yield finding(row, "OF1_top3", row.printed["OF1"], SWAPPED, LIKELY, reason)
