"""SST, SARB and KGGR against their released code, described apart: full precision, same weights.

Logits, loss and every gradient agree to 1e-9. Layers of the graph network with the same input are
one layer here; two biases that the softmax over positions cancels are absent. Left out, because we
depart from it on purpose: labels that never occur (there, no score is a number), SARB's images
without an unknown label (there, label 0 is blended although it is known), and the contrast of a
single image (there, not a number).
"""

from dataclasses import replace
from functools import cache

import pytest
import torch
from conftest import settings
from literal_cases import Given
from parity_cases import (
    compare,
    double_labels,
    drawn,
    features,
    graph_values,
    inputs,
    targets,
    transplant,
)
from released import kggr as released_kggr
from released import sarb as released_sarb
from released import sst_pl as released_sst
from released import trunk
from weight_cases import affine, as_drawn

from labelgraph import models
from labelgraph.train import loop

IMAGES = pytest.mark.parametrize("images", [1, 3])
LABELS = pytest.mark.parametrize("labels", [20, 80])
TRAINING = pytest.mark.parametrize("training", [False, True], ids=["testing", "training"])
SEED = 3
BATCH, BATCHES = 1, 3  # the second of three batches of an epoch: a third has no end in binary
CANCELLED = frozenset({"attend.joint.bias", "attend.score.bias"})  # by the softmax

FEATURES, WORDS, WIDTH, HIDDEN = 6, 12, 5, 4
NARROW = {"width": WIDTH, "hidden": HIDDEN}
SST = settings("sst_pl") | {"queue": 4}
SARB = settings("sarb")


@cache
def history(labels):
    """Targets of 60 training images (+1, -1, 0 unknown), and the graph that follows from them."""
    draw = torch.Generator().manual_seed(labels)
    shown = torch.randint(-1, 2, (60, labels), generator=draw)
    return shown, trunk.label_graph(shown)


def labels_of(count):
    shown = (history(count)[0] > 0).double()
    return replace(double_labels(count), counts=shown.T @ shown)


def codes_of(images, labels):
    """Targets of a batch: +1 known present, -1 known absent, 0 unknown."""
    draw = torch.Generator().manual_seed(9)
    return torch.randint(-1, 2, (images, labels), generator=draw)


def partly_known(image, codes):
    target = (codes == 1).double()
    return inputs(image, target) | {"known": codes != 0}


def trunk_buffers(labels):
    draw = torch.Generator().manual_seed(2)
    found = trunk.buffers(labels.vectors, history(len(labels.names))[1], WIDTH)
    found["reduce.norm.running_mean"].normal_(generator=draw)
    found["reduce.norm.running_var"].uniform_(0.5, 2, generator=draw)
    return found


def gated(ours, theirs, output, weights):
    """A graph network and the layer after it."""
    return graph_values(weights, ours, theirs) | affine(f"{ours}.output", output, weights)


def decoupled(prefix, weights, fixed):
    """Reduction and attention; two layers with nothing between them keep their own weights."""
    values = {
        "reduction.linear.weight": weights["reduce.conv.weight"][:, :, 0, 0],
        "reduction.norm.running_mean": fixed["reduce.norm.running_mean"],
        "reduction.norm.running_var": fixed["reduce.norm.running_var"],
        "decoupling.image.weight": weights["attend.position.weight"],
        "decoupling.words.weight": weights["attend.word.weight"],
        "decoupling.joint.weight": weights["attend.joint.weight"],
        "decoupling.attention.weight": weights["attend.score.weight"],
    }
    values |= affine("reduction.norm", "reduce.norm", weights)
    return {f"{prefix}{name}": value for name, value in values.items()}


def trunk_values(weights, fixed):
    values = decoupled("trunk.", weights, fixed)
    values |= gated("trunk.graph", "graph", "output", weights)
    return values | affine("trunk.classifier", "classifier", weights)


def orders(codes):
    """What the contrast draws, in the order in which it draws."""
    kinds = trunk.contrast_entries(codes)
    if not kinds["both_present"]:
        return (), ()
    return [torch.randperm(len(kinds[kind])).tolist() for kind in ("both_absent", "mixed")]


def total(terms, images):
    """The sum of the terms; a single image has no pairs to contrast."""
    if images == 1:
        assert terms.pop("contrast").isnan()
    return sum(terms.values())


