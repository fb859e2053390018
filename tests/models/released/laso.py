"""LaSO, label-set operations for few-shot labels (Alfassy et al., CVPR 2019), literally.

From leokarlin/LaSO: oneshot/setops_models/res_setops.py (SetOpsResModule, SetopResBlock_v1,
SetopResBasicBlock), scripts_coco/train_setops_stripped.py, setops_models/resnet.py and inception.py
(encoder end, linear classifier), scripts_coco/test_augmentation.py and oneshot/alfassy/datasets.py
(few-shot).

- Input of an operation: [a, b] in this order. Layers: linear 2F -> F, batch norm, LeakyReLU 0.2;
  then `layers` times: linear, batch norm, plus the prior, LeakyReLU 0.2; then linear, ReLU.
  The prior is made from the two vectors this call was given, also in tautologies.
- The number of residual layers is 1 by default and in the commands that test, but 2 in the
  README's two TRAINING commands.
- Each call of a network in training takes the statistics of its own call's batch (subtraction 8
  calls a step, intersection 4, union 6) and moves the running statistics each time. A batch of one
  stops the run in training. Biases of linear layers in front of a batch norm cancel in training:
  their gradient is zero up to rounding.
- The anti-collapse reconstruction is union(a - (b & a), a & b) for a, and union(b - (a & b),
  b & a) for b.
- Soft-margin terms (each a mean over B x C, weight 1, simply added): 2 real, 2 reconstructed,
  8 subtraction, 4 union, 4 intersection. MSE terms (each a mean over B x F, weight 1): 2
  reconstructed, 6 subtraction tautologies, 1 union, 1 intersection. Both arguments of an MSE get a
  gradient.
- The classifier is ONE linear layer with bias for real vectors and outputs; by default it is not in
  the optimiser, so `classifier.*` gets a gradient but never moves.
- Few-shot: the released script does NOT load the residual networks but the paper's own checkpoints
  in another network, which no code trains; the calculation from its unions on stands below.
- Few-shot classifier: dropout follows the first two blocks only, not the third. Its initialisation
  looks for layers named "linear" in small letters and so finds none: linear layers keep torch's
  default; batch norm weights are drawn from N(1, 0.02), biases are 0.
- The few-shot loss is one mean over (real + synthesised) x 80, 64 of them always 0.

Letters: B images, F encoder channels, h w encoder map, C labels, K few-shot hidden width.
Operations: a - b (subtraction), a & b (intersection), a | b (union), on vectors (B, F).
"""

from dataclasses import dataclass

import torch
from torch.nn.functional import logsigmoid

NORM_EPS = 1e-5
SLOPE = 0.2
DROPOUT = 0.5
OPERATIONS = ("subtraction", "intersection", "union")
WANTED = {
    "a again": "a",
    "b again": "b",
    "a-b": "a-b",
    "b-a": "b-a",
    "(a-b)-b": "a-b",
    "(b-a)-a": "b-a",
    "a-(a&b)": "a-b",
    "b-(a&b)": "b-a",
    "b-(b&a)": "b-a",
    "a-(b&a)": "a-b",
    "a|b": "either",
    "b|a": "either",
    "(a|b)|b": "either",
    "(b|a)|a": "either",
    "a&b": "both",
    "b&a": "both",
    "(a&b)&b": "both",
    "(b&a)&a": "both",
}
ALIKE = (
    ("a-b", "(a-b)-b"),
    ("a-b", "a-(a&b)"),
    ("a-b", "a-(b&a)"),
    ("b-a", "(b-a)-a"),
    ("b-a", "b-(a&b)"),
    ("b-a", "b-(b&a)"),
    ("a|b", "b|a"),
    ("a&b", "b&a"),
)


@dataclass(frozen=True)
class Sizes:
    labels: int = 80
    features: int = 2048
    layers: int = 1
    hidden: int = 2048


