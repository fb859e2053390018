"""Batch normalisation over a batch of which several processes have a slice each.

Mean and variance are those of the whole batch, forward and backward, so it does not matter which
process has which images. torch's SyncBatchNorm does the same, but only on GPUs.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class SharedNorm(nn.modules.batchnorm._BatchNorm):
    """Replaces a normalisation and keeps its weights and statistics."""

    @classmethod
    def replace(cls, network: nn.Module) -> None:
        for parent in list(network.modules()):
            for name, layer in parent.named_children():
                if type(layer) in KINDS:
                    shared = cls.__new__(cls)
                    vars(shared).update(vars(layer))
                    setattr(parent, name, shared)
                elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
                    raise ValueError(
                        f"the encoder normalises by {type(layer).__name__}, which several processes"
                        " cannot divide; set processes to 1"
                    )

    def _check_input_dim(self, x: Tensor) -> None:
        pass

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        y, mean, variance, count = OverAll.apply(x, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.num_batches_tracked += 1
            factor = self.momentum or 1 / float(self.num_batches_tracked)
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), factor)
            unbiased = variance * (count / (count - 1).clamp(min=1))
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), factor)
        return y


class OverAll(torch.autograd.Function):
    """x (slice of B, C, ...) -> the same normalised, and mean, variance and number of values."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple:
        wide, shape, axes = full(x)
        mean = variance = wide.new_zeros(x.shape[1])
        if len(x):  # `var_mean` is four times slower on a processor
            mean = wide.mean(axes)
            variance = (wide - mean.view(shape)).square().mean(axes)
        count = wide.new_tensor([x.numel() / x.shape[1]])
        counts, means, variances = of_all(torch.cat([count, mean, variance])).tensor_split(
            [1, 1 + len(mean)], 1
        )  # a row for each process
        count = counts.sum(0)
        mean = (counts * means).sum(0) / count
        variance = (counts * (variances + (means - mean).square())).sum(0) / count
        ctx.save_for_backward(x, weight, mean, (variance + eps).rsqrt(), count)
        ctx.mark_non_differentiable(mean, variance, count)
        y = batch_norm(wide, mean, variance, weight.to(mean.dtype), bias.to(mean.dtype), eps=eps)
        return y.to(x.dtype), mean, variance, count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple:
        x, weight, mean, spread, count = ctx.saved_tensors
        wide, shape, axes = full(x)
        gradient = gradient.to(wide.dtype)
        of_bias = gradient.sum(axes)
        of_weight = (gradient * (wide - mean.view(shape))).sum(axes) * spread
        level, slope = (of_all(torch.cat([of_bias, of_weight])).sum(0) / count).chunk(2)
        # (gradient - level - slope * (x - mean) * spread) * weight * spread, as a line of both
        of_gradient, of_x = weight * spread, -weight * spread.square() * slope
        rest = -of_gradient * level - of_x * mean
        found = torch.addcmul(rest.view(shape), wide, of_x.view(shape))
        found = found.addcmul_(gradient, of_gradient.view(shape))
        return found.to(x.dtype), of_weight.to(weight.dtype), of_bias.to(weight.dtype), None


def full(x: Tensor) -> tuple[Tensor, tuple[int, ...], list[int]]:
    """x in full precision, the shape that broadcasts over its channels, and all other axes."""
    wide = x if x.dtype == torch.float64 else x.float()
    return wide, (1, -1, *[1] * (x.ndim - 2)), [0, *range(2, x.ndim)]


def of_all(own: Tensor) -> Tensor:
    """One row for each process."""
    rows = own.new_empty(torch.distributed.get_world_size(), len(own))
    torch.distributed.all_gather(list(rows), own)
    return rows
