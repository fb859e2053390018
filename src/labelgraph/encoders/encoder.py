"""Image encoders (images in, a grid of features out), and a stand-in for cached features.

Shapes: B images, F = `width` features, h and w about 1/32 of the image's height and width.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from labelgraph.encoders import efficientnet
from labelgraph.files.tensors import fill, read_weights

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LEAST_SPREAD = 0.1  # of the average feature's
LITE = ((0.498, 0.498, 0.498), (0.502, 0.502, 0.502))


class Encoder(nn.Module):
    """Bytes (B, 3, H, W) -> features (B, F, h, w). `stages` go from the image to the features."""

    def __init__(self, stages: nn.Sequential, width: int, mean: tuple, std: tuple):
        super().__init__()
        self.stages = stages
        self.width = width
        self.register_buffer("mean", 255 * torch.tensor(mean), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return self.stages(self.normalised(image))

    def normalised(self, image: Tensor) -> Tensor:
        """With channels last, works on whole rows of pixels; vectors of 3 numbers would be slow."""
        if not image.is_contiguous(memory_format=torch.channels_last):
            return (image - self.mean[:, None, None]) / self.std[:, None, None]
        width = image.shape[3]
        rows = image.permute(0, 2, 3, 1).flatten(2)  # (B, H, W * 3)
        rows = (rows - self.mean.repeat(width)) / self.std.repeat(width)
        return rows.unflatten(2, (width, 3)).permute(0, 3, 1, 2)


class Cached(nn.Module):
    """Passes on features (B, F, h, w) that a frozen encoder has computed before.

    With `spread` each feature is centred and scaled as it was found in the fit images.
    """

    def __init__(self, width: int, spread: float | None = None):
        super().__init__()
        self.width, self.spread = width, spread
        if spread is not None:
            self.register_buffer("mean", torch.zeros(width))
            self.register_buffer("factor", torch.ones(width))

    def forward(self, image: Tensor) -> Tensor:
        features = image.float()
        if self.spread is None:
            return features
        return (features - self.mean[:, None, None]) * self.factor[:, None, None]

    def measure(self, batches: Iterable[Tensor]) -> None:
        """Finds mean and spread of each feature over all places of these images."""
        count, total, squares = 0, 0.0, 0.0
        for features in batches:
            grid = features.double()
            count += grid[:, 0].numel()
            total, squares = total + grid.sum((0, 2, 3)), squares + grid.square().sum((0, 2, 3))
        mean = total / count
        spread = (squares / count - mean.square()).clamp(min=0).sqrt()
        self.mean.copy_(mean)
        # a feature that hardly ever varies is not blown up
        self.factor.copy_(self.spread / spread.clamp(min=LEAST_SPREAD * spread.mean()))


def available() -> list[str]:
    return sorted(BUILDERS)


def build(name: str, weights: str | None, learns: str) -> Encoder:
    """`weights`: imagenet, a file, or null. `learns`: all, last_stage or nothing."""
    if name not in available():
        raise ValueError(f"no encoder {name!r}; there are {available()}")
    encoder = BUILDERS[name](weights)
    if learns not in ("all", "last_stage", "nothing"):
        raise ValueError(f"encoder.learns is {learns!r}; it may be all, last_stage or nothing")
    encoder.requires_grad_(learns == "all")
    if learns == "last_stage":
        encoder.stages[-1].requires_grad_(True)
    return encoder


def efficientnet_lite0(weights: str | None) -> Encoder:
    layers = efficientnet.build()
    if weights == "imagenet":
        layers.load_state_dict(efficientnet.imagenet_weights(layers))
    encoder = Encoder(layers, efficientnet.WIDTH, *LITE)
    return encoder if weights in ("imagenet", None) else load(encoder, Path(weights))


def resnet(name: str) -> Callable[[str | None], Encoder]:
    """A torchvision ResNet without its classifier; its last stage is `layer4`."""

    def make(weights: str | None) -> Encoder:
        from torchvision.models import resnet as zoo  # slow to import, and not always needed

        network = getattr(zoo, name)()
        width = network.fc.in_features
        if weights == "imagenet":
            raise ValueError(
                f"{name} reads its ImageNet weights from a file; name it in encoder.weights"
                " (`snakemake data/archives/FILE` fetches a FILE of sources.yaml)"
            )
        if weights:
            fill(network, read_weights(Path(weights)), Path(weights), strict=True)
        stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
        stages = (network.layer1, network.layer2, network.layer3, network.layer4)
        return Encoder(nn.Sequential(stem, *stages), width, *IMAGENET)

    return make


BUILDERS = {
    "efficientnet_lite0": efficientnet_lite0,
    **{name: resnet(name) for name in ("resnet18", "resnet34", "resnet50", "resnet101")},
}


def load(encoder: Encoder, path: Path) -> Encoder:
    fill(encoder, read_weights(path), path, strict=True)
    return encoder