def linear_shapes(name, inputs, outputs) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm_shapes(name, width) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """The three residual networks and the linear classifier."""
    width, shapes = sizes.features, {}
    for operation in OPERATIONS:
        shapes |= linear_shapes(f"{operation}.join", 2 * width, width)
        shapes |= norm_shapes(f"{operation}.join_norm", width)
        for layer in range(1, sizes.layers + 1):
            shapes |= linear_shapes(f"{operation}.residual{layer}", width, width)
            shapes |= norm_shapes(f"{operation}.residual{layer}_norm", width)
        shapes |= linear_shapes(f"{operation}.out", width, width)
    return shapes | linear_shapes("classifier", width, sizes.labels)


def few_shot_weights(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    shapes, inputs = {}, sizes.features
    for block in ("first", "second", "third"):
        shapes |= linear_shapes(block, inputs, sizes.hidden)
        shapes |= norm_shapes(f"{block}_norm", sizes.hidden)
        inputs = sizes.hidden
    return shapes | linear_shapes("output", sizes.hidden, sizes.labels)


def buffers(shapes: dict[str, tuple[int, ...]], dtype=torch.float32) -> dict[str, torch.Tensor]:
    """Running statistics of every batch norm in `weights`, `paper_weights` or `few_shot_weights`.

    There are no other fixed inputs: no words, no graph.
    """
    statistics = {}
    for name, shape in shapes.items():
        if name.endswith("norm.weight"):
            norm = name.removesuffix(".weight")
            statistics[f"{norm}.running_mean"] = torch.zeros(shape, dtype=dtype)
            statistics[f"{norm}.running_var"] = torch.ones(shape, dtype=dtype)
    return statistics


def linear(rows, weights, name):
    return rows @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def leaky(rows):
    return rows.clamp(min=0) + SLOPE * rows.clamp(max=0)


def batch_norm(rows, weights, buffers, name, training):
    """(B, width): each column over the batch; biased variance when training."""
    if training:
        mean = rows.sum(0) / len(rows)
        variance = ((rows - mean) ** 2).sum(0) / len(rows)
    else:
        mean, variance = buffers[f"{name}.running_mean"], buffers[f"{name}.running_var"]
    scaled = (rows - mean) / torch.sqrt(variance + NORM_EPS)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def pooled(features):
    """The mean over the whole map: (B, F, h, w) -> (B, F)."""
    return features.sum((2, 3)) / (features.shape[2] * features.shape[3])


def logits(weights, buffers, features, training=False):
    """The linear classifier on the encoder's map: (B, C)."""
    return linear(pooled(features), weights, "classifier")


def prior(operation, first, second):
    if operation == "subtraction":
        return (first - second).clamp(min=0)
    if operation == "intersection":
        return torch.minimum(first, second)
    return first + second


def operate(weights, buffers, operation, first, second, training=False):
    """One set operation on vectors: (B, F), (B, F) -> (B, F)."""
    rows = linear(torch.cat([first, second], 1), weights, f"{operation}.join")
    rows = leaky(batch_norm(rows, weights, buffers, f"{operation}.join_norm", training))
    residual, layer = prior(operation, first, second), 1
    while f"{operation}.residual{layer}.weight" in weights:
        name = f"{operation}.residual{layer}"
        rows = linear(rows, weights, name)
        rows = batch_norm(rows, weights, buffers, f"{name}_norm", training)
        rows = leaky(rows + residual)
        layer += 1
    return linear(rows, weights, f"{operation}.out").clamp(min=0)


def outputs(weights, buffers, a, b, training=False) -> dict[str, torch.Tensor]:
    """All 18 vectors (B, F) of one pair of batches; the calls in the order of the code."""

    def minus(first, second):
        return operate(weights, buffers, "subtraction", first, second, training)

    def both(first, second):
        return operate(weights, buffers, "intersection", first, second, training)

    def either(first, second):
        return operate(weights, buffers, "union", first, second, training)

    v = {"a-b": minus(a, b), "b-a": minus(b, a)}
    v["(a-b)-b"] = minus(v["a-b"], b)
    v["(b-a)-a"] = minus(v["b-a"], a)
    v["a&b"] = both(a, b)
    v["b&a"] = both(b, a)
    v["a-(b&a)"] = minus(a, v["b&a"])
    v["b-(a&b)"] = minus(b, v["a&b"])
    v["a-(a&b)"] = minus(a, v["a&b"])
    v["b-(b&a)"] = minus(b, v["b&a"])
    v["(a&b)&b"] = both(v["a&b"], b)
    v["(b&a)&a"] = both(v["b&a"], a)
    v["a|b"] = either(a, b)
    v["b|a"] = either(b, a)
    v["(a|b)|b"] = either(v["a|b"], b)
    v["(b|a)|a"] = either(v["b|a"], a)
    v["a again"] = either(v["a-(b&a)"], v["a&b"])
    v["b again"] = either(v["b-(a&b)"], v["b&a"])
    return v


def soft_margin(logits, targets):
    """Mean over labels, then over images."""
    total = 0
    for image in range(len(logits)):
        y = targets[image].to(logits.dtype)
        terms = y * logsigmoid(logits[image]) + (1 - y) * logsigmoid(-logits[image])
        total = total - terms.sum() / logits.shape[1]
    return total / len(logits)


def squared(first, second):
    return ((first - second) ** 2).sum() / first.numel()


def set_targets(a, b) -> dict[str, torch.Tensor]:
    """Targets (B, C) of 0 and 1."""
    both, either = a * b, a + b - a * b
    return {"a": a, "b": b, "a-b": a - both, "b-a": b - both, "both": both, "either": either}


def loss_terms(weights, buffers, a, b, targets_a, targets_b, training=True):
    """Vectors a, b (B, F), targets (B, C): every term by name, all of weight 1."""
    vectors, wanted = outputs(weights, buffers, a, b, training), set_targets(targets_a, targets_b)
    terms = {
        "real a": soft_margin(linear(a, weights, "classifier"), targets_a),
        "real b": soft_margin(linear(b, weights, "classifier"), targets_b),
    }
    for name, target in WANTED.items():
        scores = linear(vectors[name], weights, "classifier")
        terms[f"labels of {name}"] = soft_margin(scores, wanted[target])
    for first, second in ALIKE:
        terms[f"{first} like {second}"] = squared(vectors[first], vectors[second])
    terms["a like a again"] = squared(a, vectors["a again"])
    terms["b like b again"] = squared(b, vectors["b again"])
    return terms


def loss(weights, buffers, a, b, targets_a, targets_b, training=True):
    return sum(loss_terms(weights, buffers, a, b, targets_a, targets_b, training).values())


def few_shot_logits(weights, buffers, vectors, training=False, kept=None):
    """Vectors (B, F) -> (B, C). `kept`: two 0/1 arrays (B, K), what dropout leaves in training."""
    rows = vectors
    for place, block in enumerate(("first", "second", "third")):
        rows = linear(rows, weights, block)
        rows = leaky(batch_norm(rows, weights, buffers, f"{block}_norm", training))
        if training and place < 2:
            rows = rows * kept[place] / (1 - DROPOUT)
    return linear(rows, weights, "output")


def few_shot_batch(real, real_targets, first, second, first_targets, second_targets, union):
    """Real vectors and the unions of the drawn pairs: vectors (B, F) and targets (B, C).

    `union` maps two batches of vectors to one.
    """
    made = union(first, second)
    made_targets = first_targets + second_targets - first_targets * second_targets
    return torch.cat([real, made]), torch.cat([real_targets, made_targets])


def few_shot_loss(logits, targets):
    """Mean binary cross-entropy over all entries."""
    total = 0
    for image in range(len(logits)):
        y = targets[image].to(logits.dtype)
        terms = y * logsigmoid(logits[image]) + (1 - y) * logsigmoid(-logits[image])
        total = total - terms.sum()
    return total / logits.numel()
