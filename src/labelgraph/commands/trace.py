"""`labelgraph trace`: the runs, settings and inputs behind a cell of a table."""

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

import yaml

from labelgraph.commands import _given
from labelgraph.files import names
from labelgraph.review.tracing import chain, claimed

HELP = "trace a cell of a table, or a verdict, to its runs, settings, commit, inputs and cost"
DESCRIPTION = """Shows what a cell of a table was computed from: runs, settings, commit, inputs
and cost. In claims.csv the row is the number of a line, and the runs are those of both systems.
Exit code 1 if a run or an input is missing, an input or the settings have changed
since, or the runs do not give the cell."""
EXAMPLES = (
    "labelgraph trace results/tables/mini/ml_sgm_II.csv --row ML-SGM --column mAP",
    "labelgraph trace results/tables/mini/claims.csv --row 4",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", type=Path, help="results/tables/<study>/<table>.csv")
    parser.add_argument(
        "--row",
        required=True,
        help="as in the csv or the table, or the method's name; of claims.csv a line's number",
    )
    parser.add_argument("--column", help="the column's name in the csv or in the table")
    _given.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one object, with all settings")


def run(arguments: argparse.Namespace) -> int:
    given = _given.read(arguments)
    found = chain.trace(arguments.table, arguments.row, arguments.column, given)
    if found["command"] and (options := _given.options(arguments)):
        found["command"] += f" {shlex.join(options)}"
    if arguments.json:
        print(names.shown_lines(json.dumps(found, indent=1, ensure_ascii=False)))
    else:
        about = claim if arguments.table.name == claimed.FILE else cell
        lines = [*about(found), *runs(found["runs"]), *ending(found)]
        print("\n".join(map(names.shown, lines)))
    return 1 if found["problems"] else 0


def cell(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['table']}: {found['row']}, {found['column']}, {found['status']}"]
    if published := found["published"]:
        where = f"{published['paper']}, table {published['table']}"
        lines.append(
            f"published   {published['value']} in {where}"
            f" ({published['file']}, line {published['line']})"
        )
        lines += [f"            {published['note']}"] * bool(published["note"])
    else:
        lines.append("published   nothing: the paper does not have this cell")
    if found["status"] == "quoted":
        return [*lines, "reproduced  nothing: the value is quoted, not computed by a run"]
    lines.append(f"reproduced  {summary(found['reproduced'])}")
    if again := found["recomputed"]:
        lines.append(f"on disk     {summary(again)}")
    if counted := found["counted"]:
        lines.append(f"counted     {counted['metric']} of {counted['network']}: {counted['file']}")
    return lines


def claim(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['table']}: {found['row']}, {found['column']}: {found['status']}"]
    lines.append(f"in the csv  {summary(found['reproduced'])}")
    if again := found["recomputed"]:
        lines.append(f"on disk     {summary(again)}")
    return lines


def summary(numbers: dict[str, str]) -> str:
    mean = f"{float(numbers['mean']):.2f}" if numbers["mean"] else "no value"
    spread = f" ± {float(numbers['std']):.2f}" if numbers["std"] else ""
    seeds = f", seeds: {numbers['seeds']}" if numbers["seeds"] else ""
    return mean + spread + seeds


def runs(found: list[dict[str, Any]]) -> list[str]:
    """Every run, then the settings, shown once for runs that differ only in the seed."""
    lines = [line for run in found for line in a_run(run)]
    shared: dict[str, list[dict[str, Any]]] = {}
    for run in found:
        if run["found"]:
            rest = {key: value for key, value in run["settings"].items() if key != "seed"}
            text = yaml.safe_dump(rest, sort_keys=False, width=96, default_flow_style=None)
            shared.setdefault(text, []).append(run)
    for text, same in shared.items():
        seeds = ", ".join(str(run["seed"]) for run in same)
        today = "as configured today" if same[0]["as_configured"] else "which differ from today's"
        lines += ["", f"settings of seeds {seeds}, {today}"]
        lines += [f"  {line}" for line in text.splitlines()]
    return lines


def a_run(run: dict[str, Any]) -> list[str]:
    if not run["found"]:
        return ["", f"{run['folder']}  missing"]
    packages = ", ".join(f"{name} {version}" for name, version in run["packages"].items())
    known = "no value" if run["value"] is None else f"{run['value']:.2f}"
    return [
        "",
        f"{run['folder']}  {known}",
        f"  packages  {packages}",
        *circumstances(run),
        *(
            f"  input     {each['state']:7} {each['sha256'][:12]} {each['path']}"
            for each in run["inputs"]
        ),
    ]


def circumstances(run: dict[str, Any]) -> list[str]:
    if run["python"] is None:
        return ["  trained   elsewhere, and pulled: commit, machine and cost are not known here"]
    clean = {True: "clean", False: "with changed files", None: ""}[run["git"]["clean"]]
    machine = run["hardware"].get("gpu") or run["hardware"].get("processor")
    return [
        f"  commit    {run['git']['commit'] or 'none'} {clean}".rstrip(),
        f"  machine   {machine}, {run['hardware'].get('cores')} cores; Python {run['python']}",
        f"  cost      {run['wall_seconds']} s, {run['cpu_seconds']} s of processor time,"
        f" {run['peak_mb']} MB",
    ]


def ending(found: dict[str, Any]) -> list[str]:
    lines = ["", *(f"! {problem}" for problem in found["problems"])] * bool(found["problems"])
    if found["command"]:
        lines += ["", "make what is missing with", f"  {found['command']}"]
    return lines
