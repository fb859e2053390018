"""The place of a cell: checkout, study, row and column, and where its paper prints it."""

from pathlib import Path
from typing import Any

from labelgraph.review.claims import listing
from labelgraph.study.config import Book
from labelgraph.tables import rendering, table_columns, tables, titles
from labelgraph.tables.csv_cells import choose
from labelgraph.tables.table_columns import Column

Entry = dict[str, Any]


def checkout(path: Path) -> tuple[Path, str]:
    """The folder with `workflow` and `results`, and the study."""
    parents = path.absolute().parents
    names = [parent.name for parent in parents[:3]]
    if len(names) < 3 or names[1:] != ["tables", "results"]:
        raise ValueError(f"{path} is not results/tables/<study>/<table>.csv of a checkout")
    if not path.exists():
        there = sorted(each.name for each in path.parent.glob("*.csv"))
        if there and path.name != listing.FILE:
            choose("table", path.name, there, str(path.parent))
        raise FileNotFoundError(listing.missing(path))
    return parents[3], names[0]


def printed_in(root: Path, table: Entry) -> Path | None:
    """The file of what its paper printed; None for a table of your own data."""
    path = root / f"workflow/published/{table['paper']}.csv"
    return None if table["paper"] == "own" else path


def axes(
    table: Entry, root: Path, published: Path | None
) -> tuple[dict[str, str], dict[str, Column]]:
    """Row title -> its key, and column name -> column, by today's tables.yaml."""
    printed = tables.read_published(root / "workflow/published/systems.csv")
    printed["order"] = printed["order"].astype(int)
    keys = {title: key for key, title in tables.rows_of(table, printed).items()}
    lines = tables.read_published(published)
    here = lines[lines["table"] == table["table"]]
    return keys, {each.name: each for each in table_columns.columns_of(table, here)}


def column(table: Entry, shown: str, columns: dict[str, Column]) -> str:
    """The column's name in the csv, from that name or from its heading in the table."""
    found = [name for name in columns if rendering.header(table, name) == shown]
    return shown if shown in columns or len(found) != 1 else found[0]


def named(book: Book, table: Entry, row: str, keys: dict[str, str]) -> str:
    """The row's name in the csv, by that, by what ran for it, or by the name of its method."""
    if row in keys:
        return row
    for title, key in keys.items():
        method, _, setting = key.partition("/")
        known = titles.system(book, method) if method in book.methods else method
        ran = [table["ran"][key], tables.systems(table)[key]] if key in table["ran"] else []
        if row in (key, f"{known} {setting}".strip(), *ran):
            return title
    return row


def printed(path: Path | None, table: Entry, key: str, column: Column) -> Entry | None:
    """The published value, and where it is printed."""
    if path is None:
        return None
    lines = tables.read_published(path)
    own = table_columns.settings(table)
    wanted = (key, column.dataset, column.setting, column.metric)
    for number, line in enumerate(lines.itertuples(), 2):
        place = (tables.row_key(line.method, line.setting, own), *tables.place_key(line, own))
        if line.table == table["table"] and place == wanted:
            return {
                "paper": table["paper"],
                "table": line.table,
                "value": line.value,
                "note": line.note,
                "file": f"workflow/published/{path.name}",
                "line": number,
            }
    return None
