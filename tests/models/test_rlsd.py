"""RLSD against a calculation by hand; its windows, its stages and its greatest probabilities."""

import numpy as np
import parity_cases as parity
import pytest
import torch
from conftest import batch, begin, build
from literal_cases import Given, survive_mixed_precision
from references import rlsd as slow

from labelgraph.models import rlsd

LABELS, WIDTH = 5, 4
WINDOWS = {"sides": [3, 5, 7], "strides": [2, 1, 1]}
SETTINGS = {**WINDOWS, "points": 2, "samples": 1, "width": 4, "hidden": 5, "steps": 4, "start": 1}
BY_HAND = {"code": "region", "decoder.cell": "lstm", "decoder.output": "symbols"}


def model_of(seed=0, **changes):
    labels = parity.double_labels(LABELS)
    model = rlsd.build(labels, Given(WIDTH), **SETTINGS | changes).double()
    draw = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        size = 3 if "output" in name else 1
        value.data = size * torch.randn(value.shape, generator=draw, dtype=torch.double)
    model.decoder.output.bias.data[LABELS] += 3.0  # so that windows end at different steps
    model.boxes = (7 * model.boxes).round() / 7  # in double precision
    return model.eval()


def weights_of(model):
    """By the names of the calculation by hand, which reads a window feature by feature."""
    found = {"embedding": model.decoder.words.weight.detach().numpy()}
    for name, value in model.named_parameters():
        part, kind = name.rsplit(".", 1)
        if part in BY_HAND:
            found[f"{BY_HAND[part]}.{kind}"] = value.detach().numpy()
    parts = model.code.weight.detach().unflatten(1, (model.points**2, WIDTH))
    return found | {"region.weight": parts.mT.flatten(1).numpy()}


def example(images=4, hidden=False):
    """The first image has no label, the second all of them; perhaps two of each are unknown."""
    draw = torch.Generator().manual_seed(5)
    features = torch.randn(images, WIDTH, 7, 7, generator=draw, dtype=torch.double)
    inputs = parity.inputs(features, parity.targets(images, LABELS))
    inputs["target"][0] = 0
    inputs["target"][1] = 1
    if hidden:
        inputs["known"] = torch.rand(images, LABELS, generator=draw).argsort(1) >= 2
    return inputs


CASES = {
    "windows": {},
    "one sample of a window": {"points": 1, "steps": 6},
    "whole image": {"sides": [7], "strides": [1], "points": 3},
    "one step": {"sides": [3], "strides": [4], "steps": 1},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_scores_and_the_losses_of_both_stages_are_those_by_hand(case, seed):
    model, inputs = model_of(seed, **CASES[case]), example(hidden=seed > 0)
    chosen = WINDOWS | CASES[case]
    windows = [*zip(chosen["sides"], chosen["strides"], strict=True)]
    settings = {"windows": windows, "crop": model.points, "steps": model.steps, "border": "map"}
    settings |= {"order": model.rank.argsort().tolist(), "over_labels": "known"}
    weights, image = weights_of(model), inputs["image"].numpy()
    given = (image, inputs["target"].numpy(), inputs["known"].numpy())
    with torch.no_grad():
        expected = slow.logits(weights, image, settings)
        np.testing.assert_allclose(model(inputs).numpy(), expected, rtol=1e-9, atol=1e-9)
        for epoch, stage in enumerate(("sequence_whole", "bce")):
            begin(model, epoch, inputs)
            expected = slow.loss(weights, *given, settings | {"loss": stage})
            assert model.loss(inputs).item() == pytest.approx(expected, rel=1e-9)


def test_there_are_nineteen_windows():
    boxes = 7 * rlsd.lattice(*WINDOWS.values())
    assert len(boxes) == 9 + 9 + 1
    assert {tuple(box) for box in boxes[:9].round().tolist()} == {
        (left, top, left + 3, top + 3) for left in (0, 2, 4) for top in (0, 2, 4)
    }
    assert boxes[-1].tolist() == [0, 0, 7, 7]


def test_the_same_window_twice_changes_nothing():
    one, two = (model_of(sides=[5, 7] * n, strides=[2, 1] * n) for n in (1, 2))
    assert len(two.boxes) == 2 * len(one.boxes)
    torch.testing.assert_close(one(example()), two(example()), rtol=0, atol=1e-12)


def test_more_windows_and_more_steps_only_raise_scores():
    inputs = example()
    small = model_of(sides=[7], strides=[1], steps=2)(inputs)
    for changes in ({"steps": 2}, {"sides": [7], "strides": [1], "steps": 6}):
        larger = model_of(**changes)(inputs)
        assert (larger >= small - 1e-12).all()
        assert (larger > small + 1e-6).any()


def test_a_window_shows_the_decoder_its_own_cells_alone():
    model, inputs = model_of(sides=[3], strides=[2]), example()
    before = model.codes(inputs["image"], model.boxes)
    changed = inputs["image"].clone()
    changed[..., 5:, 5:] += 1.0  # the last two rows and columns
    moved = (model.codes(changed, model.boxes) != before).any(2).any(0)
    assert moved.tolist() == [False] * 8 + [True]


def test_a_window_names_no_label_twice_and_nothing_counts_after_end():
    model = model_of(seed=1, steps=LABELS + 1)
    codes = model.codes(example()["image"], model.boxes).flatten(0, 1)
    scores, symbols = model.decoder.named(codes, model.steps)
    lengths = set()
    for row in symbols.tolist():
        names = row[: row.index(LABELS)] if LABELS in row else row
        assert len({*names}) == len(names)
        lengths.add(len(names))
    assert len(lengths) >= 3
    used = rlsd.sequences.until_end(symbols, LABELS)
    other = torch.where(used[..., None], scores, 100.0)
    found = [rlsd.sequences.confidences(values, used) for values in (scores, other)]
    assert torch.equal(*found)


def test_whole_images_teach_first_and_windows_from_epoch_start_on():
    model, inputs = model_of(start=2), example()
    moved = inputs | {"image": inputs["image"].flip(3)}
    shifted = model_of(start=2, sides=[3], strides=[4])
    found = {}
    for epoch in (1, 2):
        for name, each in (("all", model), ("corners", shifted)):
            begin(each, epoch, inputs)
            found[epoch, name] = each.loss(inputs).item()
    assert found[1, "all"] == found[1, "corners"], "no window is read yet"
    assert found[2, "all"] != found[2, "corners"]
    assert model.loss(moved).item() != model.loss(inputs).item()


def test_mixed_precision_learns_in_both_stages():
    for epoch in (0, 30):
        model = build("rlsd")
        begin(model, epoch, batch())
        survive_mixed_precision(model, batch())
