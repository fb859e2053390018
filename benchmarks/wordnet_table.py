"""Writes the part of WordNet that relates label names: src/labelgraph/parts/wordnet_synsets.py.

    python benchmarks/wordnet_table.py FOLDER

FOLDER holds `index.noun` and `data.noun` of WordNet 3.0; Debian's `wordnet-base` has them in
/usr/share/wordnet. Which sense a label name has stands in src/labelgraph/parts/wordnet.py. The file
gets these synsets and all that lie above them: their offset, first word, and next higher synsets.
"""

import argparse
from pathlib import Path

from labelgraph.parts.wordnet import SENSES

TARGET = Path("src/labelgraph/parts/wordnet_synsets.py")
LICENCE = 29  # lines of the notice at the beginning of each of WordNet's files
ABOVE = ("@", "@i")  # pointers to what a noun is a kind, or an instance, of


def content(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").splitlines()


def offsets(lines: list[str]) -> dict[str, list[str]]:
    """Word -> its synsets, by the number of the sense."""
    found = {}
    for line in lines[LICENCE:]:
        cells = line.split()
        found[cells[0]] = cells[-int(cells[2]) :]
    return found


def synsets(lines: list[str]) -> dict[str, tuple[str, list[str]]]:
    """Offset -> first word, and the offsets of the next higher synsets."""
    found = {}
    for line in lines[LICENCE:]:
        cells = line.split(" | ")[0].split()
        start = 4 + 2 * int(cells[3], 16)  # behind the words, two cells each
        pointers = [cells[start + 1 + 4 * place :][:2] for place in range(int(cells[start]))]
        found[cells[0]] = cells[4], [where for kind, where in pointers if kind in ABOVE]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    index, data = content(folder / "index.noun"), content(folder / "data.noun")
    senses, graph = offsets(index), synsets(data)
    waiting = [senses[word][number - 1] for word, number in SENSES.values()]
    names = {f"{word} {number}": senses[word][number - 1] for word, number in SENSES.values()}
    kept = {}
    while waiting:
        here = waiting.pop()
        if here not in kept:
            kept[here] = graph[here]
            waiting += graph[here][1]
    notice = "\n".join(line[2:].partition(" ")[2].rstrip() for line in data[:LICENCE])
    lines = [f"{where} {word} {' '.join(above)}".rstrip() for where, (word, above) in kept.items()]
    sense_lines = [f"{name} {where}" for name, where in sorted(names.items())]
    TARGET.write_text(
        '"""A part of WordNet 3.0, written by benchmarks/wordnet_table.py. WordNet\'s notice:\n\n'
        f'{notice.strip()}\n"""\n\n'
        "# a word, the number of its sense, and the offset of the synset\n"
        'SENSES = """\n' + "\n".join(sense_lines) + '\n"""\n\n'
        "# a synset's offset, its first word, and the offsets of the next higher synsets\n"
        'SYNSETS = """\n' + "\n".join(sorted(lines)) + '\n"""\n'
    )


if __name__ == "__main__":
    main()
