"""`labelgraph new-method`: the file and the entry that a new method begins with."""

import argparse
import keyword
import re
from pathlib import Path

from labelgraph.files import yaml_reader
from labelgraph.files.small import write_text
from labelgraph.study import own_tables

HELP = "begin a new method: its file in models/ and its entry in methods.yaml"
EXAMPLES = ("labelgraph new-method my_gcn",)
MODELS, METHODS = Path("src/labelgraph/models"), Path("workflow/config/methods.yaml")
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
LONGEST = 40  # letters, because the name becomes part of file names
TAKEN = ("own", own_tables.EVERY)  # words with another meaning in place of a method's name
FILE = '''"""{title}: one sentence on its idea.

As a start, a label's score gets a share of the scores of labels that occur with it.

Shapes: B images, C labels, F features of the encoder, h x w positions.
"""

from torch import Tensor, nn

from labelgraph.parts.labelspace import LabelSpace


def label_graph(counts: Tensor) -> Tensor:
    """(C, C): how often the column's label occurs with the row's label; rows sum to 1 or 0."""
    together = counts.clone().fill_diagonal_(0)
    return together / together.sum(1, keepdim=True).clamp(min=1)


class {type}(nn.Module):
    """One linear layer scores every label, and the graph passes on a share of the scores."""

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
Both already work.

Its tests:
    uv run pytest tests/models/test_models.py -k {name}
It alone, trained on drawn scenes:
    uv run snakemake --cores 2 results/runs/mini/full/voc2007/{name}/seed0/scores.json
And on pictures of yours, with
    --config 'own_table={{rows: [baseline, {name}]}}'
If it has a paper, name it under `paper`, and where you depart from it in
workflow/published/recipes.csv; tables print these notes below them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="lower-case letters, digits and _, like my_gcn")


def run(arguments: argparse.Namespace) -> int:
    name, file = arguments.name, MODELS / f"{arguments.name}.py"
    if not (MODELS.is_dir() and METHODS.is_file()):
        raise FileNotFoundError(
            f"there is no {MODELS} and {METHODS} here; run this in the repository's folder"
        )
    check(name)
    text = METHODS.read_text(encoding="utf-8")
    known = yaml_reader.read_yaml(METHODS)
    if name in known or file.exists():
        where = METHODS if name in known else file
        raise ValueError(f"there is already a method {name!r}, in {where}; choose another name")
    words = [word.capitalize() for word in name.split("_")]
    write_text(file, FILE.format(title=name, type="".join(words)))
    write_text(METHODS, text.rstrip("\n") + "\n" + ENTRY.format(name=name))
    print(NEXT.format(file=file, methods=METHODS, name=name))
    return 0


def check(name: str) -> None:
    """The name becomes a file, a module, a key of settings and a folder of results."""
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise ValueError(
            f"{name!r} cannot be a method's name; expected a letter, then letters, digits and _,"
            f" all lower case and {LONGEST} at most, like my_gcn"
        )
    if keyword.iskeyword(name) or name in TAKEN:
        whose = "Python" if keyword.iskeyword(name) else "the settings"
        raise ValueError(f"{name!r} is reserved by {whose}; choose another name")
