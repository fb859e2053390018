"""Image encoders (images in, a grid of features out), whole or from cached features on.

Shapes: B images, F = `width` features, h and w about 1/32 of the image's height and width.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from labelgraph.encoders import efficientnet
from labelgraph.files.tensors import fill, read_weights

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LEAST_SPREAD = 0.1  # of the average feature's
VGG_LAYERS = {"vgg16": "D", "vgg19": "E"}  # the columns of the paper's table
VGG_WIDTH = 512
LITE = ((0.498, 0.498, 0.498), (0.502, 0.502, 0.502))


class Pixels(nn.Module):
    """Bytes (B, 3, H, W) -> the numbers that the first stage was trained on."""

    def __init__(self, mean: tuple, std: tuple):
        super().__init__()
        self.register_buffer("mean", 255 * torch.tensor(mean), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """With channels last, works on whole rows of pixels; vectors of 3 numbers would be slow."""
        if not image.is_contiguous(memory_format=torch.channels_last):
            return (image - self.mean[:, None, None]) / self.std[:, None, None]
        width = image.shape[3]
        rows = image.permute(0, 2, 3, 1).flatten(2)  # (B, H, W * 3)
        rows = (rows - self.mean.repeat(width)) / self.std.repeat(width)
        return rows.unflatten(2, (width, 3)).permute(0, 3, 1, 2)


class Resting(nn.Module):
    """Where `rests` is true, normalisation keeps its statistics, also in stages that learn."""

    rests = False

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.rests:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self


class Encoder(Resting):
    """Bytes (B, 3, H, W) -> features (B, F, h, w). `stages` go from the image to the features.

    `begins`: the place of each stage's first layer, where a stage has several.
    """

    def __init__(
        self,
        stages: nn.Sequential,
        width: int,
        mean: tuple,
        std: tuple,
        begins: Sequence[int] | None = None,
    ):
        super().__init__()
        self.pixels, self.stages = Pixels(mean, std), stages
        self.width, self.begins = width, begins or range(len(stages))

    def forward(self, image: Tensor) -> Tensor:
        return self.stages(self.pixels(image))

    def start(self, last: int) -> int:
        """The place of the first layer of the last stages."""
        count = len(self.begins)
        if not 0 <= last <= count:
            raise ValueError(f"encoder.learns.last_stages is {last}; the encoder has {count}")
        return self.begins[count - last] if last else len(self.stages)


class Cached(Resting):
    """Goes on from what the first stages of an encoder have computed before.

    `stages` are the others, under the names that they have in the encoder; without any, features
    (B, F, h, w) are passed on. With `spread` each feature is centred and scaled as it was found in
    the fit images before training.
    """

    def __init__(
        self, width: int, spread: float | None = None, stages: nn.Sequential | None = None
    ):
        super().__init__()
        self.width, self.spread = width, spread
        self.stages = nn.Sequential() if stages is None else stages
        if spread is not None:
            self.register_buffer("mean", torch.zeros(width))
            self.register_buffer("factor", torch.ones(width))

    def forward(self, image: Tensor) -> Tensor:
        features = self.stages(image.float())
        if self.spread is None:
            return features
        return (features - self.mean[:, None, None]) * self.factor[:, None, None]

    @torch.no_grad()
    def measure(self, batches: Iterable[Tensor]) -> None:
        """Finds mean and spread of each feature over all places of these images."""
        count, total, squares = 0, 0.0, 0.0
        self.eval()
        for image in batches:
            grid = self.stages(image.to(self.mean.device).float()).double()
            count += grid[:, 0].numel()
            total, squares = total + grid.sum((0, 2, 3)), squares + grid.square().sum((0, 2, 3))
        mean = total / count
        spread = (squares / count - mean.square()).clamp(min=0).sqrt()
        self.mean.copy_(mean)
        # a feature that hardly ever varies is not blown up
        self.factor.copy_(self.spread / spread.clamp(min=LEAST_SPREAD * spread.mean()))


def available() -> list[str]:
    return sorted(BUILDERS)


def build(name: str, weights: str | None, learns: str | int) -> Encoder:
    """`weights`: imagenet, a file, or null. `learns`: all, last_stage, nothing, or last stages."""
    if name not in available():
        raise ValueError(f"no encoder {name!r}; there are {available()}")
    encoder = BUILDERS[name](weights)
    last = {"all": len(encoder.begins), "last_stage": 1, "nothing": 0}.get(learns, learns)
    if isinstance(last, str):
        raise ValueError(f"encoder.learns is {learns!r}; it may be all, last_stage or nothing")
    encoder.requires_grad_(False)
    encoder.stages[encoder.start(last) :].requires_grad_(True)
    return encoder


def before(encoder: Encoder, last: int) -> nn.Module:
    """Bytes -> what the stages before the last ones give, which can be cached."""
    start = encoder.start(last)
    if start == 0:
        return nn.Identity()  # numbers up to 255, which half precision keeps
    encoder.stages = encoder.stages[:start]
    return encoder


def after(encoder: Encoder, last: int, spread: float | None) -> Cached:
    """What `before` gives -> features."""
    start = encoder.start(last)
    layers = encoder.stages[start:]
    if start == 0:
        layers = nn.Sequential(OrderedDict(pixels=encoder.pixels, **dict(layers.named_children())))
    return Cached(encoder.width, spread, layers)


def lite(name: str) -> Callable[[str | None], Encoder]:
    """An EfficientNet-Lite without its classifier."""

    def make(weights: str | None) -> Encoder:
        layers = efficientnet.build(name)
        if weights == "imagenet":
            layers.load_state_dict(efficientnet.imagenet_weights(name, layers))
        encoder = Encoder(layers, efficientnet.WIDTH, *LITE, efficientnet.begins(name))
        return encoder if weights in ("imagenet", None) else load(encoder, Path(weights))

    return make


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


def vgg(name: str) -> Callable[[str | None], Encoder]:
    """The convolutions of a torchvision VGG network; a stage ends with its pooling."""

    def make(weights: str | None) -> Encoder:
        from torchvision.models import vgg as zoo  # slow to import, and not always needed

        layers = zoo.make_layers(zoo.cfgs[VGG_LAYERS[name]])
        if weights == "imagenet":
            raise ValueError(
                f"{name} reads its ImageNet weights from a file; name it in encoder.weights"
                " (`snakemake data/archives/FILE` fetches a FILE of sources.yaml)"
            )
        if weights:
            found = read_weights(Path(weights)).items()
            own = {key.removeprefix("features."): x for key, x in found if "features." in key}
            fill(layers, own, Path(weights), strict=True)
        ends = [place + 1 for place, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        stages = [layers[low:high] for low, high in pairwise([0, *ends])]
        return Encoder(nn.Sequential(*stages), VGG_WIDTH, *IMAGENET)

    return make


BUILDERS = {
    **{name: lite(name) for name in efficientnet.SIZES},
    **{name: resnet(name) for name in ("resnet18", "resnet34", "resnet50", "resnet101")},
    **{name: vgg(name) for name in VGG_LAYERS},
}


def load(encoder: Encoder, path: Path) -> Encoder:
    fill(encoder, read_weights(path), path, strict=True)
    return encoder
