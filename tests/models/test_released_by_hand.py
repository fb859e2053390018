"""The descriptions of released code that modules are held to, on cases worked by hand."""

import torch
from released import laso, ml_sgm, sarb, sst_pl, trunk
from torch import tensor


def test_margins_fall_after_the_fifth_epoch():
    margins = [round(sst_pl.margin(epoch), 3) for epoch in (0, 5, 6, 13, 19)]
    assert margins == [0.95, 0.95, 0.925, 0.75, 0.75]


def test_labels_that_known_positives_make_likely():
    """Labels 0 and 1 are present, 3 is absent; 2 goes with both, 4 with one of them."""
    pairs = sst_pl.label_pairs(5)
    logits = torch.full((1, len(pairs)), -9.0)
    for pair in ((0, 2), (1, 2), (0, 4)):
        logits[0, pairs.index(pair)] = 9.0
    assert sst_pl.intra_targets(logits, tensor([[1, 1, 0, -1, 0]]), 0.9).tolist() == [
        [1, 1, 1, -1, 0]
    ]


def test_labels_that_the_queue_makes_likely():
    """Label 0 of the second image has the direction of the first's; empty places count as 0."""
    queue = sst_pl.empty_queue(sst_pl.Sizes(2, reduced=3), 2)
    seen = tensor([[[1.0, 0, 0], [0, 1, 0]], [[2, 0, 0], [0, 0, 3]]], dtype=torch.double)
    codes = tensor([[1, 1], [0, -1]])
    once = sst_pl.push_queue(queue, seen, codes)
    assert sst_pl.cross_targets(seen, codes, once, 0.75).tolist() == codes.tolist()
    twice = sst_pl.push_queue(once, seen, codes)
    assert sst_pl.cross_targets(seen, codes, twice, 0.75).tolist() == [[1, 1], [1, -1]]


def test_the_graph_counts_images():
    assert trunk.label_graph(tensor([[1, 1], [1, 0]])).tolist() == [[1, 0.5], [1, 1]]


def test_one_unknown_label_of_an_image_is_blended():
    draws = tensor([[0.9, 0.1, 0.5], [0.2, 0.3, 0.4]])
    assert sarb.blended_labels(tensor([[1, 0, 0], [1, -1, 0]]), draws) == [2, 2]


def test_a_share_beyond_its_range_is_cut_and_still_learns():
    share = tensor(1.5, requires_grad=True)
    kept = sarb.kept_in_range(share)
    kept.backward()
    assert (kept.item(), share.grad.item()) == (1.0, 1.0)


def test_labels_of_set_operations():
    sets = laso.set_targets(tensor([1, 1, 0, 0]), tensor([1, 0, 1, 0]))
    found = {name: target.tolist() for name, target in sets.items() if name not in ("a", "b")}
    assert found == {
        "a-b": [0, 1, 0, 0],
        "b-a": [0, 0, 1, 0],
        "both": [1, 0, 0, 0],
        "either": [1, 1, 1, 0],
    }


def test_cells_beside_each_other():
    assert sorted(ml_sgm.grid_edges(2)) == [
        *((0, 1), (0, 2), (1, 0), (1, 3)),
        *((2, 0), (2, 3), (3, 1), (3, 2)),
    ]
    assert len(ml_sgm.grid_edges(7)) == 168


def test_a_perceptron_is_torchs_layers():
    weights = {
        name: torch.randn(shape) for name, shape in ml_sgm.mlp_shapes("mlp", 7, 6, 4).items()
    }
    rows = expected = torch.randn(5, 7)
    for layer in ("first", "second"):
        weight, bias = weights[f"mlp.{layer}.weight"], weights[f"mlp.{layer}.bias"]
        expected = torch.nn.functional.linear(expected, weight, bias).relu()
        scale, shift = weights[f"mlp.{layer}_norm.weight"], weights[f"mlp.{layer}_norm.bias"]
        expected = torch.nn.functional.layer_norm(expected, expected.shape[1:], scale, shift)
    torch.testing.assert_close(ml_sgm.mlp(rows, weights, "mlp"), expected, rtol=1e-4, atol=1e-5)
