"""`labelgraph new-method`: a file and an entry to begin a method of one's own with."""

import argparse
import keyword
import re
from pathlib import Path

from labelgraph.files import yaml_reader
from labelgraph.files.small import write_text
from labelgraph.study import own_tables

HELP = "begin a method of one's own: its file in models/, its entry in methods.yaml"
MODELS, METHODS = Path("src/labelgraph/models"), Path("workflow/config/methods.yaml")
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
LONGEST = 40  # letters, for the name is a part of files' names
TAKEN = ("own", own_tables.EVERY)  # words that mean something else where a method may stand
FILE = '''"""{title}: one sentence on its idea.

As it stands, a label's score also hears the scores of the labels that it was seen with.

Shapes: B images, C labels, F features of the encoder, h x w positions.
"""

from torch import Tensor, nn

from labelgraph.parts.labelspace import LabelSpace


def label_graph(counts: Tensor) -> Tensor:
    """(C, C): how often the label of a column stands beside that of a row; rows sum to 1 or 0."""
    together = counts.clone().fill_diagonal_(0)
    return together / together.sum(1, keepdim=True).clamp(min=1)


class {type}(nn.Module):
    """One linear layer scores every label, and the graph passes a share of the scores on."""

    def __init__(self, encoder: nn.Module, graph: Tensor, share: float):
        super().__init__()
        self.encoder, self.share = encoder, share
        self.register_buffer("graph", graph)  # (C, C)
        self.classifier = nn.Linear(encoder.width, len(graph))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        """Logits (B, C)."""
        features = self.encoder(batch["image"]).mean((2, 3))  # (B, F, h, w) -> (B, F)
        scores = self.classifier(features)  # (B, C)
        return scores + self.share * scores @ self.graph.T


def build(labels: LabelSpace, encoder: nn.Module, *, share: float) -> {type}:
    return {type}(encoder, label_graph(labels.counts), share)
'''
ENTRY = """
{name}:
  title: {name}
  model: {{share: 0.2}}
  train: {{lr: 0.01, encoder_lr: 0.001}}
"""
NEXT = """{file}: what it computes; {methods}: its settings, the last entry.
Both work as they stand.

Its tests:
    uv run pytest tests/models/test_models.py -k {name}
It alone, trained on drawn scenes:
    uv run snakemake --cores 2 results/runs/mini/full/voc2007/{name}/seed0/scores.json
And on pictures of yours, with
    --config 'own_table={{rows: [baseline, {name}]}}'
If it has a paper, `paper` and `departures` of the entry say so and are printed below tables."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="small letters, digits and _, like my_gcn")


def run(arguments: argparse.Namespace) -> int:
    name, file = arguments.name, MODELS / f"{arguments.name}.py"
    if not (MODELS.is_dir() and METHODS.is_file()):
        raise FileNotFoundError(
            f"there is no {MODELS} and {METHODS} here; start this in the repository's folder"
        )
    check(name)
    text = METHODS.read_text(encoding="utf-8")
    known = yaml_reader.read_yaml(METHODS)
    if name in known or file.exists():
        where = METHODS if name in known else file
        raise ValueError(f"there is a method {name!r} already, in {where}; choose another name")
    words = [word.capitalize() for word in name.split("_")]
    write_text(file, FILE.format(title=name, type="".join(words)))
    write_text(METHODS, text.rstrip("\n") + "\n" + ENTRY.format(name=name))
    print(NEXT.format(file=file, methods=METHODS, name=name))
    return 0


def check(name: str) -> None:
    """The name becomes a file, a module, a key of settings and a folder of results."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise ValueError(
            f"{name!r} is no name of a method: expected small letters, digits and _, a letter"
            f" first, {LONGEST} at most, like my_gcn"
        )
    if keyword.iskeyword(name) or name in TAKEN:
        whose = "Python" if keyword.iskeyword(name) else "the settings"
        raise ValueError(f"{name!r} is a word of {whose} already; choose another name")
