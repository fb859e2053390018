"""What finding regions costs: the detector of a study on all images of a dataset."""

from functools import cache
from pathlib import Path
from typing import Any

import torch

from labelgraph.costs import counting, work
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.inputs.batches import IN_MEMORY  # bytes of features that a training keeps in memory
from labelgraph.study.config import Book, Run

DETECTORS = Path("workflow/config/detectors.yaml")
BASE = 450_000_000  # bytes of a process that has torch loaded
LONGER = 4 / 3  # sides of a usual photograph
PROPOSALS = 1000  # that Faster R-CNN classifies

__all__ = ["BASE", "IN_MEMORY", "needed", "products", "weights"]


def detector(book: Book) -> tuple[str, dict[str, Any]]:
    content = read_yaml(DETECTORS)
    name = content["of_study"][book.study]
    return name, content[name]


def needed(book: Book, runs: list[Run]) -> list[tuple[str, str]]:
    """Dataset and kind of the regions that runs read, unless the user brings them."""
    kinds = detector(book)[1]["kinds"]
    return sorted(
        {
            (run.dataset, kinds[run.method])
            for run in runs
            if "regions" in book.method(run.method).inputs and run.dataset not in book.size.boxes
        }
    )


def weights(book: Book) -> str | None:
    """The file of a downloaded detector."""
    return detector(book)[1].get("weights")


def products(book: Book, kind: str) -> int:
    """Multiply-adds of an image."""
    name, settings = detector(book)
    if name == "light":
        chosen = settings["network"]
        return work.stages(chosen["encoder"], chosen["size"])[0].each
    return faster_rcnn(settings["propose"][kind]["size"], kind)


@cache
def faster_rcnn(side: int, kind: str) -> int:
    """Backbone and first stage; `instances` have the second stage, too."""
    from torchvision.models import detection  # slow to import

    with torch.device("meta"):
        network = detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None).eval()
        image = torch.empty(1, 3, side, round(side * LONGER / 32) * 32)
        boxes = torch.empty(PROPOSALS, network.backbone.out_channels, 7, 7)
    with counting.Products() as counted, torch.no_grad():
        network.rpn.head([*network.backbone(image).values()])
        if kind == "instances":
            network.roi_heads.box_predictor(network.roi_heads.box_head(boxes))
    return counted.total()
