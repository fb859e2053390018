"""Five newer heads against their released code, described apart in plain loops over vectors.

The same weights, double precision: logits, loss and the loss's parts agree to 1e-9.
"""

import numpy as np
import parity_cases as parity
import pytest
import torch
from literal_cases import Given, stir
from released import asl as asl_code
from released import csra as csra_code
from released import ml_decoder as ml_decoder_code
from released import query2label as query2label_code
from released import tdrg as tdrg_code

from labelgraph.models import asl, csra, ml_decoder, query2label, tdrg
from labelgraph.train import loop

LABELS, FEATURES, WIDTH = 5, 6, 8
IMAGE = parity.features(3, FEATURES, 4, 5).detach() - 0.3
TARGET = parity.targets(3, LABELS)
KNOWN = torch.ones(3, LABELS, dtype=torch.bool)
KNOWN[0, 1:3] = False
BATCH = {"image": IMAGE, "target": TARGET, "known": KNOWN}
ATTENTION = {"width": WIDTH, "heads": 2, "feedforward": 7}


def built(method, **settings):
    torch.manual_seed(2)
    model = method.build(parity.double_labels(LABELS), Given(FEATURES), **settings)
    return stir(model).double().eval()


def arrays(model):
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}


def with_key_biases(weights):
    """Attention's keys have biases there; the softmax cancels them, so any will do."""
    draw = np.random.default_rng(0)
    found = dict(weights)
    for name, value in weights.items():
        if name.endswith("key.weight"):
            found[name.replace("weight", "bias")] = draw.normal(size=len(value))
    return found


def prefixed(weights, names):
    """The weights by the released names: `names`, our beginning -> theirs."""
    found = {}
    for name, value in weights.items():
        ours = next((start for start in names if name.startswith(start)), "")
        found[names.get(ours, "") + name.removeprefix(ours)] = value
    return found


def same(ours, theirs):
    np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=1e-9, atol=1e-9)


def agree(model, scores, loss):
    same(model(BATCH), scores)
    same(loop.loss_of(model, BATCH), loss)


@pytest.mark.parametrize("focus_learns", [False, True])
@pytest.mark.parametrize("focus", [(0, 4, 0.05), (1, 2, 0.0), (2, 3, 0.4), (0, 0, 0)])
def test_asl(focus, focus_learns):
    settings = dict(zip(("plus", "minus", "margin"), map(float, focus), strict=True))
    model = built(asl, pooling="average", focus_learns=focus_learns, **settings)
    scores = asl_code.logits(arrays(model), IMAGE.numpy())
    given = scores, TARGET.numpy(), KNOWN.numpy(), settings
    agree(model, scores, asl_code.loss(*given))
    wide = (10 * torch.from_numpy(scores)).requires_grad_()  # far into the clamps, too
    value = (model.focus.entries(wide, TARGET) * KNOWN).sum()
    (found,) = torch.autograd.grad(value, wide)
    given = wide.detach().numpy(), *given[1:3], settings | {"detached": not focus_learns}
    same(found, asl_code.gradient(*given))


@pytest.mark.parametrize("temperatures", [[1], [1, 99], [1, 2, 3, 4, 5, 99]])
@pytest.mark.parametrize("share", [0.5, 0.0])
def test_csra(temperatures, share):
    model = built(csra, temperatures=temperatures, share=share)
    rows = model.classifiers.weight.detach().numpy().reshape(len(temperatures), LABELS, FEATURES)
    weights = {f"classifier.{place}.weight": value for place, value in enumerate(rows)}
    settings = {"temperatures": temperatures, "share": share}
    scores = csra_code.logits(weights, IMAGE.numpy(), settings)
    agree(model, scores, csra_code.loss(scores, TARGET.numpy(), KNOWN.numpy()))


@pytest.mark.parametrize("queries", [100, 2, 3, 1])
def test_ml_decoder(queries):
    focus = {"plus": 0.0, "minus": 4.0, "margin": 0.05}
    model = built(ml_decoder, **ATTENTION, **focus, dropout=0.1, queries=queries)
    names = {"norm.": "norms.0.", "layer.norms.1.": "norms.2.", "layer.norms.0.": "norms.1."}
    weights = with_key_biases(prefixed(arrays(model), names | {"layer.": ""}))
    scores = ml_decoder_code.logits(weights, IMAGE.numpy(), {"heads": 2})
    agree(model, scores, asl_code.loss(scores, TARGET.numpy(), KNOWN.numpy(), focus))


@pytest.mark.parametrize("width", [WIDTH, FEATURES])
def test_query2label(width):
    focus = {"plus": 0.0, "minus": 2.0, "margin": 0.0}
    layers = {"encoder_layers": 1, "decoder_layers": 2}
    settings = ATTENTION | layers | {"width": width}
    model = built(query2label, **settings, **focus, dropout=0.1)
    names = {"readers.": "encoder.", "decoders.": "decoder."}
    weights = with_key_biases(prefixed(arrays(model), names))
    scores = query2label_code.logits(weights, IMAGE.numpy(), {"heads": 2} | layers)
    agree(model, scores, query2label_code.loss(scores, TARGET.numpy(), KNOWN.numpy(), focus))


def tdrg_weights(model):
    names = {"transformer.layers.": "encoder.", "norm.": "summary_norm."}
    weights = with_key_biases(prefixed(arrays(model), names))
    bias = np.linspace(-1, 1, 2 * WIDTH)  # the normalisation cancels it
    mean = weights["summary_norm.running_mean"] + bias
    return weights | {"summary.bias": bias, "summary_norm.running_mean": mean}


@pytest.mark.parametrize("attention", ["positions", "batch"])
def test_tdrg(attention):
    model = built(tdrg, **ATTENTION, nodes=7, layers=2, attention=attention)
    over = {"attention": attention, "positions": "none" if attention == "batch" else "sine"}
    settings = {"heads": 2, "layers": 2} | over
    if attention == "batch":  # as in training, but for the normalisation
        model.train()
        model.norm.eval()
    given = tdrg_weights(model), IMAGE.numpy()
    mixed, structure, semantic, maps = tdrg_code.all_scores(*given, settings)
    found = model.scores(IMAGE)
    for ours, theirs in zip(found, (structure, semantic, maps), strict=True):
        same(ours, theirs)
    known = TARGET.numpy(), KNOWN.numpy()
    agree(model, mixed, tdrg_code.loss(*given, *known, settings))
