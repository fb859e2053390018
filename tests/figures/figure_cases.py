"""Made data for every kind of figure: twelve small photographs, six labels, two systems."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from labelgraph.files.small import write_arrays
from labelgraph.score import metrics

LABELS = ("bird", "bottle", "chair", "diningtable", "dog", "person")
SYSTEMS = {"one": "System One", "two": "System Two"}
IMAGES = np.array([f"photographs/{place:03d}.jpg" for place in range(12)])
SCORING = {"threshold": 0.5, "top": 3, "difficult_ap": "ignored", "difficult_f1": "negative"}
RULE = {"rule": "first", "count": 4, "labels": 2}


def write(folder: Path) -> None:
    """All files, below `folder`; paths in the plans below are relative to it."""
    draw = np.random.default_rng(0)
    (folder / "photographs").mkdir()
    for place, name in enumerate(IMAGES):
        size = (30, 40, 3) if place % 3 else (40, 24, 3)
        Image.fromarray(draw.integers(0, 255, size, np.uint8)).save(folder / name)
    target = (draw.random((12, 6)) < 0.5).astype(np.int8)
    target[:, :2] |= target.sum(1, keepdims=True) < 2  # two labels at least
    named = {"images": IMAGES[::-1], "labels": np.array(LABELS)}
    write_arrays(folder / "targets.npz", **named, target=target[::-1], scored=np.ones(6, bool))
    for number, system in enumerate(SYSTEMS):
        scores = (draw.standard_normal((12, 6)) + number * target).astype(np.float32)
        write_arrays(folder / f"{system}.npz", **named, scores=scores[::-1])
        write_arrays(folder / f"inside_{system}.npz", **inside(draw))
    shown = target.astype(np.int64)
    write_arrays(folder / "counts.npz", names=np.array(LABELS), counts=shown.T @ shown)
    rows, columns = np.nonzero(target)
    write_arrays(
        folder / "manifest.npz",
        images=IMAGES,
        names=np.array(LABELS),
        sizes=np.array([[40, 30] if place % 3 else [24, 40] for place in range(12)]),
        box_image=rows,
        box_label=columns,
        boxes=np.tile(np.float32([4, 4, 10, 10]), (len(rows), 1)),
    )
    for place, value in enumerate((0.5, 0.6, 0.55, None)):
        evaluated = metrics.evaluate(draw.random((12, 6)), target, **SCORING)
        scores = metrics.named(evaluated, list(LABELS), []) | {"map": {"non_interpolated": value}}
        (folder / f"scores{place}.json").write_text(json.dumps(scores))
    lines = ["table,dataset,method,setting,metric,value,note", "II,voc2007,one,,mAP,95.2,"]
    lines += [f"V,voc2007,two,{share}%,mAP,{80 + share / 10},?" for share in (10, 20)]
    (folder / "printed.csv").write_text("\n".join(lines).replace("?", "") + "\n")
    titles = ["paper,table,method,setting,title,order"]
    titles += [
        f"made,V,{system},{share}%,{title},{place}"
        for place, (system, title) in enumerate(SYSTEMS.items())
        for share in (10, 20)
    ]
    (folder / "titles.csv").write_text("\n".join(titles) + "\n")


def inside(draw: np.random.Generator) -> dict[str, np.ndarray]:
    """What an inspection of every view would hold."""
    some = [[0.1, 0.1, 0.5, 0.6], [0.4, 0.3, 0.9, 0.8], [0, 0, 0, 0]]  # one is none
    boxes = np.tile(np.float32(some), (12, 2, 1))
    return {
        "images": IMAGES,
        "labels": np.array(LABELS),
        "window": np.array([0.1, 0.1, 0.9, 0.9]),
        "maps": draw.random((12, 6, 4, 4), np.float32),
        "features": draw.random((12, 5), np.float32),
        "vectors": draw.standard_normal((6, 8)).astype(np.float32),
        "factor": np.abs(draw.standard_normal((12, 6))).astype(np.float32),
        "before": draw.random((12, 6, 6), np.float32),
        "boxes": boxes,
    }


def plan(kind: str, **more) -> dict:
    """A figure of the kind over all systems that it takes."""
    names = list(SYSTEMS)[: 1 if kind in ("mistakes", "regions") else 2]
    files = {
        "root": ".",
        "manifest": "manifest.npz",
        "targets": "targets.npz",
        "counts": "counts.npz",
        "predictions": {system: f"{system}.npz" for system in names},
        "inspections": {system: f"inside_{system}.npz" for system in names},
    }
    common = {
        "name": f"made_{kind}",
        "kind": kind,
        "caption": "A caption",
        "notes": ["a note of the entry"],
        "note": "a note of the study",
        "protocol": "a protocol",
        "datasets": {"voc2007": "VOC 2007"},
        "systems": {system: SYSTEMS[system] for system in names},
        "files": {"voc2007": files},
        "frozen": True,
    }
    return common | OWN[kind] | more


def point(x, *seeds):
    return {"x": x, "label": str(x), "scores": [f"scores{seed}.json" for seed in seeds]}


CURVE = {"name": "threshold", "symbol": "γ", "dataset": "voc2007", "chosen": 0.5}
CURVE |= {"points": [point(0.1, 0), point(0.5, 1, 2), point(0.9, 2)]}
OWN = {
    "sweep": {
        "metric": "mAP",
        "curves": [CURVE],
        "printed": "printed.csv",
        "published": {"voc2007": "II/one"},
    },
    "proportions": {
        "printed": "printed.csv",
        "titles": "titles.csv",
        "names": {"one": "System One"},
        "source": {
            "paper": "made",
            "table": "V",
            "columns": [
                {"dataset": "voc2007", "metrics": ["mAP"], "average": "avg",
                 "tasks": {"partial-10": "10%", "partial-20": "20%"}},
            ],
            "runs": {"one": "one"},
            "more": {},
            "counted": {},
            "costs": None,
            "titles": {"voc2007": "VOC 2007"},
            "scores": {
                "one": {
                    "partial-10/voc2007": ["scores0.json"],
                    "partial-20/voc2007": ["scores1.json"],
                }
            },
        },
    },
    "dots": {
        "metric": "mAP",
        "reference": "A linear layer with a long name (average pooling)",
        "plain": ["A linear layer with a long name (average pooling)"],
        "rows": {
            "A linear layer with a long name (average pooling)": {"voc2007": ["scores0.json"]},
            "System Two": {"voc2007": ["scores1.json", "scores2.json"]},
            "System Three": {"voc2007": ["scores3.json"]},
        },
    },
    "top_labels": {"images": RULE, "top": 3},
    "mistakes": {
        "mistakes": [
            {"label": "diningtable", "kind": "false_positive", "count": 2},
            {"label": "bottle", "kind": "false_negative", "count": 2},
        ]
    },
    "activation": {"images": {"rule": "largest_gap", "count": 4, "labels": 2}},
    "regions": {"images": RULE},
    "retrieval": {"queries": RULE | {"count": 2}, "top": 3},
    "embedding": {"images": RULE},
}  # fmt: skip
