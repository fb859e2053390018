"""Curves from a table whose columns are proportions of known labels: published, and ours."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from labelgraph.figures import curves, style
from labelgraph.tables import table_columns, tables

PANEL = 1.8  # inches high
ROWS = {"published": "published", "reproduced": "here"}  # column of the cells -> its title


def draw(figure: dict[str, Any]) -> style.Drawing:
    source = figure["source"]
    found = {row: read(figure, row) for row in ROWS}  # row -> dataset -> curves
    datasets = list(dict.fromkeys(block["dataset"] for block in table_columns.trained(source)))
    page = style.new(style.PAGE, 2 * PANEL + 0.6, layout="constrained")
    panels = page.subplots(2, len(datasets), squeeze=False)
    labels = list(dict.fromkeys(
        curve.label for each in found.values() for lines in each.values() for curve in lines
    ))  # fmt: skip
    for high, (row, title) in enumerate(ROWS.items()):
        for wide, dataset in enumerate(datasets):
            axes, lines = panels[high, wide], found[row].get(dataset, [])
            for curve in lines:
                curves.plot(axes, curve, labels.index(curve.label))
            axes.set(xlim=(5, 95), xticks=range(10, 100, 10))
            axes.set_xlabel("known labels (%)" if high else "")
            axes.set_ylabel("" if wide else "mAP (%)")
            axes.set_title(f"{name_of(figure, row, dataset)}, {title}", loc="left")
            curves.finish(axes, lines, "This study does not\nrun this dataset.")
    page.legend(handles=handles(labels), loc="outside lower center", ncols=4)
    return style.Drawing(page, table(found, figure))


def name_of(figure: dict[str, Any], row: str, dataset: str) -> str:
    """The title of a dataset: the paper's in the row of published values, what was run in ours."""
    printed = figure["printed_datasets"]
    here = figure["datasets"].get(dataset, printed[dataset])
    return printed[dataset] if row == "published" else here


def read(figure: dict[str, Any], row: str) -> dict[str, list[curves.Curve]]:
    """The curves of each dataset; a system without any value has none."""
    source = figure["source"]
    printed, titles = tables.read_published(Path(figure["printed"])), read_titles(figure)
    cells = tables.cells(source, printed, titles)
    columns = table_columns.columns_of(source, printed[printed["table"] == source["table"]])
    single = [column for column in columns if len(column.places) == 1]
    names = {title: name for key, title in tables.rows_of(source, titles).items()
             for name in [figure["names"].get(key, title.rstrip("*"))]}  # fmt: skip
    found: dict[str, list[curves.Curve]] = {}
    for dataset in dict.fromkeys(column.dataset for column in single):
        here = {c.name: float(c.setting.rstrip("%")) for c in single if c.dataset == dataset}
        for title, lines in cells[cells["column"].isin(here)].groupby("row", sort=False):
            values = [float(text) if text else None for text in lines[row]]
            std = [float(text) if text and row != "published" else None for text in lines["std"]]
            x = [here[name] for name in lines["column"]]
            curve = curves.Curve(names[title], x, values, std)
            if curve.known().any():
                found.setdefault(dataset, []).append(curve)
    return found


def read_titles(figure: dict[str, Any]) -> pd.DataFrame:
    titles = tables.read_published(Path(figure["titles"]))
    return titles.assign(order=titles["order"].astype(int))


def handles(labels: list[str]) -> list[Line2D]:
    found = []
    for place, label in enumerate(labels):
        look = style.COLOURS, style.MARKERS, style.DASHES
        colour, marker, dash = (choices[place % len(choices)] for choices in look)
        line = {"color": colour, "marker": marker, "linestyle": dash}
        found.append(Line2D([], [], label=label, **line))
    return found


def table(
    found: dict[str, dict[str, list[curves.Curve]]], figure: dict[str, Any]
) -> list[list[str]]:
    """A line for each curve."""
    proportions = sorted({x for each in found.values() for lines in each.values()
                     for curve in lines for x in curve.x})  # fmt: skip
    rows = [["dataset", "system", "", *(f"{proportion:g}%" for proportion in proportions)]]
    for row, title in ROWS.items():
        for dataset, lines in found[row].items():
            for curve in lines:
                at = dict(zip(curve.x, curve.mean, strict=True))
                values = ["" if at.get(x) is None else f"{at[x]:.1f}" for x in proportions]
                rows.append([name_of(figure, row, dataset), curve.label, title, *values])
    return rows
