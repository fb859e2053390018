"""KGGR, knowledge-guided graph routing (Chen et al., TPAMI 2022), literally as re-implemented by a
third party: zizizihua/WS-MLR, commit 27b227e (model/KGGR.py, KGGR.py). The authors released none.

`product="double"`: what that code computes. `product="single"`: what the method's description says,
the propagated classifier in place of the classifier.

- Both graph networks have parameters of their own and three steps.
- o = tanh(linear [h_T, h_0]); W' = linear [W_T, W], with bias, WITHOUT tanh; propagated first.
- The gradient reaches W through the start of the propagation, through [W_T, W] and, in the double
  product, through the last product. The bias b is that of the classifier layer in both variants.
- The second propagation knows no image: it is the same for all images of a batch.
- model/GraphNeuralNetwork.py and model/Element_Wise_Layer.py of that repository are in no index;
  the files of HCPLab-SYSU/HCP-MLR-PL with the same names and the same calls were taken for them.

Letters as in trunk.py; the code needs R = O, because the rows of the classifier (C, O) are the
first states of the second graph network.
"""

from dataclasses import dataclass

import torch
from released.trunk import attend, graph_shapes, linear, linear_shapes, propagate, reduce
from torch.nn.functional import logsigmoid


@dataclass(frozen=True)
class Sizes:
    labels: int = 80
    words: int = 300
    features: int = 2048
    reduced: int = 1024
    hidden: int = 512


def weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    s = sizes
    shapes = {
        "reduce.conv.weight": (s.reduced, s.features, 1, 1),
        "reduce.norm.weight": (s.reduced,),
        "reduce.norm.bias": (s.reduced,),
        "attend.position.weight": (s.hidden, s.reduced),
        "attend.word.weight": (s.hidden, s.words),
    }
    shapes |= linear_shapes("attend.joint", s.hidden, s.hidden)
    shapes |= linear_shapes("attend.score", s.hidden, 1)
    shapes |= graph_shapes("feature_graph", s.reduced)
    shapes |= graph_shapes("classifier_graph", s.reduced)
    shapes |= linear_shapes("feature_output", 2 * s.reduced, s.reduced)
    shapes |= linear_shapes("classifier_output", 2 * s.reduced, s.reduced)
    shapes |= {"classifier.weight": (s.labels, s.reduced), "classifier.bias": (s.labels,)}
    return shapes


def propagated_classifier(weights, graph):
    """W' (C, R)."""
    rows = weights["classifier.weight"]
    moved = propagate(weights, graph, rows, "classifier_graph")
    return linear(torch.cat([moved, rows], 1), weights, "classifier_output")


def image_scores(weights, graph, label_features, classifier, product):
    """One image: label features (C, R) and W' (C, R) -> logits (C,)."""
    moved = propagate(weights, graph, label_features, "feature_graph")
    outputs = torch.tanh(linear(torch.cat([moved, label_features], 1), weights, "feature_output"))
    scores = []
    for label in range(len(outputs)):
        terms = outputs[label] * classifier[label]
        if product == "double":
            terms = terms * weights["classifier.weight"][label]
        scores.append(terms.sum() + weights["classifier.bias"][label])
    return torch.stack(scores)


def logits(weights, buffers, features, training=False, product="double"):
    """features (B, F, h, w) -> (B, C)."""
    if product not in ("double", "single"):
        raise ValueError(f"product is {product!r}; it must be 'double' or 'single'")
    words, graph = buffers["word_vectors"], buffers["graph"]
    classifier = propagated_classifier(weights, graph)
    scores = []
    for positions in reduce(weights, buffers, features, training):
        label_features = attend(weights, words, positions)
        scores.append(image_scores(weights, graph, label_features, classifier, product))
    return torch.stack(scores)


def loss(logits, targets):
    """Mean binary cross-entropy over all entries; targets (B, C) of 0 and 1."""
    total = 0
    for image, values in enumerate(targets.tolist()):
        for label, value in enumerate(values):
            score = logits[image, label]
            total = total - (logsigmoid(score) if value == 1 else logsigmoid(-score))
    return total / logits.numel()
