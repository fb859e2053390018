"""The label names of a manifest and ConceptNet's assertions -> what is known of pairs of labels.

label_edges.csv: label, other, weight, for each pair of labels of which something is known. The
report gives the words of each label that ConceptNet has, those that it lacks, and the file.
"""

import argparse
import csv
import io
import json
import sys
from pathlib import Path

from labelgraph.files.small import sha256, write_json, write_text
from labelgraph.inputs import conceptnet
from labelgraph.manifest import manifest as manifests

COLUMNS = ("label", "other", "weight")


def main(
    manifest: Path, assertions: Path, aliases: dict[str, str], output: Path, report: Path
) -> None:
    names = manifests.read(manifest).names
    edges, about = conceptnet.edges(names, assertions, aliases)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *edges])
    write_text(output, text.getvalue())
    origin = {"file": assertions.name, "sha256": sha256(assertions)}
    write_json(report, {"assertions": origin, "aliases": aliases} | about)
    lacking = [name for name in names if not about["labels"][name]["words"]]
    print(
        f"{about['lines']:,} lines, {about['unreadable']:,} of them no assertion; {len(edges):,}"
        f" pairs of labels; labels that ConceptNet lacks: {', '.join(lacking) or 'none'}",
        file=sys.stderr,
    )


def command(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="relate_labels", description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--assertions", type=Path, required=True, help="ConceptNet's file; .csv.gz")
    parser.add_argument("--aliases", type=read_aliases, required=True, help="JSON text")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    main(**vars(parser.parse_args(arguments)))


def read_aliases(text: str) -> dict[str, str]:
    """Words to look up instead of a label's own."""
    found = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError
    return found


if __name__ == "__main__":
    command(sys.argv[1:])
