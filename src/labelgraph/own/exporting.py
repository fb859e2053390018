"""A run as one ONNX file: pixels in, scores and probabilities out, the encoder included.

    image          (B, 3, S, S) float32: RGB from 0 to 255, the picture squashed to S x S pixels
    boxes          (B, R, 4) float32, for methods that take regions: left, top, right, bottom in
                   shares of the picture, the surest first, zeros where there are fewer
    scores         (B, C) float32 logits
    probabilities  (B, C) float32, calibrated

B is free. The file's metadata name the labels and their thresholds.
"""

import json
import logging
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from labelgraph import numerics
from labelgraph.files.small import whole
from labelgraph.own.reading import Trained

OPSET = 18
PICTURES = 2  # of the example that the graph is traced with
CLOSE = 1e-4  # what scores may differ by, beside the size of the largest
NEEDS = "onnx, onnxruntime and onnxscript are missing; `uv run --extra onnx ...` brings them"


class NoOperatorError(ValueError):
    """The method computes something that ONNX has no words for."""


class Whole(nn.Module):
    """Encoder, model and calibration as one network."""

    def __init__(self, trained: Trained):
        super().__init__()
        self.encoder, self.model = trained.encoder or nn.Identity(), trained.model
        self.temperature = trained.calibration.temperature

    def forward(self, image: Tensor, boxes: Tensor | None = None) -> tuple[Tensor, Tensor]:
        batch = {"image": self.encoder(image)}
        scores = self.model(batch if boxes is None else batch | {"boxes": boxes})
        return scores, torch.sigmoid(scores / self.temperature)


def export(trained: Trained, path: Path) -> float:
    """Writes the file and runs it; gives the largest difference of a score from this network's."""
    try:
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        raise ValueError(NEEDS) from None
    network, inputs = Whole(trained).eval().cpu(), example(trained, PICTURES)
    program = to_onnx(network, inputs, trained.settings["method"])
    for name, text in metadata(trained).items():
        program.model.metadata_props[name] = text
    with whole(path) as draft:
        program.save(draft)
        session = onnxruntime.InferenceSession(draft, providers=["CPUExecutionProvider"])
        difference = max(compare(network, session, example(trained, count)) for count in (1, 3))
        if difference > CLOSE:
            raise ValueError(
                f"the ONNX file's scores differ from the run's by {difference:.1e}, more than"
                f" {CLOSE:.0e}; nothing was written"
            )
    return difference


def example(trained: Trained, count: int) -> dict[str, Tensor]:
    draw = numerics.generator(count)
    side = trained.settings["encoder"]["test_size"]
    inputs = {"image": torch.randint(0, 256, (count, 3, side, side), generator=draw).float()}
    if trained.detector is not None:
        low, high = torch.rand(2, count, trained.propose["count"], 2, generator=draw).sort(0)[0]
        inputs["boxes"] = torch.cat([low, high], -1)
    return inputs


def stable_sort(values, stable=True, dim=-1, descending=False):
    """ONNX's TopK puts the lower place first where values are equal, as a stable sort does."""
    from onnxscript import opset18 as op

    count = op.Gather(op.Shape(values), op.Constant(value_ints=[dim]))
    return op.TopK(values, count, axis=dim, largest=int(descending), sorted=1)


def to_onnx(network: nn.Module, inputs: dict[str, Tensor], method: str) -> Any:
    free = {name: {0: torch.export.Dim.DYNAMIC} for name in inputs}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages, about each other; likewise what they log
        logging.disable(logging.WARNING)
        try:
            return torch.onnx.export(
                network,
                kwargs=inputs,
                dynamo=True,
                dynamic_shapes=free,
                input_names=list(inputs),
                output_names=["scores", "probabilities"],
                opset_version=OPSET,
                verbose=False,
                custom_translation_table={torch.ops.aten.sort.stable: stable_sort},
            )
        except torch.onnx.OnnxExporterError as error:
            raise NoOperatorError(f"{method} cannot be written as ONNX: {reason(error)}") from None
        finally:
            logging.disable(logging.NOTSET)


def reason(error: BaseException) -> str:
    """The operator that stands in the way."""
    text, cause = "", error
    while cause is not None:
        text, cause = f"{text} {cause}", cause.__cause__
    found = re.findall(r"aten\.(\w+)", text)
    if "DataDependent" in text:
        return "what it computes next depends on the picture, which a fixed graph cannot express"
    return f"ONNX has no operator for its {found[-1]}" if found else text.strip().splitlines()[0]


def compare(network: nn.Module, session: Any, inputs: dict[str, Tensor]) -> float:
    """Relative to the largest score, where that is above 1."""
    with torch.inference_mode():
        wanted = network(**inputs)[0].numpy()
    found = session.run(["scores"], {name: value.numpy() for name, value in inputs.items()})[0]
    return float(abs(found - wanted).max() / max(1.0, np.abs(wanted).max()))


def metadata(trained: Trained) -> dict[str, str]:
    return {
        "labels": json.dumps(trained.names, ensure_ascii=False),
        "thresholds": json.dumps(trained.calibration.thresholds),
        "method": trained.settings["method"],
    }
