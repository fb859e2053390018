"""The content of each page: page -> the variables of its template."""

from statistics import fmean, stdev
from typing import Any

from labelgraph.costs import networks
from labelgraph.report import cost_plots, method_pages, overview, runs
from labelgraph.report.cells import Cell
from labelgraph.report.results import MAIN, Results
from labelgraph.report.table_pages import Row
from labelgraph.review.audit.findings import KINDS
from labelgraph.tables import tables, titles
from labelgraph.tables.cost_columns import COSTS

Entry = dict[str, Any]
LISTS = {  # name of a list of costs -> its heading
    "counts": "Parameters and FLOPs of each network",
    "heads": "What each method costs beside its encoder, measured on this machine",
}


def pages(results: Results) -> dict[str, Entry]:
    about = {table.name: results.source(table) for table in results.tables}
    return {
        "index.html": overview.page(results) | {"sources": about},
        "claims.html": {"claims": results.verdicts, "number": results.number},
        "methods.html": method_list(results),
        "runs.html": {"groups": groups(results)},
        "search.html": {"lines": found_in_tables(results)},
        "figures.html": figures(results),
        "audit.html": findings(results),
        "costs.html": costs(results),
        **{name: content | {"sources": about} for name, content in table_pages(results).items()},
        **{name: content | {"sources": about} for name, content in of_methods(results).items()},
    }


def table_pages(results: Results) -> dict[str, Entry]:
    found = results.tables
    return {
        f"tables/{table.name}.html": {
            "table": table,
            "number": results.number,
            "before": found[place - 1] if place else None,
            "after": found[place + 1] if place + 1 < len(found) else None,
        }
        for place, table in enumerate(found)
    }


def of_methods(results: Results) -> dict[str, Entry]:
    """A page for each method."""
    gains = overview.gains_of(results)
    made = {line["name"]: line for line in trainings(results)}
    return {
        f"methods/{method.name}.html": {
            "method": method,
            "number": results.number,
            "gains": gains.get(method.name, []),
            "intervals": results.verdicts is not None,
            "training": made.get(method.name),
            "lists": cost_lists(method_pages.cost_lines(results.costs, method.name)),
            "claims": results.verdicts.of(method.name) if results.verdicts else [],
            "elsewhere": results.elsewhere.get(method.name, []),
            "study_note": results.book.size.note,
        }
        for method in results.methods
    }


def method_list(results: Results) -> Entry:
    gains = overview.gains_of(results)
    return {
        "methods": results.methods,
        "gains": gains,
        "intervals": results.verdicts is not None,
    }


def found_in_tables(results: Results) -> list[Entry]:
    """A line for each row of each table: what one searches for, and where it leads."""
    return [
        {
            "row": row,
            "title": part.title,
            "table": table,
            "source": results.source(table),
            "place": f"row{place}-{number}",
            "main": main_cell(row),
            "columns": " ".join(dict.fromkeys(part.headers)),
        }
        for table in results.tables
        for place, part in enumerate(table.parts, 1)
        for number, row in enumerate(part.rows, 1)
    ]


def main_cell(row: Row) -> Cell | None:
    """The last mAP of the row, which is an average where there are several; or its first value."""
    filled = [cell for cell in row.cells if cell.published or cell.here]
    of_map = [cell for cell in filled if cell.metric == MAIN]
    return (of_map[-1:] or filled[:1] or [None])[0]


def figures(results: Results) -> Entry:
    """Each figure with its number in the paper, if it has one."""
    sources = {}
    for figure in results.figures:
        paper, _, number = figure.name.rpartition("_")
        title = titles.system(results.book, paper)
        sources[figure.name] = f"{title}, figure {number}" if number.isdecimal() else title
    return {
        "note": results.book.size.note,
        "figures": results.figures,
        "sources": sources,
    }


def findings(results: Results) -> Entry:
    made = {(table.paper, table.table): table.name for table in results.tables}
    lines = [
        line
        | {
            "page": made.get((line["paper"], line["table"])),
            "source": f"{titles.system(results.book, line['paper'])}, table {line['table']}",
        }
        for line in results.audit
    ]
    kinds = {line["kind"]: KINDS[line["kind"]] for line in results.audit}
    return {"audit": lines, "kinds": kinds, "sure": [line["sure"] for line in results.audit]}


def groups(results: Results) -> list[Entry]:
    """A line for all runs that differ only in their seed."""
    together: dict[tuple, list[Entry]] = {}
    for run, record in zip(results.runs, results.pooled["runs"], strict=True):
        together.setdefault((run.dataset, run.task, run.system), []).append(record)
    return [group(results, *key, found) for key, found in together.items()]


def group(results: Results, dataset: str, task: str, system: str, found: list[Entry]) -> Entry:
    values = [results.main[record["folder"]] for record in found]
    known = [value for value in values if value is not None]
    deviation = f" ± {stdev(known):.1f}" if len(known) > 1 else ""
    return {
        "title": titles.system(results.book, system, [f"{task}/{dataset}"]),
        "system": system,
        "dataset": titles.dataset(results.book, dataset),
        "task": task,
        "seeds": len(found),
        "map": f"{fmean(known):.1f}{deviation}" if known else "",
        "places": [results.number[record["folder"]] for record in found],
        "epochs": max(len(record["history"].get("epoch", [])) for record in found),
        **runs.cost(found),
    }


def costs(results: Results) -> Entry:
    costly = [table for table in results.tables if tables.costly(results.book.tables[table.name])]
    return {
        "setup": networks.setup(results.book),
        "plots": cost_plots.read(results),
        "frame": (cost_plots.WIDTH, cost_plots.HEIGHT, cost_plots.LEFT, cost_plots.BOTTOM),
        "machines": [overview.machine(found) for found in results.pooled["pools"]["machine"]],
        "lists": cost_lists(results.costs),
        "measured_on": results.measured_on,
        "measured": "heads" in results.costs,
        "tables": costly,
        "trainings": trainings(results),
    }


def cost_lists(found: dict[str, list[Entry]]) -> list[Entry]:
    return [
        {"name": name, "title": LISTS.get(name, name), "lines": lines, "columns": columns(lines)}
        for name, lines in found.items()
        if lines
    ]


def columns(lines: list[Entry]) -> list[tuple[str, str, int]]:
    """Key, heading and digits of the numbers that all lines have."""
    keys = [key for key in COSTS if all(key in line for line in lines)]
    return [(key, *COSTS[key]) for key in keys]


def trainings(results: Results) -> list[Entry]:
    """The total cost of each method's trainings, the highest first."""
    found: dict[str, list[Entry]] = {}
    for run, record in zip(results.runs, results.pooled["runs"], strict=True):
        found.setdefault(run.method, []).append(record)
    lines = [
        {
            "name": name,
            "title": titles.system(results.book, name),
            "runs": len(each),
            **runs.cost(each),
        }
        for name, each in found.items()
    ]
    return sorted(lines, key=lambda line: (-(line["cpu"] or 0), line["title"]))
