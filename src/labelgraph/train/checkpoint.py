"""Saves what a killed training needs to resume exactly: tensors and plain numbers.

The folder is outside the run's outputs, and its name is derived from everything that the result
depends on: a training with other settings, inputs or code never finds it.
"""

import random
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from labelgraph.files.small import read_json, whole, write_json
from labelgraph.files.tensors import read_safetensors

Tensors = dict[str, Tensor]


class Checkpoint:
    """One state in a folder: a file for the tensors, written first, and one that names it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.index = folder / "state.json"

    def save(self, tensors: Tensors, state: dict[str, Any]) -> None:
        older = sorted(self.folder.glob("*.safetensors"))
        name = f"{state['done']:09d}-{random.SystemRandom().randrange(1 << 32):08x}.safetensors"
        with whole(self.folder / name) as draft:
            # copies: tensors that share memory, such as KGGR's two graphs, cannot be saved
            plain = torch.contiguous_format
            save_file(
                {key: value.clone(memory_format=plain) for key, value in tensors.items()}, draft
            )
        write_json(self.index, state | {"tensors": name})
        for path in older:
            path.unlink(missing_ok=True)

    def load(self) -> tuple[Tensors, dict[str, Any]] | None:
        if not self.index.exists():
            return None
        state = read_json(self.index)
        return read_safetensors(self.folder / state.pop("tensors"))[0], state

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def pack(prefix: str, tensors: Tensors) -> Tensors:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def unpack(prefix: str, tensors: Tensors) -> Tensors:
    start = f"{prefix}."
    return {
        name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)
    }


def optimizer_tensors(chosen: torch.optim.Optimizer) -> Tensors:
    """Momenta and counters, by place of the parameter and name."""
    return {
        f"{place}.{name}": torch.as_tensor(value)
        for place, entries in chosen.state_dict()["state"].items()
        for name, value in entries.items()
        if value is not None
    }


def restore_optimizer(chosen: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Restores each momentum in its parameter's memory layout: others round differently."""
    parameters = [parameter for group in chosen.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        place, name = key.split(".")
        like = parameters[int(place)]
        if value.shape == like.shape:
            value = torch.empty_like(like).copy_(value)
        state.setdefault(int(place), {})[name] = value
    chosen.load_state_dict({**chosen.state_dict(), "state": state})


def own_state(model: nn.Module) -> Tensors:
    """The model's tensors, but not those of an encoder that does not learn."""
    weights = [*model.encoder.parameters()]  # none of an encoder whose features are cached
    frozen = {
        f"encoder.{name}"
        for name in model.encoder.state_dict()
        if weights and not any(parameter.requires_grad for parameter in weights)
    }
    return {name: value for name, value in model.state_dict().items() if name not in frozen}


def random_state(device: torch.device) -> Tensors:
    """The states of the generators that dropout and the like use."""
    state = {"random": torch.get_rng_state()}
    if device.type == "cuda":
        state["random_device"] = torch.cuda.get_rng_state(device)
    return state


def restore_random(tensors: Tensors, device: torch.device) -> None:
    torch.set_rng_state(tensors["random"])
    if "random_device" in tensors:
        torch.cuda.set_rng_state(tensors["random_device"], device)
