"""A run's folder: the files of a training, which suffice to use the model."""

import json
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn

from labelgraph import models, numerics
from labelgraph.encoders import encoder as encoders
from labelgraph.files.small import whole, write_text
from labelgraph.files.tensors import fill, read_safetensors
from labelgraph.parts.labelspace import LabelSpace
from labelgraph.study.settings import Encoder, RunSettings
from labelgraph.train.checkpoint import pack, unpack

LABEL_FIELDS = ("counts", "positive_rate", "vectors", "edges")


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def make(settings: RunSettings, labels: LabelSpace, width: int | None) -> nn.Module:
    """The untrained model of a run. `width`: of what is cached; null where images are read."""
    numerics.set_seed(settings.seed)
    encoder = make_encoder(settings.encoder, width)
    model = models.build(settings.method, labels, encoder, **settings.model).to(device())
    layout = torch.channels_last if settings.train.channels_last else torch.contiguous_format
    return model.to(memory_format=layout)


def make_encoder(chosen: Encoder, width: int | None) -> nn.Module:
    last = chosen.last_stages
    if width is not None and not last:
        return encoders.Cached(width, chosen.spread)
    learns = chosen.learns if isinstance(chosen.learns, str) else last
    encoder = encoders.build(chosen.name, chosen.weights, learns)
    if width is not None:
        encoder = encoders.after(encoder, last, chosen.spread)
    encoder.rests = bool(last) and chosen.learns.normalisation == "rests"
    return encoder


def save_model(path: Path, weights: dict[str, Tensor], labels: LabelSpace) -> None:
    """The learnt tensors, and the label space they were learnt with."""
    known = {field: getattr(labels, field) for field in LABEL_FIELDS}
    known = {field: value for field, value in known.items() if value is not None}
    tensors = {**pack("model", weights), **pack("labels", known)}
    # A single entry, because the order of several would differ from file to file.
    about = {"labels": json.dumps({"names": labels.names, "images": labels.images})}
    with whole(path) as draft:
        save_file({name: value.cpu().contiguous() for name, value in tensors.items()}, draft, about)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The learnt tensors of a run."""
    return unpack("model", read_safetensors(path)[0])


def read_model(path: Path, settings: RunSettings, width: int | None) -> nn.Module:
    """The trained model; an encoder that did not learn comes from its own weights."""
    tensors, about = read_safetensors(path)
    labels = read_labels(path, unpack("labels", tensors), about)
    model = make(settings, labels, width)
    result = fill(model, unpack("model", tensors), path, strict=False)
    lost = [name for name in result.missing_keys if width or not name.startswith("encoder.")]
    if lost or result.unexpected_keys:
        raise ValueError(f"{path} does not fit its settings: {lost} {result.unexpected_keys}")
    model.names = labels.names
    return model


def read_labels(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> LabelSpace:
    """The label space in a model's file."""
    try:
        about = json.loads(metadata["labels"])
        labels = LabelSpace(names=tuple(about["names"]), images=about["images"], **tensors)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ValueError(f"{path} does not list the labels that it was trained for") from None
    count = len(labels.names)
    shapes = [labels.counts.shape, labels.positive_rate.shape, labels.vectors.shape[:1]]
    wanted = [(count, count), (count,), (count,)]
    if labels.edges is not None:
        shapes, wanted = [*shapes, labels.edges.shape], [*wanted, (count, count)]
    text = all(isinstance(name, str) for name in labels.names)
    if not text or type(labels.images) is not int or shapes != wanted:
        raise ValueError(
            f"{path} names {count} labels, whose counts, rates and vectors are {shapes}; expected"
            " the same number of each"
        )
    return labels


def write_settings(path: Path, settings: RunSettings) -> None:
    write_text(path, yaml.safe_dump(settings.lines(), sort_keys=False, width=100))
