"""Scores of a trained model for images, in the requested order; it never reads a target."""

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from labelgraph.inputs import batches
from labelgraph.study.settings import Train

BATCH = 64


def scores(
    model: nn.Module,
    inputs: batches.Inputs,
    rows: np.ndarray,
    settings: Train,
    device: torch.device,
) -> np.ndarray:
    """Logits (n, C) in single precision, also of a model that learned in half precision.

    Half precision has ties, which cost rare labels precision. `settings` is the run's `train`.
    """
    return np.concatenate(of_groups(model, inputs, batches.groups(rows, BATCH), settings, device))


def of_groups(
    model: nn.Module,
    inputs: batches.Inputs,
    parts: batches.Groups,
    settings: Train,
    device: torch.device,
) -> list[np.ndarray]:
    """The same for each batch of rows."""
    model.eval()
    found = []
    with torch.inference_mode():
        for batch in inputs.batches(parts, None):
            found.append(model(placed(batch, settings, device)).cpu().numpy())
    return found


def placed(batch: dict[str, Tensor], settings: Train, device: torch.device) -> dict[str, Tensor]:
    """The batch on the device, images in the memory layout that the settings ask for."""
    moved = {name: value.to(device) for name, value in batch.items()}
    if settings.channels_last:
        moved["image"] = moved["image"].contiguous(memory_format=torch.channels_last)
    return moved


def precision(name: str, device: torch.device) -> AbstractContextManager:
    """Mixed precision if the settings name one."""
    if name == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, name))


def rest_frozen(model: nn.Module) -> None:
    """Parts and encoder stages that do not learn keep their statistics too."""
    for part in (*model.children(), *getattr(model.encoder, "stages", [])):
        if not any(parameter.requires_grad for parameter in part.parameters()):
            part.eval()
