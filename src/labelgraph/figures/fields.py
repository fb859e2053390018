"""The fields of an entry of figures.yaml: the kinds of figures, and what each of them needs."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from labelgraph.figures import image_choice
from labelgraph.study.entries import DatasetName, TableName
from labelgraph.study.validation import (
    Block,
    Line,
    Positive,
    Some,
    Text,
    Whole,
    check_keys,
    validated,
)

COMMON = {"paper", "figure", "kind", "caption", "notes"}
INSPECTION = Path(__file__).parents[1] / "predict/inspection"


class Images(Block):
    """Which reported images are shown."""

    rule: Text = Field(description="The rule that chooses them, one of image_choice.py.")
    count: Positive = Field(description="How many.")
    labels: Whole = Field(description="How many labels each shows, at least.")
    most: Positive = Field(default=None, description="How many labels each shows, at most.")


class Sweep(Block):
    """A curve over one setting of a method."""

    name: Line = Field(description="The setting's name below the axis.")
    symbol: Line = Field(description="Its letter in the paper.")
    setting: Text = Field(description="The setting of a run, such as model.gamma.")
    variants: Text = Field(description="The beginning of the variants' names.")
    show: Literal["count"] = Field(default=None, description="Draw the length of a list.")


class Mistake(Block):
    """Wrong predictions of one label."""

    label: Text = Field(description="The label.")
    kind: Literal["false_positive", "false_negative"] = Field(description="Which mistake.")
    count: Positive = Field(description="How many images.")


class Figure(Block):
    """An entry of figures.yaml; its kind says which lines it has."""

    paper: Text = Field(description="The paper.")
    figure: Text = Field(description="The number of the published figure, or a name.")
    kind: Text = Field(description="The file in figures/kinds/ that draws it.")
    caption: Line = Field(description="The line above the figure.")
    notes: list[Line] = Field(default=None, description="Sentences below it.")
    datasets: Some[DatasetName] = Field(description="The datasets, as far as a study runs them.")
    table: TableName = Field(default=None, description="The table whose rows are drawn.")
    reference: Text = Field(default=None, description="The row that a dashed line marks.")
    legend: list[Line] = Field(default=None, description="The marks of rows.")
    method: Text = Field(default=None, description="The method whose settings are swept.")
    metric: Text = Field(default=None, description="The metric that is drawn.")
    sweeps: list[Sweep] = Field(default=None, description="The curves.")
    seeds: Positive = Field(default=None, description="How many seeds each variant has.")
    published: dict[DatasetName, Text] = Field(default=None, description="The paper's own values.")
    systems: Some[Text] = Field(default=None, description="The systems, method[@variant].")
    images: Images = Field(default=None, description="The images that are shown.")
    queries: Images = Field(default=None, description="The images whose neighbours are shown.")
    top: Positive = Field(default=None, description="How many labels or neighbours are shown.")
    mistakes: list[Mistake] = Field(default=None, description="The mistakes that are shown.")


@dataclass(frozen=True)
class Kind:
    """`reads`: the files of each dataset that it is drawn from; see plans.files."""

    keys: frozenset[str]  # of its entries, besides COMMON
    reads: frozenset[str] = frozenset()
    view: str = ""  # what it shows from inside the models: a function in predict/inspection/
    systems: int = 0  # how many systems it compares; 0 for any number
    datasets: int = 0


def kind(keys: str, reads: str = "", **more: Any) -> Kind:
    return Kind(frozenset(keys.split()), frozenset(reads.split()), **more)


SCORED = "root targets predictions"
INSIDE = f"{SCORED} inspections"
KINDS = {
    "sweep": kind("method datasets metric sweeps seeds published"),
    "proportions": kind("table datasets"),
    "dots": kind("table datasets metric reference legend"),
    "top_labels": kind("systems datasets images top", SCORED, systems=2),
    "mistakes": kind("systems datasets mistakes", SCORED, systems=1, datasets=1),
    "activation": kind(
        "systems datasets images", f"{INSIDE} manifest", view="maps", systems=2, datasets=1
    ),
    "regions": kind("systems datasets images", INSIDE, view="regions", systems=1, datasets=1),
    "retrieval": kind("systems datasets queries top", INSIDE, view="features", datasets=1),
    "embedding": kind("systems datasets images", "counts targets inspections", view="labels"),
}


def check(name: str, entry: dict[str, Any], datasets: Iterable[str], tables: Iterable[str]) -> None:
    """Reports a wrong entry before anything starts."""
    if entry.get("kind") not in KINDS:
        raise ValueError(f"figures.{name}: kind is {entry.get('kind')!r}, not one of {[*KINDS]}")
    chosen = KINDS[entry["kind"]]
    check_keys(f"figures.{name}", entry, COMMON | chosen.keys)
    optional = {"notes", "seeds", "published"}
    if missing := (COMMON | chosen.keys) - optional - entry.keys():
        raise ValueError(f"figures.{name} lacks {sorted(missing)}")
    validated(Figure, f"figures.{name}: ", entry, datasets=datasets, tables=tables)
    if name != f"{entry['paper']}_{entry['figure']}":
        raise ValueError(
            f"figures.{name} is {entry['paper']} {entry['figure']}; name it"
            f" {entry['paper']}_{entry['figure']}"
        )
    for what in chosen.keys & {"images", "queries"}:
        image_choice.check(f"figures.{name}: {what}", entry[what], len(entry["systems"]))
    check_systems(name, entry, chosen)


def check_systems(name: str, entry: dict[str, Any], chosen: Kind) -> None:
    for what in ("systems", "datasets"):
        wanted = getattr(chosen, what)
        if wanted and len(entry[what]) != wanted:
            raise ValueError(
                f"figures.{name}: {what} are {entry[what]}; this kind of figure takes {wanted}"
            )
    for system in entry["systems"] if chosen.view else ():
        method = system.partition("@")[0]
        if chosen.view not in views(method):
            raise ValueError(
                f"figures.{name} shows {chosen.view} of {method}, for which predict/inspection/ has"
                f" only {views(method)}"
            )


def views(method: str) -> list[str]:
    """What can be shown from inside a method's models, found without importing torch."""
    path = INSPECTION / f"{method}.py"
    if not path.exists():
        return []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name for name in names if not name.startswith("_")]
