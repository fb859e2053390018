"""Faster R-CNN with a ResNet-50 feature pyramid: torchvision's network and COCO weights.

Ren et al., "Faster R-CNN", NIPS 2015, https://arxiv.org/abs/1506.01497. It was trained on
the boxes of COCO's 2017 training images, some of which are reported images in other splits of COCO.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from labelgraph.files.tensors import fill, read_weights

Found = tuple[Tensor, Tensor]  # boxes (n, 4) as fractions, scores (n,), best first
CLASSES = 91  # COCO's category numbers, and 0 for the background


class FasterRCNN:
    """`instances` are its detections, `rpn` the proposals of its first stage."""

    def __init__(self, network: nn.Module, device: torch.device):
        self.network = network.eval().to(device)
        self.device = device

    @torch.inference_mode()
    def propose(self, pictures: list[np.ndarray], settings: dict[str, Any]) -> list[Found]:
        """Photographs (height, width, 3) of bytes -> the best `count` boxes of each."""
        self.network.transform.min_size = (settings["size"],)
        ready = [
            torch.from_numpy(np.array(picture)).permute(2, 0, 1).to(self.device) / 255
            for picture in pictures
        ]
        if settings["kind"] == "rpn":
            return self.regions(ready, settings)
        if settings["kind"] == "instances":
            return self.instances(ready, settings)
        raise ValueError(f"kind is {settings['kind']!r}; expected rpn or instances")

    def instances(self, pictures: list[Tensor], settings: dict[str, Any]) -> list[Found]:
        """Overlaps are suppressed within a class."""
        heads = self.network.roi_heads
        heads.detections_per_img, heads.nms_thresh = settings["count"], settings["nms"]
        heads.score_thresh = settings["min_score"]
        sizes = [picture.shape[-2:] for picture in pictures]
        found = self.network(pictures)
        pairs = ((each["boxes"], each["scores"]) for each in found)
        return [relative(*pair, size) for pair, size in zip(pairs, sizes, strict=True)]

    def regions(self, pictures: list[Tensor], settings: dict[str, Any]) -> list[Found]:
        """Overlaps are suppressed within a level of the pyramid; then the best of all levels."""
        from torchvision.models.detection.rpn import concat_box_prediction_layers

        rpn = self.network.rpn
        rpn.nms_thresh, rpn.score_thresh = settings["nms"], settings["min_score"]
        rpn._post_nms_top_n = {"training": 0, "testing": settings["count"]}
        images, _ = self.network.transform(pictures)
        levels = list(self.network.backbone(images.tensors).values())
        scores, corrections = rpn.head(levels)
        places = rpn.anchor_generator(images, levels)
        counts = [level[0].numel() for level in scores]
        scores, corrections = concat_box_prediction_layers(scores, corrections)
        boxes = rpn.box_coder.decode(corrections, places).view(len(places), -1, 4)
        pairs = zip(*rpn.filter_proposals(boxes, scores, images.image_sizes, counts), strict=True)
        return [relative(*pair, size) for pair, size in zip(pairs, images.image_sizes, strict=True)]


def relative(boxes: Tensor, scores: Tensor, size: tuple[int, int]) -> Found:
    """Boxes in pixels of an image of (height, width) -> in fractions of it."""
    height, width = size
    edges = torch.tensor([width, height, width, height], device=boxes.device)
    scores, order = scores.sort(descending=True, stable=True)
    return (boxes[order] / edges).clamp(0, 1).cpu(), scores.cpu()


def read(weights: Path | None, device: torch.device) -> FasterRCNN:
    """`weights`: torchvision's file; null for random ones."""
    from torchvision.models import detection  # slow to import

    network = detection.fasterrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=CLASSES
    )
    if weights:
        fill(network, read_weights(weights), weights, strict=True)
    return FasterRCNN(network, device)
