"""Cells -> the table as people read it: Markdown and LaTeX.

Every row of the paper has a line with the published values and, where it was run here, a line with
our values below, which names what ran if the paper's name does not. marks.py marks values.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from labelgraph.files import escaping
from labelgraph.score import confidence
from labelgraph.study import recipes
from labelgraph.tables import intervals, marks, table_columns
from labelgraph.tables.cost_columns import COSTS, heading
from labelgraph.tables.marks import HERE, PUBLISHED

DEPARTURES = "Notes on the methods' recipes, by their numbers in recipes.md"


def lines(cells: pd.DataFrame, kind: str = "std") -> pd.DataFrame:
    """The table's lines: `system`, `source`, then the text of each cell. `kind`: what ± shows."""
    found = []
    for title, row in cells.groupby("row", sort=False):
        if (row["published"] != "").any() or (row["status"] == "quoted").all():
            found.append([title, PUBLISHED, *row["published"]])
        if (row["status"] == "reproduced").any():
            numbers = zip(row["reproduced"], row["std"], row["seeds"], strict=True)
            texts = [ours(*of_cell, kind) for of_cell in numbers]
            found.append([title, HERE, *intervals.behind(texts, row)])
    return pd.DataFrame(found, columns=["system", "source", *cells["column"].unique()])


def names_of(shown: pd.DataFrame, ran: dict[str, str]) -> list[str]:
    """The name in front of each line; empty where it is that of the line above."""
    rows = shown["system"]
    called = rows.where(shown["source"] == PUBLISHED, rows.map(lambda row: ran.get(row, row)))
    return called.mask(rows.duplicated() & (called == rows), "").tolist()


def ours(mean: str, std: str, seeds: str, kind: str) -> str:
    if not seeds:  # empty, or counted instead of run
        return mean and f"{float(mean):.2f}"
    if not std:
        return f"{float(mean):.1f}"
    return f"{float(mean):.1f} ± {confidence.half_width(float(std), int(seeds), kind):.1f}"


def remarks(table: dict[str, Any]) -> list[str]:
    """The notes below a table, which change how it is read: study, protocol, its own notes."""
    meaning = confidence.NOTES[table.get("spread") or "std"] if table["protocol"] else ""
    study = [line for line in (table["note"], table["protocol"], meaning) if line]
    return [*study, *table.get("notes", [])]


def departures(table: dict[str, Any], link: Callable[[str, str], str]) -> list[str]:
    """One line: where the notes on each method's recipe stand. `link`: method, title -> text."""
    found = table["departures"].items()
    named = [
        f"{link(name, each['title'])} {recipes.ranges(each['numbers'])}" for name, each in found
    ]
    return [f"{DEPARTURES}: {'; '.join(named)}."] if named else []


def dataset_of(table: dict[str, Any], name: str) -> str:
    """The dataset that a column's name starts with, where the table has several."""
    first = name.split(" ")[0]
    return first if first in table["titles"] else ""


def header(table: dict[str, Any], name: str) -> str:
    """A column's name as people read it: with the dataset's title, without `AP:`."""
    dataset = dataset_of(table, name)
    rest = name.removeprefix(dataset).lstrip()
    if rest in COSTS:
        return heading(rest, table["counted_network"])
    text = rest.removeprefix("AP:").replace("_", " ")
    return f"{table['titles'][dataset]} {text}" if dataset else text


def heads(table: dict[str, Any], escaped: Callable[[str], str]) -> Callable[[str], str]:
    """A column's name -> its head, escaped."""
    return lambda name: escaped(header(table, name))


def blocks(table: dict[str, Any], names: list[str]) -> list[list[str]]:
    """The columns side by side: all of them, or those of one dataset if there are several tasks."""
    if not table_columns.settings(table):
        return [names]
    datasets = dict.fromkeys(dataset_of(table, name) for name in names)
    return [[name for name in names if dataset_of(table, name) == each] for each in datasets]


def markdown(table: dict[str, Any], cells: pd.DataFrame, ran: dict[str, str]) -> str:
    """`ran`: row -> what ran for it, where the paper's name does not say it."""
    shown = lines(cells, table.get("spread") or "std")
    names = [escaping.markdown(name) for name in names_of(shown, ran)]
    shown = marks.marked(shown, cells, "**{}**".format, "*{}*".format).assign(system=names)
    parts = []
    for columns in blocks(table, list(shown.columns[2:])):
        names = ["", "", *(escaping.markdown(header(table, name)) for name in columns)]
        rule = ["---", "---", *["---:"] * len(columns)]
        rows = [names, rule, *shown[["system", "source", *columns]].to_numpy().tolist()]
        parts.append("\n".join("| " + " | ".join(row) + " |" for row in rows))
    body = "\n\n".join(parts)
    notes = "\n".join(f"- {note}" for note in [
        *map(escaping.prose, remarks(table)),
        *departures(
            table, lambda name, title: f"[{escaping.markdown(title)}]({table['recipes']}#{name})"
        ),
    ])  # fmt: skip
    legend = marks.legend(cells, "**bold**", "*italic*", heads(table, escaping.markdown))
    title = f"# {escaping.markdown(table['caption'])}"
    return "\n\n".join(filter(None, [title, body, legend, notes])) + "\n"


def latex(table: dict[str, Any], cells: pd.DataFrame, ran: dict[str, str]) -> str:
    """A booktabs table for a plain LaTeX document; it is scaled to the width of the text."""
    plain = lines(cells, table.get("spread") or "std")
    shown = marks.marked(
        plain,
        cells,
        lambda text: rf"\textbf{{{escaping.latex(text)}}}",
        lambda text: rf"\underline{{{escaping.latex(text)}}}",
    )
    shown = shown.where(shown != plain, plain.map(escaping.latex))
    shown["system"] = [escaping.latex(name) for name in names_of(plain, ran)]
    body, wide = [], 0
    for columns in blocks(table, list(shown.columns[2:])):
        names = ["", "", *(escaping.latex(header(table, name)) for name in columns)]
        rows = shown[["system", "source", *columns]].to_numpy().tolist()
        body += [r"\midrule"] * bool(body) + [" & ".join(names) + r" \\", r"\midrule"]
        body += [" & ".join(row) + r" \\" for row in rows]
        wide = max(wide, len(columns))
    below = [*remarks(table), *departures(table, lambda _, title: title)]
    bold, italic = r"\textbf{bold}", r"\underline{underlined}"
    legend = marks.legend(cells, bold, italic, heads(table, escaping.latex))
    notes = r" \\ ".join(filter(None, [legend, *map(escaping.latex, below)]))
    return "\n".join(
        [
            r"% needs \usepackage{booktabs} and \usepackage{graphicx}",
            r"\begin{table}",
            rf"\caption{{{escaping.latex(table['caption'])}}}",
            r"\resizebox{\linewidth}{!}{%",
            r"\begin{tabular}{ll" + "r" * wide + "}",
            r"\toprule",
            *body,
            r"\bottomrule",
            r"\end{tabular}}",
            rf"\par\footnotesize {notes}",
            r"\end{table}",
            "",
        ]
    )
