"""A study as pages that need nothing but a browser: no server, no network, no other file.

Pages are plain HTML made here, once; two short scripts sort, filter and show where a cell comes
from. Browsers let a page from a disk load scripts but not data, so the runs are a script as well.
"""

from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
PAGES = (
    *("index.html", "claims.html", "methods.html", "figures.html", "runs.html", "search.html"),
    *("audit.html", "costs.html"),
)
STATIC = ("report.css", "report.js", "provenance.js")
RUNS = "runs.js"
KINDS = (".csv", ".md", ".tex")  # of a table
PICTURES = (".svg", ".png", ".md")  # of a figure; the last one says what it shows
OF_A_RUN = ("scores.json", "settings.yaml", "history.csv", "provenance.json")


def files(tables: Iterable[str], figures: Iterable[str], methods: Iterable[str]) -> list[str]:
    """What the folder of a study holds."""
    each = [f"tables/{name}{kind}" for name in tables for kind in (".html", *KINDS)]
    drawn = [f"figures/{name}{kind}" for name in figures for kind in PICTURES if kind != ".md"]
    return [*PAGES, *each, *drawn, *(f"methods/{name}.html" for name in methods), RUNS, *STATIC]


def parts() -> list[Path]:
    """The files of this package that are not Python."""
    return sorted(path for name in ("templates", "static") for path in HERE.glob(f"{name}/*"))
