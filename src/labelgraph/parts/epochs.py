"""The progress of a training, for methods that change during it.

It is a buffer, so an interrupted training resumes where it stopped. If nothing counts the epochs,
as when a single step is timed, all initial epochs are over.
"""

import torch
from torch import nn

OVER = 1 << 30


class Epochs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer(
            "done", torch.tensor([OVER, 0, 1])
        )  # epochs; steps in this one; steps per epoch

    def start(self, epoch: int, steps: int) -> None:
        self.done.copy_(torch.tensor([epoch, 0, steps]))

    def step(self) -> None:
        self.done[1] += 1

    def number(self) -> int:
        """From 0."""
        return int(self.done[0])

    def ramp(self) -> float:
        """Rises from 0 to 1 in the first epoch."""
        epoch, step, steps = self.done.tolist()
        return min(1.0, epoch + step / steps)
