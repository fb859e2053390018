"""Findings as a csv file, and as a page that people read."""

import csv
import io
from collections import Counter
from dataclasses import asdict, fields

from labelgraph.files import escaping
from labelgraph.files.plurals import counted
from labelgraph.review.audit.findings import HINT, KINDS, SURE, Finding

MEANING = {
    "certain": "no numbers that round to the printed digits fit together",
    "likely": "the numbers fit only under a rule that the paper does not follow elsewhere",
    "hint": "the numbers are possible, but worth a look",
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
    plural = {HINT: "hints"}
    return ", ".join(counted(number[sure], sure, plural.get(sure, sure)) for sure in SURE)


def as_text(found: list[Finding]) -> str:
    blocks = [
        f"{each.sure}: {each.paper}, table {each.table}, {each.row}, {where(each)}:"
        f" {each.kind}\n  {each.printed or 'nothing'} printed"
        + f", {each.recomputed} recomputed" * bool(each.recomputed)
        + f"; {each.reason}\n"
        for each in found
    ]
    return "\n".join([*blocks, f"{counted(len(found), 'finding', 'findings')}: {counts(found)}\n"])


def where(each: Finding) -> str:
    return f"{each.dataset} {each.column}".strip()


def as_markdown(found: list[Finding]) -> str:
    """A table for each level of certainty, then what the kinds mean."""
    parts = [
        "# Contradictions in the published tables",
        f"{counted(len(found), 'finding', 'findings')} in the numbers of `workflow/published/`:"
        f" {counts(found)}. A hint is no contradiction: it says what to look at, or what cannot be"
        " compared. `labelgraph audit` makes this list; it is given no known errors.",
    ]
    for sure in SURE:
        chosen = [each for each in found if each.sure == sure]
        if chosen:
            chosen.sort(key=lambda each: [*KINDS].index(each.kind))
            parts += [f"## {sure}: {MEANING[sure]}", table(chosen)]
    used = Counter(each.kind for each in found)
    kinds = [f"- {kind} ({used[kind]}): {KINDS[kind]}" for kind in KINDS if kind in used]
    parts += ["## Kinds", "\n".join(kinds)]
    return "\n\n".join(parts) + "\n"


def table(found: list[Finding]) -> str:
    header = ["paper, table", "row", "cell", "kind", "printed", "recomputed", "why"]
    rows = [header, ["---"] * 4 + ["---:"] * 2 + ["---"]]
    for each in found:
        place = [f"{each.paper} {each.table}", each.row, where(each), each.kind]
        rows.append([*place, each.printed, each.recomputed, each.reason])
    return "\n".join("| " + " | ".join(map(escaping.prose, row)) + " |" for row in rows)