def sst_values(weights, fixed):
    values = trunk_values(weights, fixed)
    for ours, theirs in (("embed", "end"), ("join", "first"), ("last", "second")):
        values |= affine(f"pairs.{ours}", f"pair.{theirs}", weights)
    return values | affine("pairs", "pair.classifier", weights)


@torch.no_grad()
def sst_weights(sizes):
    """Pairs with every fourth label are likely, so that some labels are filled in."""
    weights = drawn(released_sst.weights(sizes))
    likely = [place % 4 == 0 for pair in released_sst.label_pairs(sizes.labels) for place in pair]
    likely = torch.tensor(likely).view(-1, 2).any(1)
    weights["pair.classifier.bias"] += 9.0 * likely
    return weights


@torch.no_grad()
def sst_queue(sizes, seen):
    """Of every third label it has features like those of the images; others are not full yet."""
    draw = torch.Generator().manual_seed(4)
    queue = released_sst.empty_queue(sizes, SST["queue"])
    noise = torch.randn(queue.shape, generator=draw, dtype=torch.double)
    queue[:] = noise
    queue[1::3, 2:] = 0
    queue[::3] = 3 * seen.mean(0)[::3, None] + 0.01 * noise[::3]
    return queue


def directions(queue):
    return torch.nn.functional.normalize(queue, dim=-1, eps=trunk.COSINE_EPS)


def sst_difference(images, labels, training, epoch):
    codes, labels = codes_of(images, labels), labels_of(labels)
    sizes = released_sst.Sizes(len(labels.names), WORDS, FEATURES, WIDTH, HIDDEN, WIDTH)
    weights, fixed = sst_weights(sizes), trunk_buffers(labels)
    image = features(images, FEATURES, 4)
    theirs = released_sst.forward(weights, fixed, image, training)
    queue = sst_queue(sizes, theirs["label_features"])
    values = sst_values(weights, fixed)
    values["queue"] = directions(queue)
    model = models.build("sst_pl", labels, Given(FEATURES), **SST | NARROW)
    model = transplant(model, values).train(training)
    if training:
        queue = released_sst.push_queue(queue, theirs["label_features"], codes)
    torch.manual_seed(SEED)
    progress = epoch, BATCH, BATCHES
    terms = released_sst.loss_terms(theirs, codes, queue, *progress, *orders(codes))
    assert ("cross" in terms) == (epoch >= SST["start"])
    filled, unknown = filled_in(theirs, codes, queue, epoch), int((codes == 0).sum())
    assert all(0 < count < unknown for count in filled), f"{filled} of {unknown}"
    ours = scored(model, partly_known(image, codes), progress)
    torch.testing.assert_close(model.queue, directions(queue), rtol=1e-9, atol=1e-9)
    expected = theirs["logits"], total(terms, images)
    return compare(model, values, weights, image, ours, expected, CANCELLED)


def scored(model, batch, progress):
    """Logits and loss of a method that follows the epochs, with the draws of SEED."""
    epoch, steps, batches = progress
    logits = model(batch)
    model.epochs.start(epoch, batches)
    for _ in range(steps):
        model.epochs.step()
    torch.manual_seed(SEED)
    return logits, model.loss(batch)


def filled_in(theirs, codes, queue, epoch):
    """How many unknown labels each of the two ways takes as present."""
    margin = released_sst.margin(epoch)
    found = (
        released_sst.intra_targets(theirs["pair_logits"], codes, margin),
        released_sst.cross_targets(theirs["label_features"], codes, queue, margin),
    )
    return [int(((more == 1) & (codes == 0)).sum()) for more in found]


@IMAGES
@LABELS
@TRAINING
@pytest.mark.parametrize("epoch", [0, 7])
def test_sst(images, labels, training, epoch):
    sst_difference(images, labels, training, epoch)


def sarb_weights(sizes, shares):
    weights = drawn(released_sarb.weights(sizes))
    with torch.no_grad():
        for name, share in zip(("alpha", "beta"), shares, strict=True):
            weights[f"blend.{name}"].fill_(share)
    return weights


def sarb_values(weights, fixed):
    shares = {name: weights[f"blend.{name}"] for name in ("alpha", "beta")}
    return trunk_values(weights, fixed) | shares


