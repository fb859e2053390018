"""What an entry of figures.yaml may say: the kinds of figures, and what each of them needs."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.figures import choosing
from labelgraph.study import checks

COMMON = {"paper", "figure", "kind", "caption", "notes"}
INSPECTION = Path(__file__).parents[1] / "predict/inspection"


@dataclass(frozen=True)
class Kind:
    """`reads` names what it is drawn from, for each dataset: see figurelist.files."""

    keys: frozenset[str]  # of its entries, besides COMMON
    reads: frozenset[str] = frozenset()
    view: str = ""  # what it shows of the inside of its systems: a function in inspection/
    systems: int = 0  # how many it compares; 0 for any number
    datasets: int = 0


def kind(keys: str, reads: str = "", **more: Any) -> Kind:
    return Kind(frozenset(keys.split()), frozenset(reads.split()), **more)


SCORED = "root targets predictions"
INSIDE = f"{SCORED} inspections"
KINDS = {
    "sweep": kind("method datasets metric sweeps seeds published"),
    "proportions": kind("table datasets"),
    "dots": kind("table datasets metric reference"),
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
    """A line that cannot be followed is named before anything starts."""
    if entry.get("kind") not in KINDS:
        raise ValueError(f"figures.{name}: kind is {entry.get('kind')!r}, not one of {[*KINDS]}")
    chosen = KINDS[entry["kind"]]
    checks.keys(f"figures.{name}", entry, COMMON | chosen.keys)
    optional = {"notes", "seeds", "published"}
    if missing := (COMMON | chosen.keys) - optional - entry.keys():
        raise ValueError(f"figures.{name} lacks {sorted(missing)}")
    if name != f"{entry['paper']}_{entry['figure']}":
        raise ValueError(f"figures.{name} is {entry['paper']} {entry['figure']}; name it so")
    for what in chosen.keys & {"images", "queries"}:
        choosing.check(f"figures.{name}: {what}", entry[what], len(entry["systems"]))
    check_systems(name, entry, chosen)


def check_systems(name: str, entry: dict[str, Any], chosen: Kind) -> None:
    for what in ("systems", "datasets"):
        wanted = getattr(chosen, what)
        if wanted and len(entry[what]) != wanted:
            raise ValueError(
                f"figures.{name}: {what} are {entry[what]}; this kind shows {wanted} of them"
            )
    for system in entry["systems"] if chosen.view else ():
        method = system.partition("@")[0]
        if chosen.view not in views(method):
            raise ValueError(
                f"figures.{name} shows {chosen.view} of {method}; inspection/ knows {views(method)}"
                " of it"
            )


def views(method: str) -> list[str]:
    """What can be shown of the inside of a method's models, read without importing torch."""
    path = INSPECTION / f"{method}.py"
    if not path.exists():
        return []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [name for name in names if not name.startswith("_")]
