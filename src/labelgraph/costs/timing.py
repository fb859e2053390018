"""Measures how long a method takes compared with its encoder alone, in turns in one process.

The encoder alone is the baseline with average pooling, with all weights learning. A ratio is the
median over turns of the method's time divided by the encoder's in the same turn, so that whatever
slows down both cancels out.
"""

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any
from weakref import finalize

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from labelgraph import numerics
from labelgraph.costs import counting
from labelgraph.encoders import encoder as encoders
from labelgraph.predict.inference import precision
from labelgraph.tables.cost_columns import COSTS
from labelgraph.train.loop import loss_of

RATE = 1e-6  # learning rate of the timed steps, which must not change the network much


class Alive(TorchDispatchMode):
    """The peak of bytes in tensors: weights, gradients, and everything that a step keeps."""

    def __init__(self, there: list[Tensor]):
        super().__init__()
        self.known: set[int] = set()  # ids of the storages
        self.now = self.peak = 0
        for tensor in there:
            self.add(tensor)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self.add(leaf)
        return result

    def add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if id(storage) not in self.known:
            self.known.add(id(storage))
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            finalize(storage, self.drop, id(storage), storage.nbytes())

    def drop(self, name: int, size: int) -> None:
        self.known.discard(name)
        self.now -= size


class Turn:
    """A network with everything that its forward pass and training step need."""

    def __init__(
        self, model: nn.Module, batch: counting.Batch, device: torch.device, setup: dict[str, Any]
    ):
        layout = torch.channels_last if setup["channels_last"] else torch.contiguous_format
        self.model = model.to(device).to(memory_format=layout)
        self.batch = batch | {"image": batch["image"].contiguous(memory_format=layout)}
        self.device, self.number = device, setup["precision"]
        self.model.requires_grad_(True)
        options = {"lr": RATE, "momentum": 0.9, "weight_decay": 1e-4}
        self.optimizer = torch.optim.SGD(self.model.parameters(), **options)

    def forward(self) -> None:
        with torch.inference_mode(), precision(self.number, self.device):
            self.model.eval()(self.batch)

    def step(self) -> None:
        self.optimizer.zero_grad()
        with precision(self.number, self.device):
            loss = loss_of(self.model.train(), self.batch)
        loss.backward()
        self.optimizer.step()

    def peak(self) -> int:
        """The peak bytes of the first training step, which also warms up."""
        self.forward()
        self.optimizer.zero_grad()
        own = [*self.model.parameters(), *self.model.buffers(), *self.batch.values()]
        if self.device.type == "cuda":
            others = torch.cuda.memory_allocated() - sum(tensor.nbytes for tensor in own)
            torch.cuda.reset_peak_memory_stats()
            self.step()
            return torch.cuda.max_memory_allocated() - others
        with Alive(own) as alive:
            self.step()
        return alive.peak


def seconds(call: Callable[[], None], device: torch.device) -> float:
    """On one thread, processor time, which does not count what other processes take."""
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    start = clock()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def pairs(one: Callable[[], None], other: Callable[[], None], repeats: int, device) -> list:
    """Seconds of both, in turns that alternate who goes first."""
    found = []
    for turn in range(repeats):
        if turn % 2:
            late, early = seconds(other, device), seconds(one, device)
            found.append((early, late))
        else:
            found.append((seconds(one, device), seconds(other, device)))
    return found


def measure(
    setup: dict[str, Any], networks: dict[str, dict], tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """An entry for the encoder alone, under its name, then one for each network."""
    numerics.set_threads(setup["threads"])
    device = torch.device(setup["device"])
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("the device is cuda, but torch finds no GPU here; use cpu")
    batch = counting.inputs(setup, setup["batch"], device)
    labels = counting.label_space(setup["labels"])
    encoder = encoders.build(setup["encoder"], None, "all")

    def turn(system: str, settings: dict[str, Any]) -> Turn:
        model = counting.build(system, settings, labels, encoder)
        return Turn(model, batch, device, setup)

    counted = {line["method"]: line for line in counting.count(setup, networks)}
    alone = turn("baseline", {"pooling": "average"})
    peaks = {setup["encoder"]: alone.peak()}
    times = {}
    for system, settings in networks.items():
        tell(system)
        here = turn(system, settings)
        peaks[system] = here.peak()
        times[system] = {
            kind: pairs(getattr(alone, kind), getattr(here, kind), setup["repeats"], device)
            for kind in ("forward", "step")
        }
        del here
        gc.collect()
    times[setup["encoder"]] = {
        kind: [(one, one) for found in times.values() for one, _ in found[kind]]
        for kind in ("forward", "step")
    }
    return [
        counted[name] | summary(times[name], setup["batch"]) | {"peak_mb": peaks[name] / 1e6}
        for name in [setup["encoder"], *networks]
    ]


def summary(times: dict[str, list], batch: int) -> dict[str, float]:
    middle = statistics.median
    ratios = {
        f"{kind}_ratio": middle(other / one for one, other in found)
        for kind, found in times.items()
    }
    speeds = {kind: batch / middle(other for _, other in found) for kind, found in times.items()}
    return {
        **ratios,
        "images_per_second": speeds["forward"],
        "step_images_per_second": speeds["step"],
    }


def markdown(setup: dict[str, Any], hardware: dict[str, Any], found: list[dict]) -> str:
    names = ["", *(title for title, _ in COSTS.values())]
    rows = [names, ["---", *["---:"] * len(COSTS)]]
    for line in found:
        values = [f"{line[key]:.{digits}f}" for key, (_, digits) in COSTS.items()]
        rows.append([line["method"], *values])
    body = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    where = hardware.get("gpu") if setup["device"] == "cuda" else hardware.get("processor")
    about = (
        f"{setup['encoder']}, {setup['size']} pixels, {setup['labels']} labels, batches of"
        f" {setup['batch']}, {setup['repeats']} turns, {setup['precision']},"
        f" {'channels last' if setup['channels_last'] else 'channels first'}; {setup['device']}"
        f" ({where}), {setup['threads']} thread(s). FLOPs are multiply-adds of one image."
    )
    return f"# What each method costs beside its encoder\n\n{body}\n\n{about}\n"
