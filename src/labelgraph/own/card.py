"""The model card, in Markdown: what a model is, how good it is, and what not to use it for."""

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open

from labelgraph.files.escaping import markdown, prose
from labelgraph.files.small import read_json
from labelgraph.jobs.provenance import circumstances
from labelgraph.own.reading import Trained
from labelgraph.predict import calibration, runfiles
from labelgraph.study import encoder_titles
from labelgraph.study.settings import Encoder
from labelgraph.tables.titles import fill

FEW = 10  # a label with fewer positives is listed as weak
SCORED = {"images", "settings", "map", "all", "ap"}  # fields of scores.json that are used
ASSESSED = {"images", "level", "rule", "intervals"}  # and of assessment.json
BLOCKS = {"settings", "map", "all", "ap", "rule", "intervals"}
METRICS = ("CP", "CR", "CF1", "OP", "OR", "OF1")
LEARNS = {"nothing": "frozen", "last_stage": "last stage fine-tuned", "all": "fine-tuned"}
USE = """
## Use

```python
import json

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession({file!r})
about = session.get_modelmeta().custom_metadata_map
labels, thresholds = json.loads(about["labels"]), json.loads(about["thresholds"])
picture = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
small = picture.resize(({side}, {side}), Image.Resampling.BILINEAR)
image = np.asarray(small, np.float32).transpose(2, 0, 1)[None]
(probabilities,) = session.run(["probabilities"], {{"image": image}})
for label, probability, threshold in zip(labels, probabilities[0], thresholds):
    if probability >= threshold:
        print(label, round(float(probability), 2))
```
"""


def write(
    trained: Trained,
    methods: dict[str, Any],
    titles: dict[str, str],
    departures: list[str],
    file: str | None,
) -> str:
    """`methods`: methods.yaml. `titles`: systems that tables call by another name. `departures`:
    where the method departs from its paper. `file`: the ONNX file that the card describes, if any.
    """
    settings = trained.settings
    method = methods.get(settings.method, {"title": settings.method, "paper": "unknown"})
    named = method.get("variants", {}).get(settings.variant, {}).get("title", method["title"])
    title = fill(titles.get(settings.system, named), settings.encoder)
    scores, assessed = (trained.folder / name for name in ("scores.json", "assessment.json"))
    found = read_checked(scores, SCORED, "score") if scores.exists() else None
    sure = read_checked(assessed, ASSESSED, "assess") if assessed.exists() else None
    use = ""
    if file and trained.detector is None and settings.encoder.test_view == "plain":
        use = USE.format(file=file, side=settings.encoder.test_size)
    parts = [
        f"# {markdown(title)} for {markdown(settings.dataset)}",
        f"It takes a picture and gives a probability for each of {len(trained.names)} labels.",
        facts(trained, method),
        quality(found, sure, assessed),
        labels(trained, found),
        limits(trained, departures),
        *([use.strip()] if use else []),
        LICENCE,
    ]
    return "\n\n".join(parts) + "\n"


