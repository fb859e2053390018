"""Graphs over the labels, entry by entry in double precision."""

import torch

from labelgraph.models import ml_gcn
from labelgraph.parts import labelgraph

# 10 images show label 0, 4 of them label 1 and 3 label 2; label 3 is always alone
COUNTS = torch.tensor([[10, 4, 3, 0], [4, 8, 0, 0], [3, 0, 4, 0], [0, 0, 0, 5]])
EDGES = [[0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]  # P(column | row) is at least 0.4
P = 0.3


def same(found, expected):
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.double), rtol=0, atol=1e-15
    )


def test_an_edge_is_a_probability_of_at_least_the_threshold():
    same(labelgraph.threshold(COUNTS, 0.4), EDGES)


def test_neighbours_share_their_weight_and_a_label_alone_keeps_its_own():
    edges = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 0]]).double()
    same(
        labelgraph.reweighted(edges, P),
        [[0.7, 0.15, 0.15], [0.3, 0.7, 0], [0, 0, 0.7]],
    )


def test_both_ends_of_an_edge_are_scaled():
    edges = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 0]]).double()
    found = ml_gcn.binary(edges, P)  # rows add up to 3, 2 and 1
    same(found, [[1 / 3, 6**-0.5, 3**-0.5], [6**-0.5, 1 / 2, 0], [0, 0, 1]])
