"""Snakemake's records of its jobs: a JSON file for each output in .snakemake/metadata.

Snakemake may change the format from version to version. This is the format of the version that
uv.lock pins; records in another format are ignored.
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labelgraph.files.small import write_text

FORMAT = 6  # record_format_version
FOLDER = Path(".snakemake")
RECORDS, MARKS = FOLDER / "metadata", FOLDER / "incomplete"


def place(folder: Path, output: str) -> Path:
    """Where Snakemake keeps the record of an output. Long names are cut into folders."""
    name = base64.urlsafe_b64encode(output.encode()).decode()
    longest = os.pathconf(FOLDER, "PC_NAME_MAX") - 1
    parts = [name[start : start + longest] for start in range(0, len(name), longest)]
    return folder.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])


def listed(folder: Path) -> Iterator[tuple[str, str]]:
    """Each output with the file of its record."""
    for below, _, names in os.walk(folder):
        start = "".join(part.removeprefix("@") for part in Path(below).relative_to(folder).parts)
        for name in names:
            if name != "migration_underway":
                output = base64.urlsafe_b64decode(start + name).decode()
                yield output, os.path.join(below, name)  # noqa: PTH118


def read() -> dict[str, tuple[int, dict[str, Any]]]:
    """Output -> when its record was written, and the record, for outputs that exist."""
    found = {}
    for output, path in sorted(listed(RECORDS)):
        if not os.path.isfile(output):  # noqa: PTH113  (thousands of Paths cost a second)
            continue
        record = load(path)
        if record.get("record_format_version") == FORMAT:
            found[output] = (os.stat(path).st_mtime_ns, record)  # noqa: PTH116
    return found


def load(path: str) -> dict[str, Any]:
    """Empty if Snakemake was killed while it wrote the record."""
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        try:
            found = json.load(stream)
        except (ValueError, RecursionError):
            return {}
    return found if isinstance(found, dict) else {}


def write(output: str, record: dict[str, Any]) -> int:
    """Returns when it was written, as `read` does."""
    MARKS.mkdir(parents=True, exist_ok=True)  # without it Snakemake expects an older format
    path = place(RECORDS, output)
    write_text(path, json.dumps(record))
    return path.stat().st_mtime_ns


def marks() -> dict[str, bool]:
    """Outputs marked as unfinished -> whether `mark` did it, and not Snakemake."""
    return {output: "remade" in load(path) for output, path in listed(MARKS)}


def mark(output: str) -> None:
    """Makes Snakemake run the output's job again, whatever the times of the files are."""
    write_text(place(MARKS, output), json.dumps({"external_jobid": None, "remade": True}))


def unmark(output: str) -> None:
    place(MARKS, output).unlink(missing_ok=True)
