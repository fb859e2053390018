"""The optimizer of a run, its learning rate at each step, and the average of its weights."""

import math

import torch
from torch import nn

from labelgraph.study.settings import Train


def optimizer(model: nn.Module, settings: Train) -> torch.optim.Optimizer:
    """Encoder and the rest have rates of their own; `base` remembers them for the schedule."""
    inside = {id(parameter) for parameter in model.encoder.parameters()}
    groups = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            encoder, flat = id(parameter) in inside, parameter.ndim < 2
            groups.setdefault((encoder, flat), []).append(parameter)
    options = [
        {
            "params": parameters,
            "lr": settings.encoder_lr if encoder else settings.lr,
            "base": settings.encoder_lr if encoder else settings.lr,
            "weight_decay": 0.0 if flat and not settings.decay_all else settings.weight_decay,
        }
        for (encoder, flat), parameters in sorted(groups.items(), key=lambda item: item[0])
    ]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(options, momentum=settings.momentum)
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(options, fused=True)  # `exact` has one, too, which takes no step


def set_rate(chosen: torch.optim.Optimizer, settings: Train, step: int, steps: int) -> None:
    """`step` of `steps` in all, from 0; the rate is a function of that, so it needs no memory."""
    factor = rate(settings, step, steps)
    for group in chosen.param_groups:
        group["lr"] = group["base"] * factor


def rate(settings: Train, step: int, steps: int) -> float:
    """The share of its base rate that a group has at a step."""
    rising = math.floor(settings.warm_up * steps) + 1
    return min((step + 1) / rising, 1.0) * scheduled(settings, step, steps)


def scheduled(settings: Train, step: int, steps: int) -> float:
    """The same without the warm-up."""
    kind, done = settings.schedule, step / steps
    if kind == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    if kind == "onecycle":
        return one_cycle(done)
    epoch = step * settings.epochs / steps  # exact where an epoch begins
    if kind == "step":
        return settings.drop_by ** sum(epoch >= drop for drop in settings.drop_at)
    if kind == "exponential":
        return settings.drop_by ** math.floor(epoch)
    return 1.0


def one_cycle(done: float, peak: float = 0.2, first: float = 1 / 25, last: float = 1e-4) -> float:
    """Rises to 1 over the first fifth, then falls, both along half a cosine."""
    start, end, share = (
        (first, 1.0, done / peak) if done < peak else (1.0, last, (done - peak) / (1 - peak))
    )
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


@torch.no_grad()
def follow(average: nn.Module, model: nn.Module, decay: float) -> None:
    """The average moves towards the model; counters and the like are copied."""
    for kept, value in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(value, 1 - decay)
        else:
            kept.copy_(value)
