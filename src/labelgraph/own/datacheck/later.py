"""What the steps after the manifest would refuse, found before any of them runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.inputs import word_vectors
from labelgraph.manifest.manifest import Manifest
from labelgraph.own.datacheck import boxes
from labelgraph.split import cutting
from labelgraph.study.entries import Dataset

LINKS = Path("data/raw/own")  # where the workflow links your folders


@dataclass(frozen=True)
class Plan:
    """What a study will do with a dataset."""

    protocol: dict[str, Any]  # of the task that is checked
    others: list[dict[str, Any]]  # protocols of the study's other tasks
    learns_boxes: bool  # whether a detector is trained on the dataset's boxes
    boxes: Path | None  # a file of regions for methods that use them


def refusals(name: str, entry: Dataset, manifest: Manifest, plan: Plan) -> list[str]:
    """A sentence for each step that would fail."""
    own = bool(entry.folder)
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
    """Hiding labels can leave a label without positives, which only the papers' data may have."""
    shown = cutting.cut(manifest, settings).description
    if own and (lost := shown["fit_without_positive"]):
        raise ValueError(
            f"task {shown['task']}: no fit image is known to show {', '.join(lost[:3])}"
            f" ({len(lost)} labels), so it cannot be learnt"
        )


def place(name: str, entry: Dataset) -> None:
    """The checks of the step list_folder, which links the folder."""
    if not entry.folder:
        return
    folder, link = Path(entry.folder).resolve(), LINKS / name
    if link.exists() and not link.is_symlink():
        raise ValueError(f"{link} is in the way of a link to {folder}; move it elsewhere")
    if LINKS.resolve().is_relative_to(folder):
        raise ValueError(f"{folder} contains this repository's data; choose a folder below it")


def embed(manifest: Manifest, entry: Dataset, missing: str) -> dict[str, Any]:
    """Label -> its words, looked up in the file of vectors if it is on disk."""
    options = {"aliases": entry.aliases, "multiword": "mean", "case": "lower"}
    return word_vectors.embed(manifest.names, words(entry), options | {"missing": missing})[1]


def words(entry: Dataset) -> Path | None:
    """The file of vectors; None if it has not been fetched yet."""
    file = entry.vectors
    return Path(file) if file is not None and Path(file).is_file() else None


def no_word_vector(manifest: Manifest, entry: Dataset) -> list[str] | None:
    """Labels without a word in the file; None if there is no file that can be read."""
    if words(entry) is None:
        return None
    try:
        found = embed(manifest, entry, "drawn")
    except (ValueError, OSError):
        return None
    return [name for name, known in found.items() if not known["words"]]
