"""What is known of the files and jobs in this folder."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labelgraph.files.small import write_text
from labelgraph.jobs.records import metadata
from labelgraph.jobs.records.hashes import Hashes

STATE = metadata.FOLDER / "labelgraph.json"


@dataclass
class Memory:
    hashes: Hashes
    left: dict[str, list[Any]]  # output -> when its record was written, content as it was then
    file: str | None  # the bytes of results/records.jsonl as it was last written or read
    records: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=metadata.read)
    marks: dict[str, bool] = field(default_factory=metadata.marks)

    def save(self, folder: Path = Path()) -> None:
        state = {"hashes": self.hashes.known, "left": self.left, "file": self.file}
        write_text(folder / STATE, json.dumps(state))

    def finished(self, output: str) -> bool:
        """Whether it exists and Snakemake has not marked its job as interrupted."""
        return self.marks.get(output) is not False and self.hashes.exists(output)

    def altered(self) -> set[str]:
        """Outputs that changed after their job. After a new record, the file is taken as it is."""
        found = set()
        for output, (written, _) in self.records.items():
            if not self.finished(output):
                continue
            content, known = self.hashes.content(output), self.left.get(output)
            if known is None or known[0] != written:
                self.left[output] = [written, content]
            elif known[1] != content:
                found.add(output)
        return found


def recall() -> Memory:
    try:
        state = json.loads(STATE.read_text(encoding="utf-8"))
        hashes, left, file = {**state["hashes"]}, {**state["left"]}, state["file"]
    except (FileNotFoundError, ValueError, LookupError, TypeError, RecursionError):
        hashes, left, file = {}, {}, None
    return Memory(Hashes(hashes), left, file)
