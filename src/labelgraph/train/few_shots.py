"""The second stage of a few-shot task: an episode's images and labels, and the parts that learn.

Shapes: n rows of the training file, S images of an episode, C labels.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from labelgraph.manifest.manifest import UNKNOWN, YES
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.split.roles import FIT, TUNE
from labelgraph.train.checkpoint import Tensors

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # of a normalisation


def of_episode(train: dict[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    """The training file of one episode, with the episode's images as fit images.

    With `selection: report` the reported images, whose novel labels are known, are tune. The base
    stage's tune images have no novel labels to choose a checkpoint by.
    """
    offsets = train.get("episode_offsets", np.zeros(1, int))
    if number >= len(offsets) - 1:
        raise ValueError(
            f"a run with seed {number} learns from episode {number}, and the split has"
            f" {len(offsets) - 1} episodes; set fewshot.episodes or fewshot.files in datasets.yaml"
        )
    judged = (train["labels"][:, train["novel"]] != UNKNOWN).any(1)  # (n,)
    tune = np.flatnonzero((train["role"] == TUNE) & judged)
    fit = train["episodes"][offsets[number] : offsets[number + 1]]
    rows = np.concatenate([fit, tune])
    labels = train["labels"][rows]
    labels[len(fit) :, ~train["novel"]] = UNKNOWN
    return {
        "images": train["images"][rows],
        "role": np.repeat(np.array([FIT, TUNE], np.uint8), [len(fit), len(tune)]),
        "labels": labels,
        "novel": train["novel"],
    }


def novel_only(episode: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same with all base labels hidden."""
    return episode | {"labels": np.where(episode["novel"], episode["labels"], np.int8(UNKNOWN))}


def counted_in(labels: LabelSpace, episode: dict[str, np.ndarray]) -> LabelSpace:
    """The label statistics with the episode's added: only pairs with a novel label change."""
    codes = torch.from_numpy(episode["labels"][episode["role"] == FIT])  # (S, C)
    novel = torch.from_numpy(episode["novel"])
    shown = (codes == YES).float()
    pairs = (shown.T @ shown) * (novel[:, None] | novel)  # (C, C)
    rate = shown.sum(0) / (codes != UNKNOWN).sum(0).clamp(min=1)  # (C,)
    return replace(
        labels,
        counts=labels.counts + pairs,
        positive_rate=torch.where(novel, rate, labels.positive_rate),
    )


def carry(model: nn.Module, weights: Tensors, learns: str | list[str]) -> None:
    """Copies the base training's weights into the model; what label statistics decide is kept.

    A part that the base training does not have must be one that learns now.
    """
    taken = dict(model.named_parameters()) | {
        name: buffer
        for name, buffer in model.named_buffers()
        if name.rpartition(".")[2] in STATISTICS or name.startswith("encoder.")
    }
    new = {name.split(".")[0] for name in taken.keys() - weights.keys()} - {"encoder"}
    lost = sorted(new) if learns == "all" else sorted(new - {*learns})
    wrong = [name for name in taken.keys() & weights if taken[name].shape != weights[name].shape]
    if lost or wrong:
        raise ValueError(
            f"the base training has no part {lost}, or other sizes of {sorted(wrong)}; shots.model"
            " may change only parts that shots.learns names"
        )
    known = {name: weights[name] for name in taken.keys() & weights}
    model.load_state_dict(known, strict=False)


def freeze(model: nn.Module, learns: str | list[str]) -> None:
    """Freezes everything except `learns`: all but the encoder, or some parts of the network."""
    parts = {name for name, part in model.named_children() if [*part.parameters()]} - {"encoder"}
    if learns != "all" and (unknown := {*learns} - parts):
        raise ValueError(f"shots.learns has {sorted(unknown)}; the parts are {sorted(parts)}")
    for name, parameter in model.named_parameters():
        part = name.split(".")[0]
        if part == "encoder" or (learns != "all" and part not in learns):
            parameter.requires_grad_(False)
