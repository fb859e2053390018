"""The rows of a table that no paper has, with the scores behind them, to be drawn as dots."""

from typing import Any


def rows(source: dict[str, Any], entry: dict[str, Any], datasets: list[str]) -> dict[str, Any]:
    """The scores behind each row, named by what ran; `plain` rows are the reference's method.

    `source` is what fills the table, `entry` the figure's.
    """
    reference = entry["reference"]
    where, systems = f"figures.{entry['paper']}_{entry['figure']}", [*source["more"].values()]
    if source["runs"]:
        raise ValueError(
            f"{where}: table is {entry['table']}, which has rows of a paper; expected a table"
            " whose rows are all in its block `more`"
        )
    if reference not in systems:
        raise ValueError(f"{where}: reference is {reference!r}; expected one of {systems}")
    method = reference.partition("@")[0]
    named = source["more"].items()
    return {
        "rows": {
            row: {each: source["scores"][row][f"{source['task']}/{each}"] for each in datasets}
            for row, _ in named
        },
        "plain": [row for row, system in named if system.partition("@")[0] == method],
        "reference": next(row for row, system in named if system == reference),
    }
