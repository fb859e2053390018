"""Snakemake's memory of its jobs: a JSON file for each output in .snakemake/metadata.

Its format is Snakemake's own affair. It is that of one version, which uv.lock pins; records of
another are not read.
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
    """Where Snakemake keeps what it knows of an output; long names are cut into folders."""
    name = base64.urlsafe_b64encode(output.encode()).decode()
    longest = os.pathconf(FOLDER, "PC_NAME_MAX") - 1
    parts = [name[start : start + longest] for start in range(0, len(name), longest)]
    return folder.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])


def listed(folder: Path) -> Iterator[tuple[str, str]]:
    """Output -> its file."""
    for below, _, names in os.walk(folder):
        start = "".join(part.removeprefix("@") for part in Path(below).relative_to(folder).parts)
        for name in names:
            if name != "migration_underway":
                output = base64.urlsafe_b64decode(start + name).decode()
                yield output, os.path.join(below, name)  # noqa: PTH118


def read() -> dict[str, tuple[int, dict[str, Any]]]:
    """Output -> when its record was written, and the record; of outputs that are there."""
    found = {}
    for output, path in sorted(listed(RECORDS)):
        if not os.path.isfile(output):  # noqa: PTH113  (thousands of Paths cost a second)
            continue
        record = load(path)
        if record.get("record_format_version") == FORMAT:
            found[output] = (os.stat(path).st_mtime_ns, record)  # noqa: PTH116
    return found


def load(path: str) -> dict[str, Any]:
    """Nothing if Snakemake was killed while it wrote."""
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123
        try:
            found = json.load(stream)
        except (ValueError, RecursionError):
            return {}
    return found if isinstance(found, dict) else {}


def write(output: str, record: dict[str, Any]) -> int:
    """Returns when it was written, as `read` will."""
    MARKS.mkdir(parents=True, exist_ok=True)  # without it Snakemake takes the rest for old
    path = place(RECORDS, output)
    write_text(path, json.dumps(record))
    return path.stat().st_mtime_ns


def marks() -> dict[str, bool]:
    """Outputs that Snakemake takes for unfinished -> whether that is our doing."""
    return {output: "remade" in load(path) for output, path in listed(MARKS)}


def mark(output: str) -> None:
    """Makes Snakemake run the output's job again, whatever the files' times are."""
    write_text(place(MARKS, output), json.dumps({"external_jobid": None, "remade": True}))


def unmark(output: str) -> None:
    place(MARKS, output).unlink(missing_ok=True)
