"""Word vectors of labels, from GloVe's text format: a word and D numbers on each line.

A label is split at spaces, hyphens and underscores, and its vector is the mean over its words. An
alias replaces the label; it is split at spaces only, so that `hot-dog` can be one word. The file
is read as a stream, up to the last word that is needed.

A label without any vector (every label, if there is no file) is refused or gets a random vector
whose seed is its name: the same for the same name, nearly orthogonal to all others, as long as
they are, and without meaning. In the report such labels have no words.

Shapes: C labels, D numbers of a vector.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

MEMBER = "glove.6B.300d.txt"  # read from an archive with several files, such as glove.6B.zip
KEYS = {"aliases", "multiword", "case", "missing"}
SIZE, LENGTH = 300, 6.7  # of drawn vectors if there are no others: as in GloVe 6B
SEPARATORS = re.compile(r"[ _-]+")
CHUNK = LONGEST = 1 << 20  # bytes read at once, and in the longest line


def embed(
    names: tuple[str, ...], path: Path | None, options: dict[str, Any]
) -> tuple[np.ndarray, dict[str, Any]]:
    """Vectors (C, D) float32, and for each label the words that were used and that were missing."""
    check(names, options)
    words = {name: split(name, options["aliases"], options["case"]) for name in names}
    wanted = {word for some in words.values() for word in some}
    found = read_words(path, wanted) if path else {}
    rows, report = {}, {}
    for name in names:
        used = [word for word in words[name] if word in found]
        missing = [word for word in words[name] if word not in found]
        report[name] = {"words": used, "missing": missing}
        if used:
            rows[name] = np.mean([found[word] for word in used], 0, np.float64)
        elif options["missing"] == "refused":
            raise ValueError(
                f"{path} has no vector for label {name!r} (looked for {', '.join(words[name])});"
                f" add an alias, such as aliases: {{{name}: WORDS THAT MEAN IT}}"
            )
    size = len(next(iter(rows.values()))) if rows else SIZE
    length = np.mean([np.linalg.norm(row) for row in rows.values()]) if rows else LENGTH
    vectors = [rows[name] if name in rows else drawn(name, size, length) for name in names]
    return np.stack(vectors).astype(np.float32), report


def drawn(name: str, size: int, length: float) -> np.ndarray:
    seed = int.from_bytes(sha256(name.encode()).digest()[:8])
    vector = np.random.default_rng(seed).standard_normal(size)
    return vector * (length / np.linalg.norm(vector))


def check(names: tuple[str, ...], options: dict[str, Any]) -> None:
    if not isinstance(options, dict) or options.keys() != KEYS:
        raise ValueError(f"the options are {options}; they must be an object with {sorted(KEYS)}")
    if options["multiword"] != "mean" or options["case"] not in ("lower", "keep"):
        raise ValueError(
            f"multiword is {options['multiword']!r} and case is {options['case']!r}; multiword may"
            " be mean, case may be lower or keep"
        )
    if options["missing"] not in ("refused", "drawn"):
        raise ValueError(f"missing is {options['missing']!r}; it may be refused or drawn")
    aliases = options["aliases"]
    if not isinstance(aliases, dict) or not all(isinstance(a, str) for a in aliases.values()):
        raise ValueError(f"aliases are {aliases!r}; they must map labels to words")
    for name in names if options["missing"] == "refused" else ():
        if not split(name, aliases, options["case"]):
            raise ValueError(f"label {name!r} has no word in it; add an alias for it")


def split(name: str, aliases: dict[str, str], case: str) -> list[str]:
    """`dining_table` -> [dining, table]."""
    words = aliases[name].split() if name in aliases else SEPARATORS.split(name)
    return [word.lower() if case == "lower" else word for word in words if word]


def read_words(path: Path, wanted: set[str]) -> dict[str, np.ndarray]:
    """The wanted words that the file has; of a repeated word, the first line."""
    lacking = {word.encode() for word in wanted}
    found, size = {}, 0
    with open_text(path) as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LONGEST), b""), 1):
            if len(line) == LONGEST:
                raise ValueError(
                    f"{path}, line {number}: more than {LONGEST:,} bytes; expected a word and its"
                    " numbers"
                )
            line = line.rstrip()
            size = size or line.count(b" ")
            if line.count(b" ") != size or not size:
                check_phrase(line, size, f"{path}, line {number}")
                continue
            word, _, numbers = line.partition(b" ")
            if word in lacking:
                found[word.decode()] = read_numbers(numbers, f"{path}, line {number}")
                lacking.remove(word)
                if not lacking:
                    break
    return found


def check_phrase(line: bytes, size: int, where: str) -> None:
    """Accepts another number of columns only from a word with spaces; GloVe 840B has a few."""
    word, *more = line.split(b" ")
    extra = more[: max(len(more) - size, 0)]  # no label needs a word with spaces
    if size and any(not is_number(text) for text in extra):
        return
    raise ValueError(
        f"{where}: {len(more)} numbers after {word[:40].decode(errors='replace')!r}, expected"
        f" {size or 'at least one'}; fetch the file again"
    )


def is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_numbers(text: bytes, where: str) -> np.ndarray:
    words = text.split(b" ")
    if wrong := [word for word in words if not is_number(word)]:
        shown = wrong[0].decode(errors="replace")
        raise ValueError(f"{where}: {shown!r} is not a number; fetch the file again")
    vector = np.array([float(word) for word in words])
    if not np.isfinite(vector).all():
        raise ValueError(f"{where}: not every number is finite; fetch the file again")
    return vector


@contextmanager
def open_text(path: Path) -> Iterator[BinaryIO]:
    """The lines of a text file, or of a text file inside a .zip, unpacked while they are read."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; `snakemake {path}` fetches it")
    if path.suffix != ".zip":
        with path.open("rb", CHUNK) as stream:
            yield stream
        return
    try:
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(member_of(path, archive)) as packed,
            BufferedReader(packed, CHUNK) as stream,
        ):
            yield stream
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}); fetch it again") from None


def member_of(path: Path, archive: zipfile.ZipFile) -> str:
    texts = [name for name in archive.namelist() if name.endswith(".txt")]
    if MEMBER in texts:
        return MEMBER
    if len(texts) != 1:
        raise ValueError(f"{path} holds {texts}; expected {MEMBER}, or one text file")
    return texts[0]
