"""A manifest and a protocol's settings -> the files that training, prediction and scoring read.

The rows of a training file: first the fit and tune images, then (with `selection: report`) the
reported images as tune, then the shots; in the manifest's order within each group. A base image of
a few-shot task, fit or tune, can appear again as a shot, with other labels hidden.

Shapes: n rows of the training file, m reported images, C labels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from labelgraph.files.small import fingerprint
from labelgraph.manifest.manifest import UNKNOWN, YES, Manifest
from labelgraph.split import (
    fewshot,
    partial,
    roles,
    settings,
)
from labelgraph.split.fewshot import Stages
from labelgraph.split.roles import NAMES, SHOT, TUNE
from labelgraph.split.settings import Protocol

SELECTED_ON_REPORT = (
    "The checkpoint is chosen on the reported images, as the papers did: the training file holds"
    " them with all their labels as tune."
)
FEWSHOT_TUNE = (
    "Tune images have base labels only, so no checkpoint of the few-shot stage is chosen."
)


@dataclass(frozen=True)
class Split:
    """What becomes train.npz, report.npz, targets.npz and protocol.json."""

    train: dict[str, np.ndarray]  # images (n,), role (n,), labels (n, C) codes, names, novel (C,)
    report: dict[str, np.ndarray]  # images (m,), names (C,)
    targets: dict[str, np.ndarray]  # images (m,), labels (C,) names, target (m, C), scored (C,)
    description: dict[str, Any]


def cut(manifest: Manifest, raw: dict[str, Any]) -> Split:
    """`raw`: the settings. This is the only place that keeps reported images out of training."""
    protocol = settings.read(raw)
    stages = training_part(manifest, protocol)
    reported = roles.part_rows(manifest, protocol.report)
    train = training_file(manifest, protocol, stages, reported)
    names = np.array(manifest.names)
    images = manifest.images[reported]
    targets = {
        "images": images,
        "labels": names,
        "target": manifest.labels[reported],
        "scored": stages.novel if has_shots(protocol) else ~stages.novel,
    }
    description = describe_split(protocol, raw, train, targets)
    return Split(train, {"images": images, "names": names}, targets, description)


def training_part(manifest: Manifest, protocol: Protocol) -> Stages:
    """The training images with their known labels; labels are hidden before roles are drawn."""
    rows = roles.part_rows(manifest, protocol.train)
    labels = manifest.labels[rows]
    if protocol.fewshot is None:
        if protocol.proportion is not None:
            labels = partial.hide(labels, protocol.proportion)
        return fewshot.base_only(labels)
    images = manifest.images[rows]
    return fewshot.stages(images, labels, manifest.names, protocol.fewshot, protocol.seed)


def training_file(
    manifest: Manifest, protocol: Protocol, stages: Stages, reported: np.ndarray
) -> dict[str, np.ndarray]:
    rows = manifest.rows(protocol.train)
    share = protocol.tune if protocol.selection == "tune" else 0
    role = roles.assign(stages.base_labels, share, protocol.seed)
    tune = reported if protocol.selection == "report" else reported[:0]
    hidden = stages.novel & (not has_shots(protocol))  # (C,) in the base stage
    blocks = (
        (rows[stages.base_rows], role, stages.base_labels),
        (
            tune,
            np.full(len(tune), TUNE, np.uint8),
            np.where(hidden, np.int8(UNKNOWN), manifest.labels[tune]),
        ),
        (
            rows[stages.shot_rows],
            np.full(len(stages.shot_rows), SHOT, np.uint8),
            stages.shot_labels,
        ),
    )
    rows, role, labels = (np.concatenate(group) for group in zip(*blocks, strict=True))
    return {
        "images": manifest.images[rows],
        "role": role,
        "labels": labels,
        "names": np.array(manifest.names),
        "novel": stages.novel,
    } | flat_episodes(stages.episodes, np.count_nonzero(role != SHOT))


def has_shots(protocol: Protocol) -> bool:
    return protocol.fewshot is not None and protocol.fewshot.shots > 0


def flat_episodes(episodes: list[np.ndarray], before: int) -> dict[str, np.ndarray]:
    """Episode k is episodes[offsets[k] : offsets[k + 1]], rows of the training file."""
    if not episodes:
        return {}
    return {
        "episodes": np.concatenate(episodes).astype(np.int32) + np.int32(before),
        "episode_offsets": np.cumsum([0, *map(len, episodes)]).astype(np.int32),
    }


def describe_split(
    protocol: Protocol,
    raw: dict[str, Any],
    train: dict[str, np.ndarray],
    targets: dict[str, np.ndarray],
) -> dict[str, Any]:
    names, novel = train["names"], train["novel"]
    codes = {kind: train["labels"][train["role"] == role] for kind, role in NAMES.items()}
    codes = {kind: labels for kind, labels in codes.items() if len(labels)}
    known = {kind: float((labels != UNKNOWN).mean()) for kind, labels in codes.items()}
    codes["report"] = targets["target"]
    shown = {kind: (labels == YES).sum(0) for kind, labels in codes.items()}  # (C,) each
    notes = [SELECTED_ON_REPORT] * (protocol.selection == "report")
    notes += [FEWSHOT_TUNE] * (has_shots(protocol) and protocol.selection == "tune")
    arrays = {f"train_{key}": value for key, value in train.items()}
    arrays |= {f"targets_{key}": value for key, value in targets.items()}
    return {
        "task": protocol.task,
        "settings": raw,
        "images": {kind: len(labels) for kind, labels in codes.items()},
        "known": known,  # fraction of the entries that are not hidden
        "positives": {
            k: dict(zip(names.tolist(), v.tolist(), strict=True)) for k, v in shown.items()
        },
        "fit_without_positive": names[(shown["fit"] == 0) & ~novel].tolist(),
        "novel": names[novel].tolist(),
        "episodes": np.diff(train.get("episode_offsets", [0])).tolist(),  # images of each
        "notes": notes,
        "fingerprint": fingerprint(**arrays),
    }
