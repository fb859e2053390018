"""What ConceptNet says of labels: the sum of the weights of all its assertions about two of them.

The official file has five cells on a line, with tabs between them: the assertion, its relation, its
start, its end, and a JSON object with its weight. It is read as it is unpacked, a line at a time.
`/c/en/mouse/n/wn/animal` is the English word `mouse`, in whatever sense. Every relation counts, in
either direction; an assertion about one word does not.

A label has the words whose vectors are looked up. What is known of two labels is the mean over the
pairs of a word of the one and a word of the other; a pair of the same word counts as 0.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import combinations, product
from pathlib import Path
from typing import Any

from labelgraph.inputs import word_vectors

FILE = "conceptnet-assertions-5.7.0.csv.gz"
ENGLISH = b"/c/en/"
CELLS = 5
CHUNK = LONGEST = 1 << 20  # bytes read at once, and in the longest line that is looked at
MOST = 1e6  # far above any weight
Edge = tuple[str, str, float]


@dataclass
class Assertions:
    """What a file says of the words that are wanted."""

    weights: dict[frozenset[bytes], float] = field(default_factory=dict)  # two words -> their sum
    met: set[bytes] = field(default_factory=set)  # words in any assertion about English words
    lines: int = 0
    unreadable: int = 0


def edges(
    names: tuple[str, ...], path: Path, aliases: dict[str, str]
) -> tuple[list[Edge], dict[str, Any]]:
    """Pairs of labels, in the dataset's order, with what is known of them; and a report.

    The report has the words of each label that are in an assertion, and those that are in none.
    """
    words = {name: concepts(name, aliases) for name in names}
    found = read(path, frozenset(word for some in words.values() for word in some))
    pairs = [
        (one, other, known(words[one], words[other], found))
        for one, other in combinations(names, 2)
    ]
    report = {
        "lines": found.lines,
        "unreadable": found.unreadable,
        "labels": {name: of_words(some, found) for name, some in words.items()},
    }
    return [pair for pair in pairs if pair[2]], report


def concepts(name: str, aliases: dict[str, str]) -> list[bytes]:
    """ConceptNet writes `t-shirt` as `t_shirt`."""
    return [word.replace("-", "_").encode() for word in word_vectors.split(name, aliases, "lower")]


def known(one: list[bytes], other: list[bytes], found: Assertions) -> float:
    pairs = [frozenset(pair) for pair in product(one, other)]
    return sum(found.weights.get(pair, 0.0) for pair in pairs) / max(len(pairs), 1)


def of_words(words: list[bytes], found: Assertions) -> dict[str, list[str]]:
    return {
        "words": [word.decode() for word in words if word in found.met],
        "missing": [word.decode() for word in words if word not in found.met],
    }


def read(path: Path, wanted: frozenset[bytes]) -> Assertions:
    """Lines that are no assertion are counted, and left out."""
    found = Assertions()
    for line in lines_of(path):
        found.lines += 1
        cells = line.split(b"\t", CELLS - 1)
        if len(cells) < CELLS:
            found.unreadable += 1
            continue
        if not (cells[2].startswith(ENGLISH) and cells[3].startswith(ENGLISH)):
            continue
        ends = wanted & {word_of(cells[2]), word_of(cells[3])}
        found.met |= ends
        if len(ends) == 2:
            weight = weight_of(cells[4])
            found.unreadable += weight is None
            found.weights[ends] = found.weights.get(ends, 0.0) + (weight or 0.0)
    if found.lines == found.unreadable:
        raise ValueError(f"{path} holds no assertions ({found.lines:,} lines); fetch it again")
    return found


def word_of(end: bytes) -> bytes:
    return end[len(ENGLISH) :].partition(b"/")[0]


def weight_of(cell: bytes) -> float | None:
    """None if the cell has no weight."""
    try:
        weight = json.loads(cell)["weight"]
        return float(weight) if 0 <= weight <= MOST else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def lines_of(path: Path) -> Iterator[bytes]:
    """Of a line that is too long, the beginning up to its first tab, which is no assertion."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; `snakemake {path.parent}.json` fetches it")
    try:
        with gzip.open(path) as packed, BufferedReader(packed, CHUNK) as stream:
            inside = False  # a line whose beginning was too long
            while line := stream.readline(LONGEST):
                complete = line.endswith(b"\n") or len(line) < LONGEST
                if not inside:
                    yield line if complete else line.partition(b"\t")[0]
                inside = not complete
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}); fetch it again") from None
