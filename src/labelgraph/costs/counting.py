"""Counts the parameters and multiply-adds of a method; timing.py measures time and memory.

Weights are random and images are noise, since costs do not depend on their values, except that the
boxes of ML-SGM's instances are found faster on some maps than on others.

FLOPs are multiply-adds of matrix products and convolutions, as the papers count them (ResNet-101
at 448 pixels: 31.2e9), for one image. Sums, pooling, normalisation and the factorisation of DSDL's
C x C matrix are not counted.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from labelgraph import models, numerics
from labelgraph.encoders import encoder as encoders
from labelgraph.parts.labelspace import LabelSpace

WORDS = 300  # size of a word vector, as GloVe has it
BOXES = 50  # of each image; methods that take regions use all of them
Batch = dict[str, Tensor]


def label_space(count: int) -> LabelSpace:
    """Made-up labels, from frequent to rare, some of which occur together."""
    draw = np.random.default_rng(0)
    shown = draw.random((2000, count)) < np.linspace(0.3, 0.01, count)
    counts = torch.from_numpy((shown.T.astype(float) @ shown).astype(np.float32))
    return LabelSpace(
        names=tuple(f"label {k}" for k in range(count)),
        counts=counts,
        images=2000,
        positive_rate=counts.diagonal() / 2000,
        vectors=torch.from_numpy(draw.standard_normal((count, WORDS), dtype=np.float32)),
        edges=counts.clone().fill_diagonal_(0),
    )


def inputs(setup: dict[str, Any], images: int, device: torch.device) -> Batch:
    """A batch of noise with every input that a method may need."""
    draw = numerics.generator(0)
    corners = torch.rand(images, BOXES, 2, generator=draw) * 0.8
    made = {
        "image": torch.randint(
            0, 256, (images, 3, setup["size"], setup["size"]), dtype=torch.uint8, generator=draw
        ),
        "boxes": torch.cat([corners, corners + 0.2], -1),
        "target": (torch.rand(images, setup["labels"], generator=draw) < 0.04).float(),
        "known": torch.ones(images, setup["labels"], dtype=torch.bool),
        "place": torch.arange(images),
    }
    return {name: value.to(device) for name, value in made.items()}


def build(system: str, settings: dict[str, Any], labels: LabelSpace, encoder: nn.Module):
    numerics.set_seed(0)
    return models.build(system.partition("@")[0], labels, encoder, **settings)


def parameters(modules: Iterable[nn.Module]) -> int:
    return sum(weight.numel() for module in modules for weight in module.parameters())


class Products:
    """Counts multiply-adds inside a `with` block; `within` also counts those of one function."""

    def __init__(self) -> None:
        self.counter = FlopCounterMode(display=False)
        self.inside: dict[str, int] = {}

    def __enter__(self) -> "Products":
        self.plain = sdpa_kernel(SDPBackend.MATH)  # an attention whose products can be counted
        self.plain.__enter__()
        self.counter.__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        self.counter.__exit__(*reason)
        self.plain.__exit__(*reason)

    def total(self) -> int:
        return self.counter.get_total_flops() // 2  # a product and a sum count as one operation

    def within(self, name: str, owner: nn.Module, method: str) -> None:
        original = getattr(owner, method)

        def watched(*args: Any, **kwargs: Any) -> Any:
            before = self.total()
            result = original(*args, **kwargs)
            self.inside[name] = self.inside.get(name, 0) + self.total() - before
            return result

        setattr(owner, method, watched)


def products(model: nn.Module, batch: Batch) -> int:
    with Products() as counted, torch.no_grad():
        model.eval()(batch)
    return counted.total()


def entry(method: str, weights: int, macs: int) -> dict[str, Any]:
    return {"method": method, "params_m": weights / 1e6, "gflops": macs / 1e9}


def count(setup: dict[str, Any], networks: dict[str, dict]) -> list[dict[str, Any]]:
    """Costs of the encoder, of each network with it, and of ML-SGM up to each of its modules."""
    labels, batch = label_space(setup["labels"]), inputs(setup, 1, torch.device("cpu"))
    with torch.device("meta"):  # shapes only: nothing is computed
        encoder = encoders.build(setup["encoder"], None, "all").eval()
    with Products() as counted, torch.no_grad():
        features = encoder(batch["image"].to("meta"))
    own, macs = parameters([encoder]), counted.total()
    found = [entry(setup["encoder"], own, macs)]
    batch = batch | {"image": torch.rand(features.shape)}  # not negative, as after a ReLU
    for system, settings in networks.items():
        model = build(system, settings, labels, encoders.Cached(encoder.width))
        found.append(entry(system, own + parameters([model]), macs + products(model, batch)))
        if system == "ml_sgm":
            steps = modules(model, batch)
            found += [entry(name, own + more, macs + work) for name, more, work in steps]
    return found


def modules(model: nn.Module, batch: Batch) -> list[tuple[str, int, int]]:
    """ML-SGM's modules in the order of its Table VIII: parameters and multiply-adds up to each."""
    network = model.network
    parts = {
        "CSAC": (model.find, model.reduce),
        "Encoder": network.encode.values(),
        "GCL": network.blocks,
        "Decoder": (network.decode,),
    }
    with Products() as counted, torch.no_grad():
        for encode in network.encode.values():
            counted.within("Encoder", encode, "forward")
        counted.within("Decoder", network, "decoded")
        counted.within("ILMS", network, "forward")
        model.eval()(batch)
    inside = counted.inside
    inside["GCL"] = inside["ILMS"] - inside["Encoder"] - inside["Decoder"]
    inside["CSAC"] = counted.total() - inside["ILMS"]
    found, weights, macs = [], 0, 0
    for name, members in parts.items():
        weights, macs = weights + parameters(members), macs + inside[name]
        found.append((f"ml_sgm/{name}", weights, macs))
    return found