def facts(trained: Trained, method: dict[str, Any]) -> str:
    settings, about = trained.settings, stored(trained)
    encoder, view = settings.encoder, settings.encoder.test_view
    variant = f", variant {markdown(settings.variant)}" if settings.variant else ""
    part = "the whole picture" if view == "plain" else "the middle of the picture"
    commit = circumstances(trained.folder)["git"]["commit"]
    regions = "; regions of a detector" if trained.detector is not None else ""
    lines = {
        "method": f"{markdown(fill(method['title'], settings.encoder))}{variant}"
        + (f": {markdown(method['paper'])}" if method.get("paper") else ""),
        "run": markdown(str(trained.folder)),
        "trained on": f"{about['images']} images of {markdown(settings.dataset)}, task"
        f" {markdown(settings.task)}",
        "calibration": markdown(
            calibration.describe(trained.calibration, trained.folder / "calibration.json")
        ),
        "encoder": f"{encoder.name}, {learned(encoder)}",
        "input": f"RGB, {part} squashed to {encoder.test_size} x {encoder.test_size}"
        f" pixels{regions}",
        "commit": markdown(str(commit or "unknown")),
    }
    return "\n".join(["| | |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in lines.items())])


def learned(encoder: Encoder) -> str:
    if last := encoder.last_stages:
        return f"{encoder_titles.last(last)} fine-tuned"
    return LEARNS["nothing" if encoder.rests else encoder.learns]


def read_checked(path: Path, keys: set[str], step: str) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict) or not found.keys() >= keys:
        raise ValueError(
            f"{path} is not what `{step}` writes; run `snakemake {path}` to make it again"
        )
    lacking = {key for key in keys & BLOCKS if not isinstance(found[key], dict)}
    if lacking or not all(sound(found[key], key) for key in keys):
        raise ValueError(
            f"{path} holds values that `{step}` never writes; run `snakemake {path}` to make it"
            " again"
        )
    return found


def sound(value: Any, key: str) -> bool:
    """Whether the values that the card shows are numbers, and shares are from 0 to 1."""
    if key in ("images", "level"):
        return runfiles.is_number(value) and value >= 0
    if key == "settings":
        return is_share(value.get("threshold"))
    if key == "map":
        return is_share(value.get("non_interpolated", []))
    if key == "ap":
        shown = value.get("non_interpolated")
        return isinstance(shown, dict) and all(map(is_share, shown.values()))
    if key == "all":
        return value.keys() >= {*METRICS} and all(is_share(value[name]) for name in METRICS)
    if key == "rule":
        return all(block is None or is_shares(block, 3) for block in value.values())
    return all(is_shares(ends, 2) for ends in value.values())


def is_shares(values: Any, count: int) -> bool:
    """An interval's two ends, or a value and its two ends."""
    return isinstance(values, list) and len(values) == count and all(map(is_share, values))


def is_share(value: Any) -> bool:
    return value is None or (runfiles.is_number(value) and 0 <= value <= 1)


def quality(found: dict[str, Any] | None, sure: dict[str, Any] | None, path: Path) -> str:
    """With an assessment, the rates are those of the thresholds that `predict` uses."""
    lines = ["## How good it is", ""]
    if found is None:
        return "\n".join([*lines, f"Not evaluated yet; run `snakemake {path}` to do so."])
    whole = found["map"]["non_interpolated"]
    if sure is None:
        about = (
            "P, R and F1 count a label as named from an uncalibrated probability of"
            f" {found['settings']['threshold']}; run `snakemake {path}` to get them for the"
            " thresholds below."
        )
        values = [percent(whole), *(percent(found["all"][name]) for name in METRICS)]
    else:
        about = (
            "P, R and F1 count a label as named from its threshold below, as `labelgraph predict`"
            f" does. Brackets hold the {sure['level']} % confidence interval over resampled images."
        )
        pairs = [[whole, *sure["intervals"].get("mAP", [])]]
        values = [spread(each) for each in [*pairs, *(sure["rule"].get(name) for name in METRICS)]]
    lines += [
        f"Measured on the {found['images']} reported images, in percent. {about}",
        "",
        "| mAP | " + " | ".join(METRICS) + " |",
        "| ---: " * (len(METRICS) + 1) + "|",
    ]
    return "\n".join([*lines, "| " + " | ".join(values) + " |"])


def labels(trained: Trained, found: dict[str, Any] | None) -> str:
    """A line for each label: its training images, its average precision, its threshold."""
    counts = stored(trained)["positives"]
    precisions = found["ap"]["non_interpolated"] if found else {}
    lines = ["## Labels", "", "| label | images | AP | threshold |", "| --- | ---: | ---: | ---: |"]
    for name, count, threshold in zip(
        trained.names, counts, trained.calibration.thresholds, strict=True
    ):
        lines.append(
            f"| {markdown(name)} | {count} | {percent(precisions.get(name))} | {threshold:.2f} |"
        )
    return "\n".join(lines)


def limits(trained: Trained, departures: list[str]) -> str:
    counts = dict(zip(trained.names, stored(trained)["positives"], strict=True))
    weak = [name for name, count in counts.items() if count < FEW]
    lines = [
        "It knows only these labels, and pictures like those it was trained on; on other pictures"
        " it can be wrong and still give high probabilities.",
        "Labels that often occur together in the training images raise each other's scores, whether"
        " or not they occur together in your pictures.",
    ]
    if weak:
        names = ", ".join(map(markdown, weak))
        lines.append(f"Fewer than {FEW} training images show {names}: expect poor results.")
    if trained.calibration.selection == "report":
        lines.append(
            "It was chosen and calibrated on the reported images, so the numbers above are"
        )
        lines[-1] += " too high."
    lines += map(prose, departures)
    return "\n".join(["## Limits", "", *(f"- {line}" for line in lines)])


def stored(trained: Trained) -> dict[str, Any]:
    """From the model's file: the number of fit images, and how many show each label."""
    with safe_open(trained.folder / "model.safetensors", framework="np") as file:
        images = json.loads(file.metadata()["labels"])["images"]
        counts = file.get_tensor("labels.counts").diagonal()
    return {"images": images, "positives": counts.astype(int).tolist()}


def spread(values: list[float] | None) -> str:
    """A value, and the two ends of its interval if it has one."""
    first, *ends = map(percent, values or [None])
    return f"{first} [{', '.join(ends)}]" if ends else first


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


LICENCE = """## Licence

The code is Apache-2.0, and so are the pretrained weights of EfficientNet-Lite0. Other pretrained
weights and the training pictures may have terms of their own."""
