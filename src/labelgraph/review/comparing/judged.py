"""The verdicts on the papers' claims that lie beside a folder of tables, for a comparison."""

from pathlib import Path
from typing import Any

from labelgraph.review.claims import listing


def read(name: str) -> list[dict[str, Any]]:
    """Those of a folder on disk that could be judged: what holds, what fails, what is undecided."""
    path = Path(name, listing.FILE)
    if not path.is_file():
        return []
    papers, *_ = listing.split(listing.parse(path.read_text(encoding="utf-8")))
    found = [line for line in papers if line.verdict in listing.JUDGED]
    found.sort(key=lambda line: listing.JUDGED.index(line.verdict))
    return [
        {
            "verdict": line.verdict,
            "corrected": line.corrected,
            "paper": line.paper,
            "table": line.table,
            "claim": line.claim,
            "cell": line.cell,
            "published": line.published,
            "here": listing.numbers(line),
        }
        for line in found
    ]
