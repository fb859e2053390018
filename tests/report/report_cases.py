"""A study that was never run: made-up scores in the files that runs leave, and its report."""

import json
import shutil
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
from conftest import ROOT

from labelgraph.files.small import sha256, write_json, write_text
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.jobs.provenance import CIRCUMSTANCES
from labelgraph.report.results import Places, recipe
from labelgraph.review.claims import listing
from labelgraph.review.claims.comparisons import OWN
from labelgraph.review.claims.verdicts import HOLDS, NOT_RUN, Line
from labelgraph.score import metrics
from labelgraph.steps import tabulate, write_report
from labelgraph.study.config import Book, Run, read_study
from labelgraph.tables import convergence, tables

CONFIG, PUBLISHED = Path("workflow/config"), Path("workflow/published")
HEADS = Path("results/costs/heads.json")
GIVEN = {
    "tables": ["ml_gcn_depth", "ml_sgm_II", "ml_sgm_VIII", "ml_sgm_control", "ml_sgm_hostile"],
    "seeds": [0, 1],
}
SCRIPT = "<script>document.title = 'run'</script>"
IMAGE = "<img src=x onerror=\"document.title = 'run'\">"
HOSTILE = f"""
ml_sgm_hostile:
  paper: ml_sgm
  table: hostile
  caption: {json.dumps(f"A caption & {SCRIPT}.")}
  columns:
    - dataset: voc2007
      metrics: [mAP]
      tasks: {{partial-10: 10%, partial-20: 20%}}
      average: avg
    - {{dataset: nuswide, metrics: [mAP], tasks: {{partial-10: 10%}}}}
  more:
    {json.dumps(IMAGE)}: baseline
    "it's {{{{ 7 * 7 }}}}": ml_gcn
  notes: [{json.dumps(SCRIPT)}]
"""
SAME = "weight decay is the paper's; the released code has ten times as much (variant `released`)"
RECIPES = f"""method,task,item,paper,released,here,kind,note,source
ml_sgm,all,batch,16,{IMAGE.replace('"', "'")},32,departure,a note,IV
ml_sgm,fewshot,epochs,20,,20,same,,IV
ml_sgm,all,weight decay,.0001,.001,.0001,same,{SAME},IV
"""
LAPTOP = """row,column,published,reproduced,std,seeds,status
ML-GCN,mAP,94.0,81.500000,0.300000,3,reproduced
ML-GCN,AP:cat,98.2,77.700000,0.300000,3,reproduced
DSDL,mAP,94.4,,,,quoted
<b>nobody,mAP,94.4,66.600000,0.300000,3,reproduced
"""
CLAIMS = Path("results/tables/mini/claims.csv")
PICTURE = "<svg xmlns='http://www.w3.org/2000/svg'><rect width='9' height='9'/></svg>"
FIGURE = (
    f"# A figure of {SCRIPT}\n\n![f](f.png)\n\n- a note\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
)
UNFINISHED = {"verdict": "not converged", "difference": 4.21}
MEASURED = [{"method": "resnet101", "forward_ratio": 1.0, "peak_mb": 812.4}]
COUNTED = ("resnet101", "ml_sgm/CSAC", "ml_sgm/Encoder", "baseline", "ml_gcn", "ml_sgm", "ssgrl")
COUNTS = [
    {"method": name, "params_m": 40.0 + place, "gflops": 30.5 + place}
    for place, name in enumerate(COUNTED)
]


def make(folder: Path, given: dict = GIVEN, hostile: str = HOSTILE) -> Path:
    """The folder of the report; `folder` becomes a checkout and must be the current one."""
    shutil.copytree(ROOT / CONFIG, CONFIG)
    shutil.copytree(ROOT / PUBLISHED, PUBLISHED)
    before, name, after = (CONFIG / "tables.yaml").read_text("utf-8").partition("\nml_sgm_II:")
    after = after.replace("    hcp: hcp\n", "", 1)  # so that the table has a row that nobody ran
    write_text(CONFIG / "tables.yaml", before + name + after + hostile)
    without_figures()  # whose runs would be many more
    book = read_study(CONFIG, given)
    write_json(Path(tables.COUNTS), COUNTS)
    write_json(HEADS, MEASURED)
    write_text(HEADS.with_suffix(".md"), f"# Costs\n\n| a |\n\nOn {SCRIPT} (made up)\n")
    for place, run in enumerate(tables.runs(book, list(tables.of_study(book)))):
        leave(book, run, place)
    for path in convergence.inputs(book, tables.of_study(book)):
        write_json(Path(path), UNFINISHED if "add_gcn" in path else {"verdict": "converged"})
    for name in tables.of_study(book):
        table = recipe(book, name)
        output = Path(f"results/tables/{book.study}/{name}.csv")
        tabulate.main(table, PUBLISHED / f"{table['paper']}.csv", PUBLISHED / "systems.csv", output)
    shutil.copy(ROOT / "results/tables/audit.csv", "results/tables/audit.csv")
    write_text(Path("results/tables/recipes.csv"), RECIPES)
    write_text(Path("results/tables/laptop/ml_sgm_II.csv"), LAPTOP)
    write_text(CLAIMS, listing.as_csv(claims()))
    for kind in (".svg", ".png"):
        write_text(Path(f"results/figures/ml_sgm_7{kind}"), PICTURE)
    write_text(Path("results/figures/ml_sgm_7.md"), FIGURE)
    write_report.main(given, CONFIG, places(), Path("results/report"))
    return folder / "results/report" / book.study


