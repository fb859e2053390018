"""Reads tensors from files that others may have made: no pickle in them is executed, and every
fault is a ValueError that names the file."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

SHOWN = 200  # characters of a reason
UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
)
UNREADABLE += (AttributeError, ImportError, IndexError, MemoryError, UnicodeError)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as stored:
            yield stored
    except SafetensorError as error:
        raise ValueError(
            f"{path} is damaged ({error}); delete it and run `snakemake {path}`"
        ) from None


def tensor_names(path: Path) -> list[str]:
    with opened(path) as stored:
        return list(stored.keys())


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, and the file's metadata."""
    with opened(path) as stored:
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        return tensors, stored.metadata() or {}


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a .safetensors or torch file; a pickle of anything but tensors is refused."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing; `snakemake {path}` fetches it")
    if path.suffix == ".safetensors":
        return read_safetensors(path)[0]
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        more = isinstance(error, pickle.UnpicklingError)  # its text says how to run it
        reason = "it holds more than tensors" if more else " ".join(str(error).split())[:SHOWN]
        raise ValueError(
            f"{path} is not a weights file that loads without executing code ({reason}); expected"
            " tensors by name: .safetensors, or a state_dict written by torch.save"
        ) from None
    if not isinstance(found, dict) or not all(isinstance(t, Tensor) for t in found.values()):
        raise ValueError(f"{path} holds {describe(found)}; expected tensors by name, a state_dict")
    return found


def describe(found: Any) -> str:
    if isinstance(found, dict):
        return f"a dictionary of {', '.join(map(str, list(found)[:5]))}"
    return f"a {type(found).__name__}"


def fill(module: nn.Module, tensors: dict[str, Tensor], path: Path, *, strict: bool) -> Any:
    """`load_state_dict`, after a check that all values are finite."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise ValueError(f"{path}: {name} has values that are not finite numbers; replace it")
    try:
        return module.load_state_dict(tensors, strict=strict)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:SHOWN]
        raise ValueError(f"{path} does not fit the network: {reason}") from None
