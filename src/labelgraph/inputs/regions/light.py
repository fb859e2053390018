"""A light region-proposal network on a frozen encoder's middle layers.

Ren et al., "Faster R-CNN", NIPS 2015, https://arxiv.org/abs/1506.01497: its first stage, with one
grid of features. Images are squashed to a square, so boxes are in fractions of any size.

Shapes: B images, K channels of a g x g grid, A anchors at each place, P = g * g * A.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import relu

from labelgraph.encoders import encoder as encoders
from labelgraph.encoders import views
from labelgraph.files.small import whole
from labelgraph.files.tensors import fill, read_safetensors
from labelgraph.inputs.features import fused
from labelgraph.inputs.regions import anchors

Found = tuple[Tensor, Tensor]  # boxes (n, 4) as fractions, scores (n,), best first


class Head(nn.Module):
    """Objectness and corrections of the anchors from the features around each place."""

    def __init__(self, channels: int, hidden: int, count: int):
        super().__init__()
        self.context = nn.Conv2d(channels, hidden, 3, padding=1)
        self.output = nn.Conv2d(hidden, 5 * count, 1)
        nn.init.normal_(self.output.weight, std=0.01)
        nn.init.zeros_(self.output.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, P) and corrections (B, P, 4)."""
        values = self.output(relu(self.context(features)))  # (B, 5A, g, g)
        values = values.permute(0, 2, 3, 1).reshape(len(values), -1, 5)  # (B, P, 5)
        return values[..., 0], values[..., 1:]


@dataclass(frozen=True)
class Detector:
    """`settings`: the `network` block of detectors.yaml, which is enough to use the head."""

    backbone: nn.Module
    head: Head
    anchors: Tensor  # (P, 4)
    settings: dict[str, Any]

    @torch.inference_mode()
    def features(self, pictures: list[np.ndarray]) -> Tensor:
        """Photographs (height, width, 3) of bytes -> (B, K, g, g)."""
        squares = [views.cut(picture, views.WHOLE, self.settings["size"]) for picture in pictures]
        batch = torch.stack(squares).contiguous(memory_format=torch.channels_last)
        return self.backbone(batch).contiguous()

    @torch.inference_mode()
    def propose(self, pictures: list[np.ndarray], settings: dict[str, Any]) -> list[Found]:
        """The best `count` boxes of each image; of two that overlap, only the better one."""
        if settings["kind"] != "rpn":
            raise ValueError(
                f"kind is {settings['kind']!r}; a detector of train_detector proposes regions"
                " without a class; set `kind: rpn` or use Faster R-CNN"
            )
        logits, corrections = self.head(self.features(pictures))
        boxes = anchors.decode(corrections, self.anchors)  # (B, P, 4)
        return [
            choose(found, scores, settings)
            for found, scores in zip(boxes, logits.sigmoid(), strict=True)
        ]


def choose(boxes: Tensor, scores: Tensor, settings: dict[str, Any]) -> Found:
    """Suppresses overlaps among the best `candidates` and keeps at most `count`."""
    from torchvision.ops import nms

    thin = ((boxes[:, 2:] - boxes[:, :2]) < settings["thinnest"]).any(1)
    scores, order = scores.masked_fill(thin, -1).sort(descending=True, stable=True)
    kept = (scores >= settings["min_score"]).sum().clamp(max=settings["candidates"])
    scores, boxes = scores[:kept], boxes[order[:kept]]
    best = nms(boxes, scores, settings["nms"])[: settings["count"]]
    return boxes[best], scores[best]


def build(settings: dict[str, Any]) -> Detector:
    """An untrained head on the trained encoder."""
    encoder = encoders.build(settings["encoder"], settings["weights"], "nothing").eval()
    encoder.stages = encoder.stages[: settings["layers"]]
    encoder = fused(encoder).to(memory_format=torch.channels_last)
    size = settings["size"]
    with torch.inference_mode():
        _, channels, side, _ = encoder(torch.zeros(1, 3, size, size)).shape
    places = anchors.grid(side, settings["scales"], settings["ratios"])
    count = len(settings["scales"]) * len(settings["ratios"])
    return Detector(encoder, Head(channels, settings["hidden"], count), places, settings)


def write(path: Path, detector: Detector) -> None:
    """The head's tensors, and the settings as JSON text in the file's metadata."""
    tensors = {name: value.contiguous() for name, value in detector.head.state_dict().items()}
    about = {"settings": json.dumps(detector.settings, sort_keys=True)}
    with whole(path) as draft:
        save_file(tensors, draft, about)


def read(path: Path) -> Detector:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; `snakemake {path}` trains it")
    tensors, about = read_safetensors(path)
    try:
        detector = build(json.loads(about["settings"]))
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ValueError(
            f"{path} is not a detector of train_detector: its metadata lacks the settings"
        ) from None
    fill(detector.head, tensors, path, strict=True)
    return detector
