"""The images that a training uses, with their known labels."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from labelgraph.inputs import batches
from labelgraph.predict import inference
from labelgraph.study.settings import Train


@dataclass(frozen=True)
class Examples:
    """n images, in the order of the training file."""

    inputs: batches.Inputs
    target: Tensor  # (n, C) float32
    known: Tensor  # (n, C) bool
    codes: np.ndarray  # (n, C) int8: for the mAP on tune; hidden entries are -1, left out
    fit: np.ndarray  # rows
    tune: np.ndarray  # rows

    def features(self) -> Iterator[Tensor]:
        """Of the fit images, where they are cached."""
        parts = batches.groups(self.fit, inference.BATCH)
        return (image for image, _ in self.inputs.pictures.batches(parts, None))

    def batches(
        self,
        parts: batches.Groups,
        chance: batches.Chance | int | None,
        settings: Train,
        device: torch.device,
    ) -> Iterator[dict[str, Tensor]]:
        """Batches of rows with their labels and their places among the fit images."""
        for part, batch in zip(parts, self.inputs.batches(parts, chance), strict=True):
            batch |= {"target": self.target[part], "known": self.known[part]}
            batch["place"] = torch.from_numpy(np.searchsorted(self.fit, part))
            yield inference.placed(batch, settings, device)
