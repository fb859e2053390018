"""What somebody must know who is handed a model: what it is, how good, for what not. Markdown."""

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open

from labelgraph.files.escaping import markdown, prose
from labelgraph.files.small import read_json
from labelgraph.own.reading import Trained
from labelgraph.predict import calibration, runfiles

FEW = 10  # positives below which a label is named as weak
SCORED = {"images", "settings", "map", "all", "ap"}  # what is used of scores.json
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
    trained: Trained, methods: dict[str, Any], titles: dict[str, str], file: str | None
) -> str:
    """`methods` is methods.yaml, `titles` what tables call some systems otherwise; `file` is the
    ONNX file that the card goes with, if any.
    """
    settings = trained.settings
    method = methods.get(settings["method"], {"title": settings["method"], "paper": "unknown"})
    system = "@".join(filter(None, (settings["method"], settings["variant"])))
    title = titles.get(system, "").capitalize() or method["title"]
    scores, assessed = (trained.folder / name for name in ("scores.json", "assessment.json"))
    found = judged(scores, SCORED, "score") if scores.exists() else None
    sure = judged(assessed, ASSESSED, "assess") if assessed.exists() else None
    use = ""
    if file and trained.detector is None and settings["encoder"]["test_view"] == "plain":
        use = USE.format(file=file, side=settings["encoder"]["test_size"])
    parts = [
        f"# {markdown(title)} for {markdown(settings['dataset'])}",
        f"A picture in, a probability for each of {len(trained.names)} labels out.",
        facts(trained, method),
        quality(found, sure, assessed),
        labels(trained, found),
        limits(trained, method),
        *([use.strip()] if use else []),
        LICENCE,
    ]
    return "\n\n".join(parts) + "\n"


def facts(trained: Trained, method: dict[str, Any]) -> str:
    settings, about = trained.settings, stored(trained)
    encoder, view = settings["encoder"], settings["encoder"]["test_view"]
    variant = f", variant {markdown(settings['variant'])}" if settings["variant"] else ""
    part = "the whole picture" if view == "plain" else "the middle of the picture"
    commit = runfiles.account(trained.folder).get("git", {}).get("commit")
    regions = "; regions of a detector" if trained.detector is not None else ""
    lines = {
        "method": f"{markdown(method['title'])}{variant}"
        + (f": {markdown(method['paper'])}" if method.get("paper") else ""),
        "run": markdown(str(trained.folder)),
        "learnt from": f"{about['images']} images of {markdown(settings['dataset'])}, task"
        f" {markdown(settings['task'])}",
        "calibration": markdown(
            calibration.describe(trained.calibration, trained.folder / "calibration.json")
        ),
        "encoder": f"{encoder['name']}, {LEARNS[encoder['learns']]}",
        "input": f"RGB, {part} squashed to {encoder['test_size']} x {encoder['test_size']}"
        f" pixels{regions}",
        "commit": markdown(str(commit or "unknown")),
    }
    return "\n".join(["| | |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in lines.items())])


def judged(path: Path, keys: set[str], step: str) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict) or not found.keys() >= keys:
        raise ValueError(f"{path} is not what `{step}` writes; make it again: snakemake {path}")
    lacking = {key for key in keys & BLOCKS if not isinstance(found[key], dict)}
    if lacking or not all(sound(found[key], key) for key in keys):
        raise ValueError(
            f"{path} holds values that `{step}` never writes; make it again: snakemake {path}"
        )
    return found


def sound(value: Any, key: str) -> bool:
    """Whether what the card shows of a field are numbers, and shares from 0 to 1."""
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
    """`sure` knows the rule by which `predict` names labels; scores.json another one only."""
    lines = ["## How good it is", ""]
    if found is None:
        return "\n".join([*lines, f"Not judged yet; `snakemake {path}` does."])
    whole = found["map"]["non_interpolated"]
    if sure is None:
        about = (
            f"P, R and F1 if labels are named from a probability of"
            f" {found['settings']['threshold']} before calibration on; `snakemake {path}` finds"
            " them for the thresholds below."
        )
        values = [percent(whole), *(percent(found["all"][name]) for name in METRICS)]
    else:
        about = (
            "P, R and F1 if each label is named from its threshold below on, as `labelgraph"
            f" predict` names them. In brackets, where {sure['level']} % of the values lie if the"
            " images are drawn again by chance."
        )
        pairs = [[whole, *sure["intervals"].get("mAP", [])]]
        values = [spread(each) for each in [*pairs, *(sure["rule"].get(name) for name in METRICS)]]
    lines += [
        f"On {found['images']} reported images, in percent. {about}",
        "",
        "| mAP | " + " | ".join(METRICS) + " |",
        "| ---: " * (len(METRICS) + 1) + "|",
    ]
    return "\n".join([*lines, "| " + " | ".join(values) + " |"])


def labels(trained: Trained, found: dict[str, Any] | None) -> str:
    """A line each: how many images it was learnt from, how well it ranks, from where it counts."""
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


def limits(trained: Trained, method: dict[str, Any]) -> str:
    counts = dict(zip(trained.names, stored(trained)["positives"], strict=True))
    weak = [name for name, count in counts.items() if count < FEW]
    lines = [
        "It knows these labels and no others, and pictures like those it has learnt from; of others"
        " it may be wrong and sure.",
        "Labels that occur together there raise each other's scores, whether or not they do in your"
        " pictures.",
    ]
    if weak:
        names = ", ".join(map(markdown, weak))
        lines.append(f"Fewer than {FEW} images showed {names}: expect little of them.")
    if trained.calibration.selection == "report":
        lines.append("It was chosen and calibrated on the reported images: what is said above is")
        lines[-1] += " too good."
    lines += map(prose, method.get("departures", []))
    return "\n".join(["## Limits", "", *(f"- {line}" for line in lines)])


def stored(trained: Trained) -> dict[str, Any]:
    """What the model's file says of its labels: fit images, and how many show each."""
    with safe_open(trained.folder / "model.safetensors", framework="np") as file:
        images = json.loads(file.metadata()["labels"])["images"]
        counts = file.get_tensor("labels.counts").diagonal()
    return {"images": images, "positives": counts.astype(int).tolist()}


def spread(values: list[float] | None) -> str:
    """A value and both ends, where there are some."""
    first, *ends = map(percent, values or [None])
    return f"{first} [{', '.join(ends)}]" if ends else first


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


LICENCE = """## Licence

The code is Apache-2.0. The encoder's first weights and the pictures that were learnt from may have
terms of their own; the weights of EfficientNet-Lite0 are Apache-2.0, too."""
