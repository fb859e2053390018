"""Every number that people read was rounded once: it is the csv's, with fewer digits."""

import csv
import re
from decimal import Decimal

import pytest
from conftest import ROOT
from scipy.stats import t as student

from labelgraph.files.yaml_reader import read_yaml

COMMITTED = sorted((ROOT / "results/tables").glob("*/*_*.csv"))
SPREADS = {name: entry.get("spread", "std")
           for name, entry in read_yaml(ROOT / "workflow/config/tables.yaml").items()}  # fmt: skip


def digits(number, places):
    return str(round(Decimal(number), places))  # exact: halves cannot come of a binary number


def wanted(line, spread):
    """What a line of the csv is for people, and empty where nothing stands behind it."""
    if not line["reproduced"]:
        return ""
    if not line["seeds"]:
        return digits(line["reproduced"], 2)  # a count
    mean, std, seeds = digits(line["reproduced"], 1), line["std"], int(line["seeds"])
    if not std:
        return mean
    if spread == "interval95":
        std = Decimal(student.ppf(0.975, seeds - 1)) * Decimal(std) / Decimal(seeds).sqrt()
    return f"{mean} ± {digits(std, 1)}"


def ours(path):
    """The cells of our lines, block by block and row by row."""
    blocks, block = [], []
    for line in path.read_text().replace(r"\midrule", "\n\n").splitlines():
        cells = re.split(r" (?:\||&) ", line.removesuffix(" |").removesuffix(r" \\"))
        if len(cells) < 3 and block:
            blocks.append(block)
            block = []
        if len(cells) > 2 and cells[-1] != "---:":
            block.append(cells)
    plain = re.compile(r"\*|\\textbf\{|\\underline\{|\}|\$")
    found = []
    for block in blocks:
        for cells in block:
            place = next((k for k, cell in enumerate(cells[:2]) if cell.strip() == "here"), None)
            if place is not None:
                texts = [plain.sub("", cell).replace(r"\pm", "±").strip() for cell in cells]
                found.append(texts[place + 1 :])
    return found


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.parametrize("kind", [".md", ".tex"])
def test_committed_tables_show_the_digits_of_their_csv(path, kind):
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    rows = {}
    for line in lines:
        rows.setdefault(line["row"], []).append(line)
    spread = SPREADS[path.stem]
    texts = [[wanted(line, spread) for line in row] for row in rows.values()
             if any(line["status"] == "reproduced" for line in row)]  # fmt: skip
    found = ours(path.with_suffix(kind))
    assert texts and len(found) % len(texts) == 0
    size = len(texts)
    blocks = [found[start : start + size] for start in range(0, len(found), size)]
    assert [
        [cell for part in parts for cell in part] for parts in zip(*blocks, strict=True)
    ] == texts
