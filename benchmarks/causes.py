"""Why a system is behind the linear layer: it is trained again with one part of it changed.

    python benchmarks/causes.py laptop benchmarks/causes.csv --systems hcp,rnn_attention \
        --held-out 0.3
    python benchmarks/causes.py mini benchmarks/causes.csv --systems csra --data ../second

Data, settings and the number that is reported are those of `tune.py`, whose inputs must be there. A
change is other settings, another variant, or a part of the network that is replaced. What the file
has already is not trained again.
"""

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path
from types import MethodType
from typing import Any, NamedTuple

import torch
import tune
from torch import Tensor, nn
from torch.nn.functional import conv2d, dropout, relu

from labelgraph import numerics
from labelgraph.parts import sequences
from labelgraph.parts.losses import soft_margin
from labelgraph.parts.positions import grid, mapped, narrowed
from labelgraph.study.settings import RunSettings

COLUMNS = ("study", "system", "change", "dataset", "seed", "map", "cpu_seconds")
WHOLE = (1.0, 1.0, 0.0, 0.0)  # RNN-Attention's region that is the whole map
Batch = dict[str, Tensor]


class Change(NamedTuple):
    """Of the settings in each block (`train`, `model`, `encoder`), and of the network."""

    settings: dict[str, dict[str, Any]] | None = None
    patch: Callable[[nn.Module], None] | None = None
    variant: str = ""


def replaced(name: str, function: Callable) -> Callable[[nn.Module], None]:
    """A method of the network is another function."""
    return lambda model: setattr(model, name, MethodType(function, model))


def plain_loss(model: nn.Module, batch: Batch) -> Tensor:
    return soft_margin(model(batch), batch["target"], batch["known"])


def with_plain_loss(forward: Callable) -> Callable[[nn.Module], None]:
    """Scores by `forward`, which learn by cross-entropy of each label."""

    def patch(model: nn.Module) -> None:
        replaced("forward", forward)(model)
        replaced("loss", plain_loss)(model)

    return patch


def whole_image(model: nn.Module, features: Tensor, boxes: Tensor) -> Tensor:
    return model.of_image(features)


def hypotheses(model: nn.Module, batch: Batch) -> Tensor:
    return model.of_hypotheses(model.encoder(batch["image"]), batch["boxes"])


def looked(model: nn.Module, batch: Batch) -> Tensor:
    """The scores of Atten-Reinforce, without the softmax over labels."""
    return model.look(model.encoder(batch["image"]))[0]


def strongest_region(model: nn.Module, batch: Batch) -> Tensor:
    """The scores of RNN-Attention, without the softmax over labels."""
    return model.look(model.encoder(batch["image"]))[0].amax(1)


def at_rest(model: nn.Module) -> None:
    """All regions of RNN-Attention are the whole map."""
    model.place.requires_grad_(False)
    model.penalties = {**model.penalties, "all": 0.0}


def each_whole(model: nn.Module, features: Tensor, place: Tensor) -> Tensor:
    """Atten-Reinforce sees the whole image in every window."""
    whole = features.new_tensor([[0.0, 0.0, 1.0, 1.0]])
    return model.read(features, whole)


def first_step_cnn_rnn(model: nn.Module, batch: Batch) -> Tensor:
    image = model.pooled(batch)
    start = torch.full((len(image),), len(model.rank) + 1)
    output, _ = model.cell(model.words(start), image.new_zeros(len(image), model.hidden))
    return sequences.odds(model.scores(image, output[:, None]))[:, 0, :-1]


def first_step_pla(model: nn.Module, batch: Batch) -> Tensor:
    return sequences.odds(model.decode(batch["image"])[0])[:, 0, :-1]


def every_step_pla(model: nn.Module, batch: Batch) -> Tensor:
    return sequences.odds(model.decode(batch["image"])[0])[..., :-1].amax(1)


def raw_pla(model: nn.Module, batch: Batch) -> Tensor:
    """The highest score of each label before the softmax."""
    scores, symbols = model.decode(batch["image"])
    used = sequences.until_end(symbols, len(model.rank))
    return scores[..., :-1].masked_fill(~used[..., None], -sequences.INFINITE).amax(1)


def free_lengths(model: nn.Module, image: Tensor) -> Tensor:
    """CSRA with classifiers of any length."""
    features = grid(model.encoder(image), pooled=False)
    maps = conv2d(features, model.classifiers.weight[:, :, None, None]).flatten(2)
    return maps.unflatten(1, (len(model.temperatures), -1))


