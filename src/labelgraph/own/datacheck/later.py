"""What the steps after the manifest refuse, asked before any of them runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.inputs import word_vectors
from labelgraph.manifest.manifest import Manifest
from labelgraph.own.datacheck import boxes
from labelgraph.split import cutting

LINKS = Path("data/raw/own")  # where the workflow links folders of one's own


@dataclass(frozen=True)
class Plan:
    """What a study is going to do with a dataset."""

    protocol: dict[str, Any]  # of the task that is looked over
    others: list[dict[str, Any]]  # protocols of its other tasks
    learns_boxes: bool  # whether a detector learns the data's own
    boxes: Path | None  # a file of regions for methods that take them


def refusals(name: str, entry: dict[str, Any], manifest: Manifest, plan: Plan) -> list[str]:
    """A sentence for each step that would fail."""
    own = "folder" in entry
    attempts: list[Callable[[], Any]] = [
        lambda: place(name, entry),
        lambda: embed(manifest, entry, "drawn" if own or words(entry) is None else "refused"),
        *(lambda settings=settings: cut(manifest, settings, own) for settings in plan.others),
    ]
    if plan.boxes:
        attempts.append(lambda: boxes.given_regions(plan.boxes, manifest.images))
    return [error for attempt in attempts if (error := refused(attempt))]


def refused(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except (ValueError, OSError) as error:
        return str(error)
    return ""


def cut(manifest: Manifest, settings: dict[str, Any], own: bool) -> None:
    """Where labels are hidden, some may have no positive left; the papers' protocols allow that."""
    shown = cutting.cut(manifest, settings).description
    if own and (lost := shown["fit_without_positive"]):
        raise ValueError(
            f"task {shown['task']}: no fit image is known to show {', '.join(lost[:3])}"
            f" ({len(lost)} labels), so it cannot be learnt"
        )


def place(name: str, entry: dict[str, Any]) -> None:
    """As list_folder asks, which links the folder."""
    if "folder" not in entry:
        return
    folder, link = Path(entry["folder"]).resolve(), LINKS / name
    if link.exists() and not link.is_symlink():
        raise ValueError(f"{link} is where a link to {folder} is to be made; move it elsewhere")
    if LINKS.resolve().is_relative_to(folder):
        raise ValueError(f"{folder} holds this repository's data; choose a folder below it")


def embed(manifest: Manifest, entry: dict[str, Any], missing: str) -> dict[str, Any]:
    """Label -> its words, of the file of vectors where there is one already."""
    options = {"aliases": entry["aliases"], "multiword": "mean", "case": "lower"}
    return word_vectors.embed(manifest.names, words(entry), options | {"missing": missing})[1]


def words(entry: dict[str, Any]) -> Path | None:
    """What is still to be fetched is not asked."""
    file = entry.get("vectors")
    return Path(file) if file is not None and Path(file).is_file() else None


def no_word_vector(manifest: Manifest, entry: dict[str, Any]) -> list[str] | None:
    """Labels of which the file knows no word; null where there is no file that is sound."""
    if words(entry) is None:
        return None
    try:
        found = embed(manifest, entry, "drawn")
    except (ValueError, OSError):
        return None
    return [name for name, known in found.items() if not known["words"]]
