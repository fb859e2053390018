"""All that can be said of a dataset before training: as data, with sentences for what is wrong."""

from pathlib import Path
from typing import Any

import numpy as np

from labelgraph.manifest import finding
from labelgraph.manifest.manifest import YES, Manifest
from labelgraph.own.datacheck import (
    boxes,
    labels,
    later,
    likeness,
    pictures,
    sentences,
    unread,
)
from labelgraph.own.datacheck.later import Plan
from labelgraph.split import cutting
from labelgraph.split.roles import NAMES as ROLES

ORDER = ("fit", "tune", "report", "unused")
LISTED = 20  # files of a kind that are named


def check(name: str, entry: dict[str, Any], plan: Plan, root: Path) -> dict[str, Any]:
    """`entry` of datasets, `root` where the data are. What is refused ends the look at the rest."""
    about = {"name": name, "folder": str(root)}
    try:
        manifest = finding.read(entry["reader"], root, **entry["options"])
        roles = roles_of(manifest, plan.protocol)
    except (ValueError, OSError) as error:  # what the reader or the split says of the data
        return about | {"problems": [str(error)], "remarks": left_out(entry, root)}
    seen = pictures.see([root / image for image in manifest.images.tolist()])
    found: dict[str, Any] = about | {
        "images": counted(roles),
        **labels.describe(manifest.names, manifest.labels, roles, [*counted(roles)]),
        "look_alike": labels.look_alike(manifest.names),
        "without_label": files(manifest, ~(manifest.labels == YES).any(1)),
        "unreadable": [each.error for each in seen if each.error],
        "tiny": files(manifest, [not e.error and min(e.size) < pictures.TINY for e in seen]),
        "blank": files(manifest, [e.look and e.look.numbers.std() <= likeness.FLAT for e in seen]),
        **alike(manifest, roles, seen),
        "no_word_vector": later.no_word_vector(manifest, entry),
        "aliases_of_none": sorted({*entry["aliases"]} - {*manifest.names}),
        "unread": unread.find(entry, root, manifest) if "folder" in entry else {},
        "boxes": boxes.find(manifest, np.array([each.size for each in seen]), roles == "fit"),
        "refused": later.refusals(name, entry, manifest, plan),
    }
    said = {"problems": sentences.problems(found, plan), "remarks": sentences.remarks(found)}
    return found | said


def left_out(entry: dict[str, Any], root: Path) -> list[str]:
    """What can be said of data that cannot be read."""
    try:
        return sentences.of_unread(unread.find(entry, root, None)) if "folder" in entry else []
    except (ValueError, OSError, LookupError):
        return []  # what is wrong there is the problem that is told


def roles_of(manifest: Manifest, protocol: dict[str, Any]) -> np.ndarray:
    """What each image is used for: fit, tune, report, or nothing."""
    split = cutting.cut(manifest, protocol)
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


def alike(manifest: Manifest, roles: np.ndarray, seen: list[pictures.Seen]) -> dict[str, Any]:
    """Pairs of nearly the same picture; of very many the first of each kind, and how many more."""
    rows = np.array([row for row, each in enumerate(seen) if each.look is not None], int)
    labels = np.unique(manifest.labels[rows], axis=0, return_inverse=True)[1].ravel()
    traits = np.column_stack([roles[rows] == "report", roles[rows] == "unused", labels])
    pairs = likeness.pairs([seen[row].look for row in rows.tolist()], traits)
    found = []
    for pair in pairs:
        both = [rows[pair.first], rows[pair.second]]
        found.append(
            {
                "images": [str(manifest.images[row]) for row in both],
                "roles": [str(roles[row]) for row in both],
                "mirrored": pair.mirrored,
                "same_labels": bool((manifest.labels[both[0]] == manifest.labels[both[1]]).all()),
            }
        )
    return {"alike": found, "alike_left_out": pairs.left_out}
