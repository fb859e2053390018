"""ML-SGM's released variant against that code, described apart: full precision, same weights.

Logits, loss and every gradient agree to 1e-9. There, edges run from source to target; here, the
receiver comes first: the columns of three kinds of layers change places. Layers of the last block
that the scores do not depend on are absent here.
"""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from conftest import ROOT, settings
from literal_cases import Given
from parity_cases import compare, double_labels, drawn, features, inputs, targets, transplant
from released import ml_sgm as released_ml_sgm
from weight_cases import affine, as_drawn

from labelgraph import models
from labelgraph.files.yaml_reader import read_yaml

IMAGES = pytest.mark.parametrize("images", [1, 3])
LABELS = pytest.mark.parametrize("labels", [20, 80])
TRAINING = pytest.mark.parametrize("training", [False, True], ids=["testing", "training"])
FEATURES, WORDS = 6, 12
KINDS = {
    "cell": "cells",
    "label": "labels",
    "cells": "cell_edges",
    "labels": "label_edges",
    "matching": "matches",
}
SENT = {
    "among_cells": "cell_to_cell",
    "to_cells": "label_to_cell",
    "among_labels": "label_to_label",
    "to_labels": "cell_to_label",
}


def perceptron(ours, theirs, weights, sizes=None):
    """Two layers; `sizes`: of the receiver and the sender, which come first in our edges."""
    values = {}
    for place, layer in enumerate(("first", "second")):
        values |= affine(f"{ours}.{layer}", f"{theirs}.{layer}", weights)
        values |= affine(f"{ours}.norms.{place}", f"{theirs}.{layer}_norm", weights)
    if sizes:
        columns = values[f"{ours}.first.weight"]
        source, target, rest = columns.split([*sizes, columns.shape[1] - sum(sizes)], 1)
        values[f"{ours}.first.weight"] = torch.cat([target, source, rest], 1)
    return values


def block_values(ours, theirs, weights, size):
    stages = (("before_edges", "edge_stage"), ("before_nodes", "node_stage"))
    values = {}
    for mine, stage in stages:
        for kind, other in KINDS.items():
            values |= perceptron(
                f"{ours}.{mine}.{kind}", f"{theirs}.{stage}.encode.{other}", weights
            )
    for kind in ("cells", "labels", "matching"):
        turned = [size, size] if kind != "matching" else None
        other = f"{theirs}.edge_stage.update.{KINDS[kind]}"
        values |= perceptron(f"{ours}.change.{kind}", other, weights, turned)
    for kind, other in SENT.items():
        name = f"{theirs}.node_stage.message.{other}"
        values |= perceptron(f"{ours}.message.{kind}", name, weights)
    for kind in ("cell", "label"):
        name = f"{theirs}.node_stage.update.{KINDS[kind]}"
        values |= perceptron(f"{ours}.update.{kind}", name, weights)
    return values


def ml_sgm_values(weights, fixed, sizes):
    """Edges run from source to target there; here the receiver comes first."""
    values = {"reduce.0.weight": weights["reduce.conv.weight"]}
    values |= affine("reduce.1", "reduce.norm", weights)
    for name in ("running_mean", "running_var"):
        values[f"reduce.1.{name}"] = fixed[f"reduce.norm.{name}"]
    turned = {"cells": [sizes.reduced] * 2, "labels": [sizes.words] * 2}
    for kind, other in KINDS.items():
        values |= perceptron(f"encode.{kind}", f"encode.{other}", weights, turned.get(kind))
    for place in (0, 1):
        values |= block_values(f"blocks.{place}", f"block{place + 1}", weights, sizes.state)
    for place, layer in ((0, "first"), (2, "first_norm"), (3, "second")):
        values |= affine(f"decode.{place}", f"decode.{layer}", weights)
    return values


def ml_sgm_buffers(labels, sizes):
    draw = torch.Generator().manual_seed(2)
    fixed = released_ml_sgm.buffers(labels.vectors, sizes)
    fixed["reduce.norm.running_mean"].normal_(generator=draw)
    fixed["reduce.norm.running_var"].uniform_(0.5, 2, generator=draw)
    return fixed


def ml_sgm_built(labels, width, sizes):
    chosen = {"reduced": sizes.reduced, "encoder_widths": [sizes.latent, sizes.state]}
    chosen = settings("ml_sgm", "released") | chosen | {"decoder_width": sizes.decoder}
    return models.build("ml_sgm", labels, Given(width), **chosen)


@torch.no_grad()
def ml_sgm_weights(sizes):
    """Normalisations around 1, or nothing of image and label would be left after twenty of them."""
    weights = drawn(released_ml_sgm.weights(sizes), 1.0)
    for name, value in weights.items():
        if name.endswith("norm.weight"):
            value.abs_().add_(0.5)
        if name.endswith("bias"):
            value.mul_(0.3)
    return weights


def ml_sgm_difference(images, labels, training):
    target, labels = targets(images, labels), double_labels(labels)
    sizes = released_ml_sgm.Sizes(len(labels.names), WORDS, FEATURES, 7, 6, 5, 8)
    weights, fixed = ml_sgm_weights(sizes), ml_sgm_buffers(labels, sizes)
    image, values = features(images, FEATURES, 6, 6), ml_sgm_values(weights, fixed, sizes)
    model = transplant(ml_sgm_built(labels, FEATURES, sizes), values).train(training)
    logits = released_ml_sgm.logits(weights, fixed, image, training)
    shown = released_ml_sgm.probabilities(weights, fixed, image, training)
    torch.testing.assert_close(logits.sigmoid(), shown, rtol=0, atol=1e-12)
    expected = logits, released_ml_sgm.loss(logits, 2 * target - 1)
    batch = inputs(image, target)
    ours = model(batch), model.loss(batch)
    assert logits.std() > 1
    unused = frozenset(released_ml_sgm.without_gradient(sizes))
    return compare(model, values, weights, image, ours, expected, unused)


@IMAGES
@LABELS
@TRAINING
def test_ml_sgm_as_released(images, labels, training):
    ml_sgm_difference(images, labels, training)


def test_the_head_of_ml_sgm_as_released_has_11_86_million_parameters_that_learn():
    sizes = released_ml_sgm.Sizes(labels=20)
    unused = released_ml_sgm.without_gradient(sizes)
    theirs = sum(
        math.prod(shape)
        for name, shape in released_ml_sgm.weights(sizes).items()
        if name not in unused and not name.startswith("reduce")
    )
    labels = replace(double_labels(20), vectors=torch.zeros(20, sizes.words))
    entry = read_yaml(ROOT / "workflow/config/methods.yaml")["ml_sgm"]
    chosen = entry["model"] | entry["variants"]["released"]["model"]
    with torch.device("meta"):
        model = models.build("ml_sgm", labels, Given(sizes.features), **chosen)
    named = list(model.named_parameters())
    ours = sum(value.numel() for name, value in named if not name.startswith("reduce"))
    assert theirs == ours == 11_855_617
    assert sum(value.numel() for _, value in named) == 30_732_033


def test_first_weights_of_ml_sgm_as_released():
    labels, sizes = double_labels(20), released_ml_sgm.Sizes(20, WORDS, 8, 12, 16, 14, 18)
    fixed = released_ml_sgm.buffers(labels.vectors, sizes)
    values = partial(ml_sgm_values, sizes=sizes)
    as_drawn(ml_sgm_built(labels, 8, sizes), values, released_ml_sgm.weights(sizes), fixed)
