"""Plain versions of what SST and SARB share, the trunk and the contrast, for their tests.

Everything is computed on single vectors, in loops over labels, images and pairs.
"""

import torch
from literal_cases import decoupled, dot, grid, own_scores, pool, reduced, spread
from torch import Tensor

LABELS, IMAGES, FEATURES = 4, 3, 6
TARGET = [[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 1, 0]]
KNOWN = [[1, 1, 0, 0], [1, 1, 0, 1], [0, 0, 1, 0]]


def inputs() -> dict[str, Tensor]:
    return {
        "image": grid(IMAGES, FEATURES, 3, 4),
        "target": torch.tensor(TARGET, dtype=torch.float),
        "known": torch.tensor(KNOWN) > 0,
        "place": torch.arange(IMAGES),
    }


def yes(image: int, label: int) -> bool:
    return bool(KNOWN[image][label] and TARGET[image][label])


def label_features(trunk, image: Tensor) -> list[Tensor]:
    """A feature for each label of one image."""
    return decoupled(trunk.decoupling, reduced(trunk.reduction, pool(image)), trunk.vectors)


def logits_of(trunk, seen: list[Tensor]) -> Tensor:
    """The logits (C,) of one image."""
    steps = trunk.graph.steps
    states = [torch.tanh(x) for x in spread(trunk.graph, seen, steps, False)]
    return own_scores(trunk.classifier, states)


def entropy(logit: Tensor, target: Tensor | float) -> Tensor:
    shown = torch.sigmoid(logit)
    return -target * torch.log(shown) - (1 - target) * torch.log(1 - shown)


def mean(values: list[Tensor]) -> Tensor:
    return sum(values) / len(values) if values else torch.zeros(())


def known_entropy(logits: list[Tensor]) -> Tensor:
    """Mean cross-entropy of the known entries."""
    return mean(
        [
            entropy(logits[image][label], TARGET[image][label])
            for image in range(IMAGES)
            for label in range(LABELS)
            if KNOWN[image][label]
        ]
    )


def cosine(one: Tensor, other: Tensor) -> Tensor:
    return dot(one, other) / (dot(one, one).sqrt() * dot(other, other).sqrt()).clamp(min=1e-9)


def kinds(seen: list[list[Tensor]], given: dict[str, Tensor]) -> dict[str, list[Tensor]]:
    """The cosine terms of each pair of images, for each label that is known in both."""
    found = {"alike": [], "mixed": [], "absent": []}
    target, known = given["target"].tolist(), given["known"].tolist()
    for one in range(len(seen)):
        for other in range(one + 1, len(seen)):
            for label in range(len(seen[one])):
                value = cosine(seen[one][label], seen[other][label])
                if not (known[one][label] and known[other][label]):
                    continue
                shown = target[one][label] + target[other][label]
                kind = {2: "alike", 1: "mixed", 0: "absent"}[int(shown)]
                found[kind].append(1 - value if kind == "alike" else 1 + value)
    return found


def contrast(seen: list[list[Tensor]], given: dict[str, Tensor]) -> Tensor:
    """The mean over chosen pairs; the random draws are those of the fast version."""
    found = kinds(seen, given)
    chosen, together = list(found["alike"]), len(found["alike"])
    for values in (found["absent"], found["mixed"]):
        if not together:
            chosen += values
            continue
        drawn = torch.randperm(len(values))[: 2 * together].tolist()
        chosen += [values[place] for place in drawn]
        chosen += sorted(values, key=lambda value: -value.item())[:together]
    return mean(chosen)