def without_figures() -> None:
    study = CONFIG / "studies/mini.yaml"
    size = read_yaml(study)
    write_json(study, {name: block for name, block in size.items() if name != "figures"})
    write_json(CONFIG / "figures.yaml", {})


def places() -> Places:
    return Places(
        published=PUBLISHED,
        tables=Path("results/tables"),
        runs=Path("results/runs"),
        figures=(Path("results/figures/ml_sgm_7.md"),),
        audit=Path("results/tables/audit.csv"),
        costs=(Path(tables.COUNTS), HEADS),
        claims=CLAIMS,
        recipes=Path("results/tables/recipes.csv"),
    )


def claims() -> list[Line]:
    """One that holds, one that is hostile and was not run, and a pair of methods."""
    nothing = dict.fromkeys((each.name for each in fields(Line)), "")
    runs = {"seeds": "0 1", "images": "30", "metric": "mAP"}
    runs |= {"first": "full/voc2007/ssgrl", "second": "full/voc2007/baseline"}
    numbers = {"here": "2.0", "low": "0.5", "high": "3.5", "p": "0.01", "published": "5.3"}
    about = {"paper": "ml_sgm", "table": "II", "cell": "voc2007 ssgrl  mAP"}
    held = about | numbers | runs | {"claim": "ahead of ResNet-101", "verdict": HOLDS}
    return [
        Line(**nothing | held | {"corrected": HOLDS, "size_within": "no"}),
        Line(**nothing | about | {"claim": SCRIPT, "verdict": NOT_RUN, "reason": IMAGE}),
        Line(**nothing | held | {"paper": OWN, "table": "full/voc2007", "claim": "a pair"}),
        Line(**nothing | about | {"paper": OWN, "table": "control", "verdict": NOT_RUN}),
    ]


@cache
def labels(dataset: str) -> list[str]:
    """Those that have a published average precision, or three others."""
    published = tables.read_published(PUBLISHED / "ml_sgm.csv")
    shown = published[published["dataset"] == dataset.removesuffix("_control")]["metric"].unique()
    named = [metric.removeprefix("AP:") for metric in shown if metric.startswith("AP:")]
    return named or ["cat", "dog", "hot dog"]


def leave(book: Book, run: Run, place: int) -> None:
    """The files of one run; the scores grow with `place`, so that methods differ."""
    folder = Path("results/runs", run.folder)
    settings = book.settings(run)
    draw = np.random.default_rng(place)
    names = labels(run.dataset)
    target = (draw.random((30, len(names))) < 0.4).astype(np.int8)
    target[0] = 1
    scores = draw.standard_normal(target.shape) + target * (place % 7) / 3
    found = metrics.evaluate(scores, target, **settings.scoring.lines())
    write_json(folder / "scores.json", metrics.named(found, names, []))
    write_json(folder / "settings.yaml", settings.training.lines())  # JSON is YAML
    curve = [f"{epoch},{1 / epoch},{0.5 + epoch / 20}" for epoch in range(1, 6)]
    write_text(folder / "history.csv", "\n".join(["epoch,loss,tune_map", *curve]) + "\n")
    origin = {"seed": run.seed, "packages": {"torch": "2.13.0", "numpy": "2.4.6"}}
    origin["inputs"] = {f"data/splits/{run.dataset}/train.npz": f"{run.dataset:0<64}"}
    write_json(folder / "provenance.json", origin)
    write_json(folder / CIRCUMSTANCES, circumstances(folder, run, place))


def circumstances(folder: Path, run: Run, place: int) -> dict:
    return {
        "git": {"commit": "0123456789abcdef" * 2, "clean": run.seed == 0},
        "python": "3.11.7",
        "hardware": {"machine": "x86_64", "processor": "made up", "cores": 2},
        "wall_seconds": 10.0 + place,
        "cpu_seconds": 1.5,
        "peak_mb": 600.0 + place,
        "history": sha256(folder / "history.csv"),
    }