def sarb_difference(images, labels, training, epoch, shares):
    codes, labels = codes_of(images, labels), labels_of(labels)
    assert (codes == 0).any(1).all()
    sizes = released_sarb.Sizes(len(labels.names), WORDS, FEATURES, WIDTH, HIDDEN, WIDTH)
    weights, fixed = sarb_weights(sizes, shares), trunk_buffers(labels)
    shape, draw = (sizes.labels, SARB["prototypes"], WIDTH), torch.Generator().manual_seed(8)
    fixed["prototypes"] = torch.randn(shape, generator=draw, dtype=torch.double)
    image = features(images, FEATURES, 4)
    values = sarb_values(weights, fixed) | {"prototypes": fixed["prototypes"]}
    model = models.build("sarb", labels, Given(FEATURES), **SARB | NARROW)
    model = transplant(model, values).train(training)
    model.shown.fill_(True)
    theirs = released_sarb.forward(weights, fixed, image, training)
    torch.manual_seed(SEED)
    order = orders(codes)
    chosen = released_sarb.blended_labels(codes, torch.rand(codes.shape))
    place = int(torch.randint(SARB["prototypes"], ()))
    blends = released_sarb.blended(weights, fixed, theirs["label_features"], codes, place, chosen)
    progress = epoch, BATCH, BATCHES
    terms = released_sarb.loss_terms(theirs, blends, codes, *progress, *order)
    ours = scored(model, partly_known(image, codes), progress)
    expected = theirs["logits"], total(terms, images)
    unused = {"blend.alpha"} if images == 1 else set()  # no other image to blend with
    unused |= {"blend.alpha", "blend.beta"} if epoch < SARB["start"] else set()
    return compare(model, values, weights, image, ours, expected, CANCELLED | unused)


@IMAGES
@LABELS
@TRAINING
@pytest.mark.parametrize("epoch", [0, 5])
def test_sarb(images, labels, training, epoch):
    sarb_difference(images, labels, training, epoch, (0.3, 0.6))


@pytest.mark.parametrize("shares", [(-0.2, 1.7), (1.4, -0.1)])
def test_sarb_with_shares_beyond_their_range(shares):
    sarb_difference(3, 20, True, 6, shares)


def kggr_values(weights, fixed):
    values = decoupled("", weights, fixed) | affine("classifier", "classifier", weights)
    for part in ("feature", "classifier"):
        values |= gated(f"{part}_graph", f"{part}_graph", f"{part}_output", weights)
    return values


def kggr_difference(images, labels, training, product):
    target, labels = targets(images, labels), labels_of(labels)
    sizes = released_kggr.Sizes(len(labels.names), WORDS, FEATURES, WIDTH, HIDDEN)
    weights, fixed = drawn(released_kggr.weights(sizes)), trunk_buffers(labels)
    image = features(images, FEATURES, 4)
    values = kggr_values(weights, fixed)
    chosen = settings("kggr", "double_product" if product == "double" else "")
    model = models.build("kggr", labels, Given(FEATURES), **chosen | NARROW)
    model = transplant(model, values).train(training)
    logits = released_kggr.logits(weights, fixed, image, training, product)
    expected = logits, released_kggr.loss(logits, target)
    batch = inputs(image, target)
    ours = model(batch), loop.loss_of(model, batch)
    return compare(model, values, weights, image, ours, expected, CANCELLED)


@IMAGES
@LABELS
@TRAINING
@pytest.mark.parametrize("product", ["single", "double"])
def test_kggr(images, labels, training, product):
    kggr_difference(images, labels, training, product)


SIZES = {"labels": 20, "words": WORDS, "features": 24, "reduced": 18, "hidden": 16}
WIDE = {"width": 18, "hidden": 16}


def test_first_weights_of_sst_sarb_and_kggr():
    labels = labels_of(20)
    fixed = trunk.buffers(labels.vectors, history(20)[1], WIDE["width"])
    sizes = released_sst.Sizes(**SIZES, output=18)
    model = models.build("sst_pl", labels, Given(24), **SST | WIDE)
    as_drawn(model, sst_values, released_sst.weights(sizes), fixed)
    model = models.build("sarb", labels, Given(24), **SARB | WIDE)
    as_drawn(model, sarb_values, released_sarb.weights(sizes), fixed)
    model = models.build("kggr", labels, Given(24), **settings("kggr") | WIDE)
    as_drawn(model, kggr_values, released_kggr.weights(released_kggr.Sizes(**SIZES)), fixed)
