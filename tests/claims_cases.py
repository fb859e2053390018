"""A small study with planted differences: its runs' files, its tables and its claims."""

import csv
import io

import numpy as np

from labelgraph.files.small import write_arrays, write_json
from labelgraph.score import metrics

SETTINGS = {
    "threshold": 0.5,
    "top": 3,
    "difficult_ap": "ignored",
    "difficult_f1": "negative",
    "pool": "all",
}
LABELS = ["cat", "dog", "owl", "elk"]
SYSTEMS = ("baseline", "ml_sgm", "ml_sgm@part")
RECIPE = {
    "study": "mini",
    "note": "A note.",
    "rehearsal": False,
    "tables": {
        "ml_sgm_I": {
            "columns": [{"dataset": "voc2007", "metrics": ["AP:*", "mAP", "OF1"]}],
            "task": "full",
            "runs": {"baseline": "baseline", "ml_sgm": "ml_sgm", "ml_sgm/part": "ml_sgm@part"},
            "seeds": {"full/voc2007": {system: [0, 1, 2] for system in SYSTEMS}},
        },
        "ml_sgm_V": {
            "columns": [
                {
                    "dataset": "voc2007",
                    "tasks": {"partial-10": "10%", "partial-90": "90%"},
                    "average": "avg",
                    "metrics": ["mAP"],
                }
            ],
            "runs": {"baseline": "baseline", "ml_sgm": "ml_sgm"},
            "seeds": {
                place: {system: [0] for system in SYSTEMS}
                for place in ("partial-10/voc2007", "partial-90/voc2007")
            },
        },
        "ml_sgm_VIII": {
            "columns": [{"costs": ["params_m"]}],
            "counted": {"baseline/+A": "baseline", "ml_sgm/+B": "ml_sgm/B"},
            "seeds": {},
        },
        "ml_sgm_control": {"columns": [], "seeds": {}},
        "ml_sgm_encoder": {"columns": [], "seeds": {}},
    },
    "runs": {
        "full/voc2007": {
            "baseline": [0, 1, 2],
            "ml_sgm": [0, 1, 2],
            "baseline@frozen": [0, 1, 2],
            "ml_sgm@frozen": [0, 1, 2],
            "ml_sgm@k_1": [0],
        },
        "full/voc2007_control": {"baseline": [0, 1, 2], "ml_sgm": [0, 1, 2]},
        "partial-10/voc2007": {"baseline": [0], "ml_sgm": [0]},
        "partial-90/voc2007": {"baseline": [0], "ml_sgm": [0]},
    },
    "titles": {"baseline": "linear", "ml_sgm": "ML-SGM", "ml_sgm@part": "ML-SGM, part"},
    "datasets": {"voc2007": "drawn, VOC 2007 layout", "voc2007_control": "control"},
    "printed": {"voc2007": "VOC 2007", "voc2007_control": "control"},
    "sweeps": {"ml_sgm": {"k = 1": "ml_sgm@k_1", "k = 3": "ml_sgm@k_3"}},
    "counts": None,
}  # fmt: skip
CELLS = [  # table, dataset, method, setting, metric, value
    *(("I", "voc2007", "baseline", "", metric, "90.0") for metric in ("AP:cat", "mAP", "OF1")),
    *(("I", "voc2007", "ml_sgm", "", metric, "95.0") for metric in ("AP:cat", "mAP", "OF1")),
    ("I", "voc2007", "ml_sgm", "part", "mAP", "94.0"),
    ("I", "voc2007", "other", "", "mAP", "94.5"),
    *(("V", "voc2007", "baseline", part, "mAP", "70.0") for part in ("10%", "90%", "avg")),
    *(("V", "voc2007", "ml_sgm", part, "mAP", "75.0") for part in ("10%", "90%", "avg")),
    ("VIII", "", "baseline", "+A", "params_m", "2.00"),
    ("VIII", "", "ml_sgm", "+B", "params_m", "5.00"),
]
CLAIMS = [  # table, claim, kind, cell, against, value
    ("I", "best", "best", "voc2007 ml_sgm mAP", "", ""),
    ("I", "ahead", "gain", "voc2007 ml_sgm mAP", "voc2007 baseline mAP", "5.0"),
    ("I", "behind", "above", "voc2007 baseline mAP", "voc2007 ml_sgm mAP", ""),
    ("I", "matching adds", "above", "voc2007 ml_sgm mAP", "voc2007 ml_sgm part mAP", ""),
    ("I", "everywhere", "above", "voc2007 ml_sgm *", "voc2007 baseline *", ""),
    ("I", "level", "value", "voc2007 ml_sgm mAP", "", "95.0"),
    ("I", "first on one label", "wins", "voc2007 ml_sgm AP:*", "", "1"),
    ("I", "ahead of a quoted row", "above", "voc2007 ml_sgm mAP", "voc2007 other mAP", ""),
    ("I", "no such row", "gain", "voc2007 ml_sgm mAP", "voc2007 ml_sgm nobody mAP", "1.0"),
    ("V", "on average", "above", "voc2007 ml_sgm avg mAP", "voc2007 baseline avg mAP", ""),
    ("V", "at 10%", "above", "voc2007 ml_sgm 10% mAP", "voc2007 baseline 10% mAP", ""),
    ("I", "comparable", "equal", "voc2007 ml_sgm mAP", "voc2007 ml_sgm part mAP", "20"),
    ("I", "said to be comparable", "equal", "voc2007 ml_sgm mAP", "voc2007 baseline mAP", "1"),
    ("I", "too near to tell", "equal", "voc2007 ml_sgm mAP", "voc2007 ml_sgm part mAP", "0.01"),
    ("VIII", "parameters", "gain", "- ml_sgm +B params_m", "- baseline +A params_m", "3.00"),
    ("Fig. 8", "k matters little", "equal", "voc2007 ml_sgm k = 2 mAP", "", "20"),
    ("Fig. 8", "best k", "best", "voc2007 ml_sgm k = 2 mAP", "", ""),
]
BOTH = ("voc2007 ml_sgm mAP", "voc2007 baseline mAP", "")
OWN = [
    ("ml_sgm_control", "structure", "structure", *BOTH),
    ("ml_sgm_encoder", "learning", "learning", *BOTH),
    ("ml_sgm_stages", "in a table that the study does not make", "above", *BOTH),
]


