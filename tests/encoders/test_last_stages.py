"""An encoder whose first stages are cached: any cut gives the whole encoder's features."""

import pytest
import torch
from torch import nn

from labelgraph.encoders import efficientnet
from labelgraph.encoders import encoder as encoders
from labelgraph.study.encoder_titles import STAGES

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def pictures(count=2, side=64):
    draw = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, side, side), generator=draw, dtype=torch.uint8)


def lite(learns):
    return encoders.build("efficientnet_lite0", "imagenet", learns)


@pytest.mark.parametrize("last", [0, 1, 2, 7, 8])
def test_both_parts_together_are_the_encoder(last):
    with torch.inference_mode():
        expected = lite("nothing").eval()(pictures())
        grid = encoders.before(lite("nothing").eval(), last)(pictures())
        found = encoders.after(lite(last), last, None).eval()(grid)
    assert torch.equal(found, expected)


def test_the_last_two_stages_of_lite0_are_five_blocks_and_the_head():
    first, then = encoders.before(lite("nothing").eval(), 2), encoders.after(lite(2), 2, None)
    with torch.inference_mode():
        assert first(pictures(1, 224)).shape == (1, 112, 14, 14)
    kinds = [type(layer) for layer in then.stages]
    assert kinds == [efficientnet.Block] * 5 + [nn.Sequential, nn.ReLU6]


@pytest.mark.parametrize(("name", "learns", "first"), [
    ("efficientnet_lite0", "last_stage", 17), ("efficientnet_lite0", 2, 13),
    ("efficientnet_lite0", 0, 20), ("efficientnet_lite0", 8, 0), ("efficientnet_lite0", "all", 0),
    ("resnet18", "last_stage", 4), ("resnet18", 1, 4), ("resnet18", 3, 2), ("resnet18", 5, 0),
])  # fmt: skip
def test_only_the_last_stages_learn(name, learns, first):
    weights = "imagenet" if name == "efficientnet_lite0" else None
    for place, layer in enumerate(encoders.build(name, weights, learns).stages):
        assert {each.requires_grad for each in layer.parameters()} <= {place >= first}


@pytest.mark.parametrize("name", encoders.available())
def test_the_settings_know_how_many_stages_an_encoder_has(name):
    encoder = encoders.build(name, None, "nothing")
    assert len(encoder.begins) == STAGES[name]
    with pytest.raises(ValueError, match=f"last_stages is {STAGES[name] + 1}; the encoder has"):
        encoder.start(STAGES[name] + 1)


def test_names_of_the_last_stages_are_the_encoders():
    """So that a model that learned from cached features can also be given pictures."""
    whole, part = lite(2), encoders.after(lite(2), 2, None)
    learnt = {name for name, value in whole.named_parameters() if value.requires_grad}
    assert {name for name, _ in part.named_parameters()} == learnt


@pytest.mark.parametrize("rests", [True, False])
def test_normalisation_at_rest_keeps_its_statistics_and_learns_its_scale(rests):
    grid = torch.randn(3, 112, 4, 4, generator=torch.Generator().manual_seed(2))
    part = encoders.after(lite(2), 2, None)
    part.rests = rests
    before = {name: value.clone() for name, value in part.state_dict().items()}
    part.train()(grid).square().mean().backward()
    moved = {
        name.rpartition(".")[2]
        for name, value in part.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert moved == (set() if rests else {*STATISTICS})
    assert all(each.grad.abs().sum() > 0 for each in part.parameters())


def test_the_spread_is_that_of_what_the_last_stages_give_at_first():
    grid = torch.rand(6, 112, 4, 4, generator=torch.Generator().manual_seed(3)).half()
    plain = encoders.after(lite(1), 1, None).eval()
    part = encoders.after(lite(1), 1, 0.3)
    grid = grid.repeat(1, 2, 1, 1)[:, :192]  # the channels before the last stage
    part.measure([grid[:2], grid[2:]])
    with torch.no_grad():
        seen, found = plain(grid).double(), part(grid).double()
    spread = seen.std((0, 2, 3), correction=0)
    usual = spread > encoders.LEAST_SPREAD * spread.mean()
    assert usual.sum() > 100
    wanted = 0.3 * (seen - seen.mean((0, 2, 3), keepdim=True)) / spread[:, None, None]
    torch.testing.assert_close(found[:, usual], wanted[:, usual], atol=1e-4, rtol=0)