def even_shares(model: nn.Module, features: Tensor) -> Tensor:
    """CMA without attention."""
    count = features.shape[2] * features.shape[3]
    return features.new_full((len(features), count, len(model.rate)), 1 / count)


def spatial_alone(model: nn.Module, batch: Batch) -> Tensor:
    """SST without its tokens of labels."""
    features = model.encoder(batch["image"])
    found = narrowed(features, False, model.reduction) + model.places.flatten(1).T
    for layer in model.spatial:
        found = layer(found)
    return model.classifier(found.mean(1))


def without_layers(model: nn.Module) -> None:
    """SST's positions do not read each other."""
    model.spatial = nn.ModuleList()


def classifier_alone(model: nn.Module, batch: Batch) -> Tensor:
    """KSSNet without its graph: dropout and a linear layer."""
    pooled = model.encoder(batch["image"]).mean((2, 3))
    return model.classifier(dropout(pooled, model.dropped, model.training))


def own_layers(model: nn.Module) -> None:
    """Each label of ML-ZSL has a score layer of its own, on the image's hidden numbers."""
    count, hidden = len(model.vectors), model.image.out_features
    model.own = nn.Linear(hidden, count)

    def forward(model: nn.Module, batch: Batch) -> Tensor:
        pooled = model.encoder(batch["image"]).mean((2, 3))
        return model.own(relu(model.image(pooled)))

    with_plain_loss(forward)(model)


def product(model: nn.Module, image: Tensor) -> Tensor:
    """ML-ZSL's first beliefs from the product of image and words instead of their sum."""
    pooled = model.encoder(image).mean((2, 3))
    both = model.image(pooled)[:, None] * model.words(model.vectors)
    return torch.tanh(model.belief(both))


def mean_feature(model: nn.Module, batch: Batch) -> Tensor:
    """TSGCN's classifiers by words and graph, on the mean over positions."""
    pooled = model.encoder(batch["image"]).mean((2, 3))
    return pooled @ model.semantic(model.graph, model.vectors).T


def free_classifiers(model: nn.Module) -> None:
    """TSGCN with a classifier for each label that is not made from words, on its maps' features."""
    count, width = len(model.vectors), model.encoder.width
    model.own = nn.Linear(width, count)

    def forward(model: nn.Module, batch: Batch) -> Tensor:
        features = grid(model.encoder(batch["image"]), pooled=False)
        maps = mapped(features, model.maps)[0]  # (B, P, C)
        seen = maps.softmax(1).mT @ features.flatten(2).mT  # (B, C, F)
        return (seen * model.own.weight).sum(-1) + model.own.bias

    replaced("forward", forward)(model)


def part_of_tdrg(part: str) -> Callable[[nn.Module], None]:
    def forward(model: nn.Module, batch: Batch) -> Tensor:
        return getattr(model.scores(batch["image"]), part)

    return with_plain_loss(forward)


