"""Findings as a csv file, and as a page that people read."""

import csv
import io
from collections import Counter
from dataclasses import asdict, fields

from labelgraph.files import escaping
from labelgraph.review.audit.findings import KINDS, SURE, Finding

MEANING = {
    "certain": "no numbers that round to the printed digits fit together",
    "likely": "the numbers fit only under a rule that the paper does not follow elsewhere",
    "hint": "the numbers can be, but are worth a look",
}


def as_csv(found: list[Finding]) -> str:
    text = io.StringIO()
    names = [each.name for each in fields(Finding)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, found))
    return text.getvalue()


def counts(found: list[Finding]) -> str:
    number = Counter(each.sure for each in found)
    return ", ".join(f"{number[sure]} {sure}" for sure in SURE)


def as_text(found: list[Finding]) -> str:
    blocks = [
        f"{each.sure}: {each.paper}, table {each.table}, {each.row}, {where(each)}:"
        f" {each.kind}\n  {each.printed or 'nothing'} printed"
        + f", {each.recomputed} recomputed" * bool(each.recomputed)
        + f"; {each.reason}\n"
        for each in found
    ]
    return "\n".join([*blocks, f"{len(found)} findings: {counts(found)}\n"])


def where(each: Finding) -> str:
    return f"{each.dataset} {each.column}".strip()


def as_markdown(found: list[Finding]) -> str:
    """Every level a table; below, what the kinds mean."""
    parts = [
        "# What the published tables contradict",
        f"{len(found)} findings in the numbers of `workflow/published/`: {counts(found)}."
        " `labelgraph audit` makes this list; it does not know beforehand what is wrong.",
    ]
    for sure in SURE:
        chosen = [each for each in found if each.sure == sure]
        if chosen:
            parts += [f"## {sure}: {MEANING[sure]}", table(chosen)]
    used = dict.fromkeys(each.kind for each in found)
    parts += ["## Kinds", "\n".join(f"- {kind}: {KINDS[kind]}" for kind in KINDS if kind in used)]
    return "\n\n".join(parts) + "\n"


def table(found: list[Finding]) -> str:
    header = ["paper, table", "row", "cell", "kind", "printed", "recomputed", "why"]
    rows = [header, ["---"] * 4 + ["---:"] * 2 + ["---"]]
    for each in found:
        place = [f"{each.paper} {each.table}", each.row, where(each), each.kind]
        rows.append([*place, each.printed, each.recomputed, each.reason])
    return "\n".join("| " + " | ".join(map(escaping.prose, row)) + " |" for row in rows)
