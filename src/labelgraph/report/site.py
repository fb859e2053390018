"""Plain data -> HTML pages, by templates that escape all text."""

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from labelgraph.report import pagefiles

ADDRESS = re.compile(r"https://[\w./-]*\w")
TEMPLATES = {"tables": "table.html", "methods": "method.html"}  # of the pages in a folder
UNITS = ((3600, "h"), (60, "min"), (1, "s"))  # seconds in each


def pages(common: dict[str, Any], each: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Name of a page -> its HTML. `each`: name -> its variables; all pages also have `common`."""
    environment = Environment(
        loader=FileSystemLoader(pagefiles.HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": lambda number, noun: f"{number} {noun}{'s' * (number != 1)}",
        "duration": duration,
        "megabytes": memory,
        "linked": linked,
        "place": lambda name, places: places[name],
        "points": lambda number: f"{abs(number):.1f}",
        "prose": prose,
        "signed": signed,
        "deviation": deviation,
        "stop": lambda text: text.removesuffix("."),
        "word": lambda text: text.split(" ")[0],
    }
    found = {}
    for name, content in each.items():
        template = TEMPLATES.get(name.partition("/")[0], name)
        root = "../" * name.count("/")
        text = environment.get_template(template).render(**common, **content, here=name, root=root)
        found[name] = text.rstrip() + "\n"
    return found


def signed(number: float, digits: int = 1) -> str:
    return f"{number:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def duration(seconds: float) -> str:
    """In the largest unit of which there are at least two."""
    size, unit = next((pair for pair in UNITS if seconds >= 2 * pair[0]), UNITS[-1])
    return f"{seconds / size:.{0 if seconds >= 10 * size else 1}f} {unit}"


def memory(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def prose(text: str) -> Markup:
    """The text of a note, with names in `backticks` set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def linked(text: str) -> Markup:
    """The same, with web addresses as links."""
    return Markup(ADDRESS.sub(r'<a href="\g<0>">\g<0></a>', str(prose(text))))


def deviation(text: str) -> Markup:
    """`73.3 ± 0.1`, with the deviation set smaller."""
    mean, sign, rest = text.partition(" ± ")
    return escape(mean) + (Markup(' <span class="sd">± {}</span>').format(rest) if sign else "")


def clear(folder: Path, kept: set[str]) -> None:
    """Removes files of tables and figures that the study no longer makes."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in kept:
            path.unlink()