def write_published(folder):
    """The files of workflow/published that claims are read with."""
    titles = {(table, method, setting) for table, _, method, setting, *_ in CELLS}
    files = {
        "ml_sgm": ("table,dataset,method,setting,metric,value,note", [(*c, "") for c in CELLS]),
        "systems": (
            "paper,table,method,setting,title,order",
            [("ml_sgm", *each, " ".join(each[1:]), "1") for each in sorted(titles)],
        ),
        "claims": (HEADER, [("ml_sgm", *each) for each in CLAIMS]),
        "own_claims": (HEADER, [("labelgraph", *each) for each in OWN]),
    }
    files |= {name: (files["ml_sgm"][0], []) for name in ("ml_gcn", "gm_mlic", "ia_gcn")}
    folder.mkdir(parents=True, exist_ok=True)
    for name, (header, rows) in files.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header.split(","), *rows])
        (folder / f"{name}.csv").write_text(text.getvalue())


HEADER = "paper,table,claim,kind,cell,against,value"
SIGNAL = {"baseline": 0.5, "ml_sgm": 3.0, "ml_sgm@part": 3.0, "ml_sgm@k_1": 3.0}
SIGNAL |= {"baseline@frozen": 0.4, "ml_sgm@frozen": 0.5}


def write_runs(root, images=60):
    """What steps leave of every run: the stronger a system's signal, the higher its metrics."""
    systems = {place: {**known} for place, known in RECIPE["runs"].items()}
    systems["full/voc2007"]["ml_sgm@part"] = [0, 1, 2]
    for number, (place, known) in enumerate(systems.items()):
        draw = np.random.default_rng(number)
        target = draw.choice([1, 0, -1], (images, 4), p=[0.3, 0.65, 0.05]).astype(np.int8)
        about = {
            "images": np.array([f"{k}.jpg" for k in range(images)]),
            "labels": np.array(LABELS),
        }
        write_arrays(root / "splits" / place / "targets.npz", target=target, **about)
        hard = draw.normal(size=target.shape)
        for system, seeds in known.items():
            for seed in seeds:
                noise = np.random.default_rng([seed, len(system)]).normal(size=target.shape)
                scores = SIGNAL[system] * (target == 1) + hard + 0.5 * noise - 1
                write_run(root / "runs" / place / system / f"seed{seed}", scores, target, about)


def write_run(folder, scores, target, about):
    scores = np.round(scores, 2).astype(np.float32)
    write_arrays(folder / "predictions.npz", scores=scores, **about)
    found = metrics.evaluate(scores, target, **SETTINGS)
    write_json(folder / "scores.json", metrics.named(found, LABELS, []))
