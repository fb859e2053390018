"""What each page says beside the overview: page -> what its template is given."""

from statistics import fmean, stdev
from typing import Any

from labelgraph.costs import heads
from labelgraph.costs.columns import COLUMNS
from labelgraph.report import overview
from labelgraph.report.material import Material
from labelgraph.review.audit.findings import KINDS
from labelgraph.tables import tables

Entry = dict[str, Any]
COSTS = {  # name of a list -> its heading
    "counts": "What each network holds and computes",
    "heads": "What each method costs beside its encoder, measured on this machine",
}


def pages(material: Material) -> dict[str, Entry]:
    about = {sheet.name: material.source(sheet) for sheet in material.sheets}
    return {
        "index.html": overview.page(material) | {"sources": about},
        "runs.html": {"groups": groups(material)},
        "figures.html": figures(material),
        "audit.html": findings(material),
        "costs.html": costs(material),
        **{name: content | {"sources": about} for name, content in sheets(material).items()},
    }


def sheets(material: Material) -> dict[str, Entry]:
    found = material.sheets
    return {
        f"tables/{sheet.name}.html": {
            "sheet": sheet,
            "number": material.number,
            "before": found[place - 1] if place else None,
            "after": found[place + 1] if place + 1 < len(found) else None,
        }
        for place, sheet in enumerate(found)
    }


def figures(material: Material) -> Entry:
    """Each with the paper's own number, where it has one."""
    sources = {}
    for figure in material.figures:
        paper, _, number = figure.name.rpartition("_")
        title = material.book.method(paper)["title"]
        sources[figure.name] = f"{title}, figure {number}" if number.isdecimal() else title
    return {
        "note": material.book.size["note"],
        "figures": material.figures,
        "sources": sources,
    }


def findings(material: Material) -> Entry:
    made = {(sheet.paper, sheet.table): sheet.name for sheet in material.sheets}
    lines = [
        line
        | {
            "page": made.get((line["paper"], line["table"])),
            "source": f"{material.book.method(line['paper'])['title']}, table {line['table']}",
        }
        for line in material.audit
    ]
    kinds = {line["kind"]: KINDS[line["kind"]] for line in material.audit}
    return {"audit": lines, "kinds": kinds, "sure": [line["sure"] for line in material.audit]}


def groups(material: Material) -> list[Entry]:
    """Runs that differ in their seed only are a line."""
    together: dict[tuple, list[Entry]] = {}
    for run, record in zip(material.runs, material.pooled["runs"], strict=True):
        together.setdefault((run.dataset, run.task, run.system), []).append(record)
    return [group(material, *key, found) for key, found in together.items()]


def group(material: Material, dataset: str, task: str, system: str, found: list[Entry]) -> Entry:
    values = [material.main[record["folder"]] for record in found]
    known = [value for value in values if value is not None]
    spread = f" ± {stdev(known):.1f}" if len(known) > 1 else ""
    return {
        "title": overview.title(material.book, system),
        "system": system,
        "dataset": material.book.dataset(dataset)["title"],
        "task": task,
        "seeds": len(found),
        "map": f"{fmean(known):.1f}{spread}" if known else "",
        "places": [material.number[record["folder"]] for record in found],
        "epochs": max(len(record["history"].get("epoch", [])) for record in found),
        "cpu": fmean(record["cpu"] for record in found),
        "peak": max(record["peak"] for record in found),
    }


def costs(material: Material) -> Entry:
    lists = [
        {"name": name, "title": COSTS.get(name, name), "lines": lines, "columns": columns(lines)}
        for name, lines in material.costs.items()
    ]
    costly = [sheet for sheet in material.sheets if tables.costly(material.book.tables[sheet.name])]
    return {
        "setup": heads.setup(material.book),
        "lists": lists,
        "measured": "heads" in material.costs,
        "tables": costly,
        "trainings": trainings(material),
    }


def columns(lines: list[Entry]) -> list[tuple[str, str, int]]:
    """Key, heading and digits of each number that every line has."""
    keys = [key for key in COLUMNS if all(key in line for line in lines)]
    return [(key, *COLUMNS[key]) for key in keys]


def trainings(material: Material) -> list[Entry]:
    """What the trainings of each method cost together, the costliest first."""
    found: dict[str, list[Entry]] = {}
    for run, record in zip(material.runs, material.pooled["runs"], strict=True):
        found.setdefault(material.book.method(run.method)["title"], []).append(record)
    lines = [
        {
            "title": title,
            "runs": len(each),
            "cpu": sum(record["cpu"] for record in each),
            "peak": max(record["peak"] for record in each),
        }
        for title, each in found.items()
    ]
    return sorted(lines, key=lambda line: (-line["cpu"], line["title"]))