AS_IT_IS = {"as it is": Change()}
CHANGES: dict[str, dict[str, Change]] = {
    "hcp": {
        "cross-entropy": Change(patch=with_plain_loss(hypotheses)),
        "whole image": Change(patch=replaced("of_hypotheses", whole_image)),
        "whole image, cross-entropy": Change(
            patch=lambda model: (
                replaced("of_hypotheses", whole_image)(model),
                with_plain_loss(hypotheses)(model),
            )
        ),
    },
    "atten_reinforce": {
        "fixed places": Change(variant="fixed"),
        "cross-entropy": Change(patch=with_plain_loss(looked)),
        "fixed places, cross-entropy": Change(variant="fixed", patch=with_plain_loss(looked)),
        "whole image": Change(variant="fixed", patch=replaced("seen", each_whole)),
    },
    "rnn_attention": {
        "cross-entropy": Change(patch=with_plain_loss(strongest_region)),
        "whole image": Change(patch=at_rest),
        "one region": Change({"model": {"regions": 1}}),
        "wider": Change({"model": {"vector": 256, "state": 256, "hidden": 256}}),
    },
    "cnn_rnn": {
        "first step": Change(patch=replaced("forward", first_step_cnn_rnn)),
        "greedy": Change(variant="greedy"),
        "wider": Change({"model": {"words": 64, "hidden": 256}}),
        "no dropout": Change({"model": {"dropout": 0.0}}),
    },
    "pla": {
        "first step": Change(patch=replaced("forward", first_step_pla)),
        "every step": Change(patch=replaced("forward", every_step_pla)),
        "before the softmax": Change(patch=replaced("forward", raw_pla)),
        "teacher": Change(variant="teacher"),
        "no dropout": Change({"model": {"dropout": 0.0}}),
    },
    "csra": {
        "λ = 0": Change(variant="plain"),
        "free lengths": Change(patch=replaced("responses", free_lengths)),
        "λ = 0, free lengths": Change(variant="plain", patch=replaced("responses", free_lengths)),
    },
    "cma": {"no attention": Change(patch=replaced("shares", even_shares))},
    "sst": {
        "positions as tokens": Change(variant="positions"),
        "maps first": Change(variant="parallel"),
        "no tokens of labels": Change(patch=replaced("forward", spatial_alone)),
        "no attention of positions": Change(patch=without_layers),
        "wider": Change({"model": {"width": 256, "head_width": 64, "feedforward": 256}}),
    },
    "kssnet": {
        "no lateral connection": Change(variant="no_lateral"),
        "no knowledge": Change(variant="cooccurrence"),
        "no dropout": Change({"model": {"dropout": 0.0}}),
        "no graph": Change(patch=replaced("forward", classifier_alone)),
    },
    "ml_zsl": {
        "no graph": Change(variant="no_graph"),
        "32 numbers of a belief": Change({"model": {"size": 32, "score_hidden": 64}}),
        "no graph, 32 numbers": Change(
            {"model": {"size": 32, "score_hidden": 64}}, variant="no_graph"
        ),
        "a score layer for each label": Change(patch=own_layers),
        "product of image and words": Change(patch=replaced("first", product)),
    },
    "tsgcn": {
        "no spatial graph": Change(variant="semantic"),
        "mean feature": Change(patch=replaced("forward", mean_feature)),
        "free classifiers": Change(patch=free_classifiers),
    },
    "mlic_kd_wsd": {
        "untaught": Change(variant="untaught"),
        "teacher": Change(variant="teacher"),
    },
    "srn": {"no relations": Change(variant="attention")},
    "tdrg": {
        "structure": Change(patch=part_of_tdrg("structure")),
        "semantics": Change(patch=part_of_tdrg("semantic")),
        "maps": Change(patch=part_of_tdrg("maps")),
    },
    "asl": {"cross-entropy": Change({"model": {"minus": 0.0, "margin": 0.0}})},
    "ml_decoder": {"cross-entropy": Change({"model": {"minus": 0.0, "margin": 0.0}})},
    "query2label": {"cross-entropy": Change({"model": {"minus": 0.0, "margin": 0.0}})},
}


def trained(given: argparse.Namespace, system: str, change: Change, seed: int) -> float:
    named = f"{system}@{change.variant}" if change.variant else system
    run = tune.settings_of(given.study, "full", given.dataset, named, seed)
    plain = run.model_copy(update={"seed": 0, "method": "", "variant": "", "model": {}})
    seen = tune.data(given.data, "full", given.held_out, plain.json_text())
    lines = run.lines()
    for block, values in (change.settings or {}).items():
        lines[block] |= values
    lines["train"]["checkpoint_seconds"] = 10**6
    return tune.judged(RunSettings.model_validate(lines), seen, change.patch)


def there(path: Path) -> set[tuple[str, ...]]:
    if not path.exists():
        return set()
    with path.open(newline="", encoding="utf-8") as stream:
        return {tuple(row[name] for name in COLUMNS[:5]) for row in csv.DictReader(stream)}


def write(path: Path, row: tuple) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        if new:
            table.writerow(COLUMNS)
        table.writerow(row)
    print(*row, flush=True)


def main(given: argparse.Namespace) -> None:
    done = there(given.file)
    for system in given.systems:
        for name, change in (AS_IT_IS | CHANGES[system]).items():
            for seed in range(given.seeds):
                key = given.study, system, name, given.dataset, str(seed)
                if key in done:
                    continue
                started = time.process_time()
                found = trained(given, system, change, seed)
                seconds = round(time.process_time() - started, 1)
                write(given.file, (*key, round(found, 2), seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("study")
    parser.add_argument("file", type=Path)
    parser.add_argument("--systems", type=lambda text: text.split(","), required=True)
    parser.add_argument("--dataset", default="voc2007")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--held-out", type=float, default=0.0)
    parser.add_argument("--data", type=Path, default=Path())
    torch.set_num_threads(1)
    numerics.set_seed(0)
    main(parser.parse_args())
