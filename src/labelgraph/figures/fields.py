"""The fields of an entry of figures.yaml: the kinds of figures, and what each of them needs."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.figures import image_choice
from labelgraph.study.validation import check_keys

COMMON = {"paper", "figure", "kind", "caption", "notes"}
INSPECTION = Path(__file__).parents[1] / "predict/inspection"


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


def check(name: str, entry: dict[str, Any]) -> None:
    """Reports a wrong entry before anything starts."""
    if entry.get("kind") not in KINDS:
        raise ValueError(f"figures.{name}: kind is {entry.get('kind')!r}, not one of {[*KINDS]}")
    chosen = KINDS[entry["kind"]]
    check_keys(f"figures.{name}", entry, COMMON | chosen.keys)
    optional = {"notes", "seeds", "published"}
    if missing := (COMMON | chosen.keys) - optional - entry.keys():
        raise ValueError(f"figures.{name} lacks {sorted(missing)}")
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
