"""All that can be said of a dataset before training: as data, with sentences for what is wrong.

`problems` will spoil a training or its result, `remarks` are worth knowing.
"""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph import datasets, protocols, wordvectors
from labelgraph.datacheck import labels, likeness, pictures
from labelgraph.manifest import YES, Manifest
from labelgraph.protocols.roles import NAMES as ROLES

ORDER = ("fit", "tune", "report", "unused")
LISTED = 20  # files of a kind that are named
FEW = 5  # positives below which a label is hardly learnt or judged
TOGETHER = {
    "always_the_same_images": "{} and {} are on exactly the same images: one label, two names?",
    "nearly_always_brings": "where {} is, {} nearly always is, too",
    "never_together": "{} and {} are never on one image, though both are frequent",
}
UNEVEN = 100  # times that the commonest label is as frequent as the rarest


def check(name: str, entry: dict[str, Any], protocol: dict[str, Any], root: Path) -> dict[str, Any]:
    """`entry` of datasets, `protocol` as `split` is told, `root` where the data are."""
    manifest = datasets.read(entry["reader"], root, **entry["options"])
    roles = roles_of(manifest, protocol)
    seen = pictures.see([root / image for image in manifest.images.tolist()])
    found: dict[str, Any] = {
        "name": name,
        "folder": str(root),
        "images": counted(roles),
        **labels.describe(manifest.names, manifest.labels, roles, [*counted(roles)]),
        "without_label": files(manifest, ~(manifest.labels == YES).any(1)),
        "unreadable": [each.error for each in seen if each.error],
        "tiny": files(manifest, [not e.error and min(e.size) < pictures.TINY for e in seen]),
        "alike": alike(manifest, roles, seen),
        "no_word_vector": no_word_vector(manifest, entry),
    }
    return found | {"problems": problems(found), "remarks": remarks(found)}


def roles_of(manifest: Manifest, protocol: dict[str, Any]) -> np.ndarray:
    """What each image is used for: fit, tune, report, or nothing."""
    split = protocols.cut(manifest, protocol)
    place = {image: row for row, image in enumerate(manifest.images.tolist())}
    roles = np.full(len(manifest.images), "unused", "<U6")
    for role, code in ROLES.items():
        chosen = split.train["images"][split.train["role"] == code].tolist()
        roles[[place[image] for image in chosen]] = role
    roles[[place[image] for image in split.report["images"].tolist()]] = "report"
    return roles


def counted(roles: np.ndarray) -> dict[str, int]:
    found = {role: int((roles == role).sum()) for role in ORDER}
    return {role: count for role, count in found.items() if count}


def files(manifest: Manifest, chosen: Any) -> dict[str, Any]:
    names = manifest.images[np.asarray(chosen, bool)].tolist()
    return {"count": len(names), "first": names[:LISTED]}


def alike(manifest: Manifest, roles: np.ndarray, seen: list[pictures.Seen]) -> list[dict[str, Any]]:
    rows = [row for row, each in enumerate(seen) if each.look is not None]
    found = []
    for pair in likeness.pairs([seen[row].look for row in rows]):
        both = [rows[pair.first], rows[pair.second]]
        found.append(
            {
                "images": [str(manifest.images[row]) for row in both],
                "roles": [str(roles[row]) for row in both],
                "mirrored": pair.mirrored,
                "same_labels": bool((manifest.labels[both[0]] == manifest.labels[both[1]]).all()),
            }
        )
    return found


def no_word_vector(manifest: Manifest, entry: dict[str, Any]) -> list[str] | None:
    """Labels of which the file knows no word; null where no file is named."""
    file = entry.get("vectors")
    if file is None or not Path(file).is_file():
        return None
    options = {"aliases": entry["aliases"], "multiword": "mean", "case": "lower"}
    _, report = wordvectors.embed(manifest.names, Path(file), options | {"missing": "drawn"})
    return [name for name, words in report.items() if not words["words"]]


def problems(found: dict[str, Any]) -> list[str]:
    said = []
    if broken := found["unreadable"]:
        said.append(f"{len(broken)} images cannot be used: {some(broken)}")
    never = found["never_shown"]
    for role, what in (("fit", "learnt"), ("report", "judged")):
        if names := never.get(role):
            said.append(f"no {role} image shows {some(names)}, so it cannot be {what}")
    leaks = [pair for pair in found["alike"] if crosses(pair)]
    if leaks:
        shown = some([" and ".join(pair["images"]) for pair in leaks])
        said.append(
            f"{len(leaks)} pairs of nearly the same image are in training and in report, so what is"
            f" reported is too good: {shown}"
        )
    return said


def crosses(pair: dict[str, Any]) -> bool:
    return ("report" in pair["roles"]) and {*pair["roles"]} & {"fit", "tune"} != set()


def remarks(found: dict[str, Any]) -> list[str]:
    return [*of_labels(found), *of_images(found), *of_pairs(found)]


def of_labels(found: dict[str, Any]) -> list[str]:
    said = []
    rare = [name for name, counts in found["labels"].items() if 0 < counts.get("fit", 0) < FEW]
    if rare:
        said.append(f"fewer than {FEW} fit images show {some(rare)}: expect little of them")
    if (found["imbalance"] or 0) >= UNEVEN:
        said.append(
            f"the commonest label is {found['imbalance']:.0f} times as frequent as the rarest"
        )
    for kind, sentence in TOGETHER.items():
        said += [sentence.format(*pair) for pair in found[kind]]
    if missing := found["no_word_vector"]:
        said.append(
            f"{len(missing)} labels have no word vector, theirs are drawn: {some(missing)}; aliases"
            " name words that mean them"
        )
    return said


def of_images(found: dict[str, Any]) -> list[str]:
    kinds = {"without_label": "show no label", "tiny": f"have a side under {pictures.TINY} pixels"}
    return [
        f"{found[kind]['count']} images {what}: {some(found[kind]['first'], found[kind]['count'])}"
        for kind, what in kinds.items()
        if found[kind]["count"]
    ]


def of_pairs(found: dict[str, Any]) -> list[str]:
    inside = [pair for pair in found["alike"] if not crosses(pair)]
    differ = [pair for pair in found["alike"] if not pair["same_labels"]]
    kinds = {"serve the same end": inside, "have different labels": differ}
    return [
        f"{len(chosen)} pairs of nearly the same image {what}:"
        f" {some([' and '.join(pair['images']) for pair in chosen])}"
        for what, chosen in kinds.items()
        if chosen
    ]


def some(names: list[str], count: int | None = None) -> str:
    """The first few, and how many more."""
    more = (count or len(names)) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")
