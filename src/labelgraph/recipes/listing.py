"""The comparison of recipes as a csv file, and as a page that people read."""

import csv
import io
import re
from collections import Counter

from labelgraph.files import escaping
from labelgraph.files.plurals import counted
from labelgraph.recipes.comparison import DEPARTURE, OURS, SAME, Item
from labelgraph.study.recipes import ALL, TASKS, numbered

COLUMNS = ("method", "task", "item", "paper", "released", "here", "kind", "note", "source")
SHOWN = ("item", "paper", "released code", "here", "kind", "note")
MEANING = {
    SAME: "as in the paper, or as in the released code where the paper does not say",
    DEPARTURE: "otherwise than the paper, or than the released code where the paper is silent",
    OURS: "neither paper nor released code says it, so it is chosen here",
}


def values(each: Item) -> dict[str, str]:
    row = each.row
    given = {name: getattr(row, name) for name in COLUMNS if hasattr(row, name)}
    return given | {"here": each.here, "kind": each.kind}


def as_csv(found: list[Item]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(values, found))
    return text.getvalue()


def as_markdown(found: list[Item], titles: dict[str, str], study: str) -> str:
    """A table for each method and kind of task. `titles`: method -> what tables call it."""
    number, unstated = Counter(each.kind for each in found), sum(each.unstated for each in found)
    parts = [
        "# Recipes: the papers, their released code, and this repository",
        f"{counted(len(found), 'item', 'items')}: {number[SAME]} the same,"
        f" {counted(number[DEPARTURE], 'departure', 'departures')}, {number[OURS]} ours;"
        f" {unstated} unstated.",
        f"What stands under *here* is read from the settings of the study `{study}` and from the"
        " networks' weights where they say it. An empty cell: the paper does not say it, or no"
        " released code does it. The notes of a method have numbers, by which tables name them.",
        "\n".join(f"- *{kind}*: {text}" for kind, text in MEANING.items()),
    ]
    for method, title in titles.items():
        own = [each for each in found if each.row.method == method]
        if own:
            parts.append(f'<a id="{method}"></a>\n\n## {escaping.markdown(title)}')
        number_of = numbered((each.row for each in found), method)
        for task in sorted({each.row.task for each in own}, key=TASKS.index):
            some = [each for each in own if each.row.task == task]
            parts += [f"### {heading(task)}"] * (len(some) < len(own)) + [table(some, number_of)]
    return "\n\n".join(parts) + "\n"


def heading(task: str) -> str:
    names = {ALL: "All tasks", "full": "All labels known", "partial": "Some labels known"}
    return names.get(task, "Few shots")


def in_cell(markdown: str) -> str:
    """A bar ends a cell, in code, too."""
    return re.sub(r"(?<!\\)\|", r"\\|", markdown)


def table(some: list[Item], number_of: dict[str, int]) -> str:
    rows = [SHOWN, ["---"] * len(SHOWN)]
    for each in some:
        row = each.row
        texts = [row.item, row.paper, row.released, each.here, each.kind]
        note = "**not stated**" if each.unstated else ""
        if row.note:
            note = f"**{number_of[row.note]}** {in_cell(escaping.prose(row.note))}"
        rows.append([*map(escaping.markdown, texts), note])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
