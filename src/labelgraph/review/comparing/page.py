"""A comparison as text, or as one HTML page without other files."""

from collections import Counter
from html import escape
from typing import Any

Entry = dict[str, Any]
Lines = list[list[str]]
LONG = 40  # letters of a cell that needs room

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }}
body {{ max-width: 80rem; margin: 1.5rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.35rem; line-height: 1.3; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 .5rem; }}
label {{ position: sticky; top: 0; z-index: 2; display: block; padding: .5rem 0; }}
label, th:first-child, td:first-child {{ background: Canvas; }}
input {{ font: inherit; width: 100%; max-width: 26rem; padding: .3rem; box-sizing: border-box; }}
div {{ overflow-x: auto; border: 1px solid #8884; border-radius: 6px; }}
table {{ border-collapse: collapse; min-width: 100%; font-size: .9rem; }}
th, td {{ text-align: left; vertical-align: top; padding: .2rem .8rem .2rem .5rem; }}
th, td {{ border-bottom: 1px solid #8884; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
td:nth-child(2) {{ min-width: 7rem; }}
td.long {{ min-width: 16rem; }}
th:first-child, td:first-child {{ position: sticky; left: 0; }}
@media (max-width: 600px) {{
  body {{ padding: 0 .6rem; }}
  td:first-child {{ min-width: 5.5rem; max-width: 7.5rem; overflow-wrap: break-word; }}
}}
</style>
{body}
<script>
"use strict";
const field = document.querySelector("input");
field.addEventListener("input", () => {{
  const words = field.value.toLowerCase().split(/\\s+/);
  for (const row of document.querySelectorAll("tbody tr")) {{
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }}
  for (const table of document.querySelectorAll("table")) {{
    const shown = table.querySelectorAll("tbody tr:not([hidden])").length;
    table.closest("section").hidden = shown === 0;
  }}
}});
</script>
</html>
"""
SEARCH = (
    '<label>Search all lists <input type="search" autocomplete="off"'
    ' placeholder="a table, a row, a column" /></label>'
)
HEADERS = {
    "orders": ["table", "column", "pairs kept", "Kendall's tau", "new order, with the old rank"],
    "verdicts": ["verdict", "corrected", "table", "claim", "cell", "published", "here"],
    "differences": ["table", "row", "column", "of", "old", "new", "new - old", "tolerance"],
    "ranks": ["table", "column", "rows", "Kendall's tau", "old rank to new rank"],
    "only": ["what", "table", "row", "column"],
}


def heading(found: Entry, tolerance: str) -> list[str]:
    sizes = [abs(each["difference"] or 0) for each in found["differences"]]
    largest = f"; the largest difference is {max(sizes):.2f}" if sizes else ""
    return [
        f"old  {found['a']}",
        f"new  {found['b']}",
        *ordering(found),
        f"{found['cells']} cells compared; tolerance {tolerance}",
        f"{found['beyond']} differences beyond it, {len(found['differences']) - found['beyond']}"
        f" within{largest}",
    ]


def ordering(found: Entry) -> list[str]:
    """How many pairs of rows keep their order by mAP, and how many claims hold."""
    pairs, kept = (sum(each[name] for each in found["orders"]) for name in ("pairs", "kept"))
    told = [f"{kept} of {pairs} pairs of rows keep their order by mAP"] if pairs else []
    number = Counter(each["verdict"] for each in found.get("verdicts", []))
    said = ", ".join(f"{name} {count}" for name, count in number.items())
    return [*told, f"verdicts on the papers' claims: {said}"] if said else told


def parts(found: Entry) -> list[tuple[str, list[str], Lines]]:
    """Title, header and lines of each list that is not empty."""
    beyond = [difference(each) for each in found["differences"] if each["beyond"]]
    within = [difference(each) for each in found["differences"] if not each["beyond"]]
    changed = [each for each in found["ranks"] if each["moved"]]
    lists = [
        (
            "Order of the rows by mAP, the one that changed most first",
            HEADERS["orders"],
            [*map(order, found["orders"] if found["published"] else [])],
        ),
        (
            "Verdicts on the papers' claims",
            HEADERS["verdicts"],
            [*map(verdict, found.get("verdicts", []))],
        ),
        ("Beyond the tolerance, the largest first", HEADERS["differences"], beyond),
        ("Appeared: only in the new tables", HEADERS["only"], only(found["appeared"])),
        ("Vanished: only in the old tables", HEADERS["only"], only(found["vanished"])),
        ("Ranks that changed", HEADERS["ranks"], [*map(rank, changed)]),
        ("Within the tolerance", HEADERS["differences"], within),
    ]
    return [each for each in lists if each[2]]


def difference(each: Entry) -> list[str]:
    gap = each["difference"]
    size = "" if gap is None else f"{gap:+.2f}" if abs(gap) >= 0.005 else f"{gap:+.0e}"
    place = [each["table"], each["row"], each["column"], each["field"]]
    return [*place, *map(rounded, (each["a"], each["b"])), size, f"{each['tolerance']:g}"]


def rounded(text: str) -> str:
    """Rounds our values, of which the csv has all digits, and keeps published ones as printed."""
    _, point, digits = text.partition(".")
    return f"{float(text):.2f}" if point and len(digits) > 2 else text or "nothing"


def only(found: Entry) -> Lines:
    lines = [["table", name, "", ""] for name in found["tables"]]
    for kind in ("rows", "columns", "cells"):
        for place in found[kind]:
            name = kind.removesuffix("s")
            lines.append([name, place["table"], place.get("row", ""), place.get("column", "")])
    return lines


def order(each: Entry) -> list[str]:
    tau = "none" if each["tau"] is None else f"{each['tau']:.2f}"
    rows = ", ".join(f"{row['row']} ({row['a']})" for row in each["order"])
    return [each["table"], each["column"], f"{each['kept']} of {each['pairs']}", tau, rows]


def verdict(each: Entry) -> list[str]:
    place = f"{each['paper']}_{each['table']}"
    words = [each["verdict"], each["corrected"], place, each["claim"], each["cell"]]
    return [*words, each["published"], each["here"]]


def rank(each: Entry) -> list[str]:
    tau = "none" if each["tau"] is None else f"{each['tau']:.2f}"
    moved = ", ".join(f"{move['row']} {move['a']} to {move['b']}" for move in each["moved"])
    return [each["table"], each["column"], str(each["rows"]), tau, moved]


def text(found: Entry, tolerance: str, most: int) -> str:
    """`most`: the number of lines shown of each list; 0 for all."""
    blocks = ["\n".join(heading(found, tolerance))]
    for title, header, lines in parts(found):
        shown = lines[:most] if most else lines
        left = len(lines) - len(shown)
        more = [f"... and {left} more; --most 0 shows all"] if left else []
        blocks.append("\n".join([f"{title} ({len(lines)})", *aligned([header, *shown]), *more]))
    return "\n\n".join(blocks) + "\n"


def aligned(lines: Lines) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  "
        + "  ".join(f"{word:{width}}" for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def html(found: Entry, tolerance: str) -> str:
    title = f"{found['a']} against {found['b']}"
    body = [f"<h1>{escape(title)}</h1>"]
    body += [f"<p>{escape(line)}</p>" for line in heading(found, tolerance)[2:]]
    body.append(SEARCH)
    for name, header, lines in parts(found):
        title = f"<h2>{escape(name)} ({len(lines)})</h2>"
        body.append(f"<section>{title}\n{table(header, lines)}</section>")
    return PAGE.format(title=escape(title), body="\n".join(body))


def table(header: list[str], lines: Lines) -> str:
    top = "".join(f"<th>{escape(name)}</th>" for name in header)
    rows = "\n".join("<tr>" + "".join(map(cell, line)) + "</tr>" for line in lines)
    return (
        f'<div tabindex="0"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n'
        "</table></div>"
    )


def cell(word: str) -> str:
    plain = word.lstrip("+-").replace(".", "", 1).isdecimal()
    kind = " class=number" if plain else " class=long" if len(word) > LONG else ""
    return f"<td{kind}>{escape(word)}</td>"
