"""How a new network's weights were drawn, told from the weights themselves."""

from collections import Counter
from collections.abc import Iterator
from itertools import takewhile

from torch import Tensor, nn

CLOSE = 0.03  # relative error up to which two scales are the same
FLAT, ROUND = 1.8, 3.0  # kurtosis of a uniform and of a normal distribution
NEAR = 0.25  # difference of a kurtosis from one of them
MANY = 3  # names that are written out
LEAST = 1000  # numbers that a weight must have to be judged


def schemes(model: nn.Module) -> dict[str, str]:
    """The scheme of each matrix of the network beside its encoder, by name."""
    return {
        name: scheme(weight)
        for name, weight in model.named_parameters()
        if weight.ndim > 1 and weight.numel() >= LEAST and not name.startswith("encoder.")
    }


def scheme(weight: Tensor) -> str:
    x = weight.detach().flatten(1).double()
    x = x[x.abs().sum(1) > 0]  # a row for what means nothing may be zero
    if not len(x):
        return "zero"
    spread = x.std().item()
    kurtosis = ((x - x.mean()) / spread).pow(4).mean().item()
    if abs(kurtosis - FLAT) < NEAR:
        shape, size, known = "uniform", spread * 3**0.5, bounds(x)
    elif abs(kurtosis - ROUND) < NEAR:
        shape, size, known = "normal", spread, spreads(x)
    else:
        return f"neither uniform nor normal, standard deviation {spread:.3g}"
    for name, value in known:
        if abs(size / value - 1) < CLOSE:
            return f"{shape} {name}"
    times = f"{size * x.shape[1] ** 0.5:.3g}/sqrt(inputs)"
    return f"uniform ±{times}" if shape == "uniform" else f"normal with deviation {times}"


def bounds(x: Tensor) -> Iterator[tuple[str, float]]:
    outputs, inputs = x.shape
    yield "±1/sqrt(inputs)", inputs**-0.5
    yield "±1/sqrt(outputs)", outputs**-0.5
    yield "±sqrt(6/(inputs + outputs))", (6 / (inputs + outputs)) ** 0.5


def spreads(x: Tensor) -> Iterator[tuple[str, float]]:
    inputs = x.shape[1]
    yield "with variance 1/inputs", inputs**-0.5
    yield "with variance 2/inputs", (2 / inputs) ** 0.5
    yield "with variance 1", 1.0


def text(model: nn.Module) -> str:
    """The scheme of most matrices, then the others with the names of their matrices."""
    found = schemes(model)
    if not found:
        return "no matrix of its own"
    usual = Counter(found.values()).most_common(1)[0][0]
    others: dict[str, list[str]] = {}
    for name, kind in found.items():
        if kind != usual:
            others.setdefault(kind, []).append(name.removesuffix(".weight"))
    return "; ".join([usual, *(f"{shortened(names)}: {kind}" for kind, names in others.items())])


def shortened(names: list[str]) -> str:
    """Of many names the first words, up to two and before a number, and the last words."""
    if len(names) > MANY:
        names = [ends(name.split(".")) for name in names]
    return ", ".join(dict.fromkeys(names))


def ends(words: list[str]) -> str:
    first = [*takewhile(lambda word: not word.isdigit(), words)][:2]
    return " ... ".join([".".join(first), *words[len(first) :][-1:]])
