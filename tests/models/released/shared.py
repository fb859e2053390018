"""What several descriptions of released code use: a normalisation and a loss, entry by entry.

Letters: B images, C labels, R channels, h w the map.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

NORM_EPS = 1e-5


def batch_norm(maps, weights, buffers, name, training):
    """(B, R, h, w): each channel over all images and positions; biased variance in training."""
    channels = []
    for channel in range(maps.shape[1]):
        values = maps[:, channel]
        if training:
            mean = values.mean()
            variance = ((values - mean) ** 2).mean()
        else:
            mean = buffers[f"{name}.running_mean"][channel]
            variance = buffers[f"{name}.running_var"][channel]
        scaled = (values - mean) / torch.sqrt(variance + NORM_EPS)
        weight, bias = weights[f"{name}.weight"][channel], weights[f"{name}.bias"][channel]
        channels.append(scaled * weight + bias)
    return torch.stack(channels, 1)


def soft_margin(scores: Tensor, target: Tensor) -> Tensor:
    """The mean over all B x C entries of the binary cross-entropy of logits."""
    total = scores.new_zeros(())
    for image in range(scores.shape[0]):
        for label in range(scores.shape[1]):
            score, yes = scores[image, label], target[image, label]
            # -log sigmoid(score) = softplus(-score)
            no_loss, yes_loss = softplus(score, threshold=1000), softplus(-score, threshold=1000)
            total = total + yes * yes_loss + (1 - yes) * no_loss
    return total / scores.numel()
