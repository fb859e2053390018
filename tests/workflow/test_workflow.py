"""The workflow, run small: what runs, what runs again after an edit, and that numbers stay."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT
from gpu_cases import nvidia_smi

from labelgraph.figures import plans as figurelist
from labelgraph.review import stale
from labelgraph.study.config import read_study
from labelgraph.tables import convergence, tables

SCENES = {
    "layout": "voc2007",
    "images": {"trainval": 60, "test": 30},
    **dict.fromkeys(("stray", "empty", "crowds", "repainted"), 0),
    "labels": 20,
    "seed": 3,
    "structure": True,
    "long_side": 96,
    "size": 60,
    "clutter": 4,
    "noise": 2,
    "quality": 90,
}
SMALL = {
    "seeds": [0],
    "train": {"epochs": 2},
    "drawn": {"voc2007": SCENES},
    "sizes": {448: 64},
    "convergence": None,  # whose runs would double the time
}
TARGET = "results/tables/mini/ml_gcn_VOC.csv"
FIGURE = "results/figures/mini/ml_gcn_7.svg"  # of the models behind that table
EVERYTHING = ("results/tables", "results/figures")
A_RUN = "results/runs/laptop/full/voc2007/baseline/seed0"


def command(*arguments, target=(TARGET, FIGURE), small=True):
    config = [f"{name}={json.dumps(value)}" for name, value in SMALL.items()] if small else []
    start = [sys.executable, "-m", "snakemake", "--cores", "4", *arguments]
    targets = [target] if isinstance(target, str) else target
    return start + (["--config", *config, "--", *targets] if small else ["--", *targets])


def snakemake(folder, *arguments, **more):
    done = subprocess.run(
        command(*arguments, **more), cwd=folder, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def jobs(text):
    """Rule -> number of jobs, of a dry run."""
    block = text.split("Job stats:")[1].split("\n\n")[0]
    return {rule: int(count) for rule, count in re.findall(r"^([\w/]+) +(\d+)$", block, re.M)}


def copy_of(folder):
    listed = subprocess.run(
        ["git", "ls-files", "-z", "Snakefile", "src", "workflow"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "profiles").symlink_to("workflow/profiles")
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the workflow in which one small table and a figure have been made."""
    folder = copy_of(tmp_path_factory.mktemp("checkout"))
    code, text = snakemake(folder)
    assert code == 0, text
    return folder


@pytest.fixture
def edited(checkout):
    """Edits a file for one test: edited("path", "old", "new")."""
    before = {}

    def edit(name, old, new):
        path = checkout / name
        before.setdefault(path, path.read_text())
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))

    yield edit
    for path, text in before.items():
        path.write_text(text)


def test_a_study_that_needs_a_gpu_ends_at_once_where_there_is_none(checkout, tmp_path):
    """Nothing has started, so the tests that follow find everything as it was."""
    words = command("--forcerun", "train")
    words.insert(words.index("--config") + 1, "gpu=1")
    path = f"{nvidia_smi(tmp_path / 'bin', 'No devices found.')}:{os.environ['PATH']}"
    given = os.environ | {"PATH": path}
    done = subprocess.run(words, cwd=checkout, env=given, capture_output=True, text=True)
    assert done.returncode == 1
    text = done.stdout + done.stderr
    assert "a GPU is needed, and there is none that may be used (`nvidia-smi -L` lists none" in text
    assert "or let it run on the processor, many times slower, with --config gpu=0" in text
    assert "Finished jobid" not in text


def test_asked_again_there_is_nothing_to_do(checkout):
    code, text = snakemake(checkout)
    assert code == 0
    assert "Nothing to be done" in text


def test_touching_files_reruns_nothing(checkout):
    for path in [*checkout.rglob("*.py"), *checkout.glob("workflow/config/*.yaml")]:
        path.touch()
    assert "Nothing to be done" in snakemake(checkout, "-n")[1]


def retrained(count, shown=0):
    """`shown`: how many of the retrained models are in the figure."""
    found = {"train": count, "predict": count, "score": count, "compare_rows": 1, "tabulate": 1}
    return found | ({"inspect_model": shown, "plot": 1} if shown else {})


EDITS = {  # where, what, and how many jobs of which rules run again
    "caption": ("workflow/config/tables.yaml", '"ML-GCN on VOC', {"tabulate": 1}),
    "caption of a figure": ("workflow/config/figures.yaml", '"The five images', {"plot": 1}),
    "a kind of figure": ("src/labelgraph/figures/kinds/retrieval.py", "import numpy", {"plot": 1}),
    "a view": (
        "src/labelgraph/predict/inspection/ml_gcn.py",
        "from torch",
        {"inspect_model": 1, "plot": 1},
    ),
    "threshold": (
        "workflow/config/defaults.yaml",
        "threshold: 0.5",
        {"score": 16, "compare_rows": 1, "tabulate": 1},
    ),
    "metric": (
        "src/labelgraph/score/precision_recall.py",
        "import numpy",
        {"score": 16, "compare_rows": 1, "tabulate": 1},
    ),
    "loop": ("src/labelgraph/train/loop.py", "import copy", retrained(16, shown=2)),
    "method": ("src/labelgraph/models/ml_gcn.py", "SLOPE", retrained(6, shown=2)),
    "setting": ("workflow/config/methods.yaml", "graph: binary", retrained(1)),
}
NEW = {"threshold: 0.5": "threshold: 0.6", "graph: binary": "graph: binary, threshold: 0.3"}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_reruns_what_it_touches_and_nothing_else(checkout, edited, what):
    name, old, expected = EDITS[what]
    other = f"# changed\n{old}" if name.endswith(".py") else f"{old} changed"
    edited(name, old, NEW.get(old, other))
    found = jobs(snakemake(checkout, "-n")[1])
    assert {rule: count for rule, count in found.items() if rule != "total"} == expected


def test_a_note_in_other_words_has_its_number_so_no_table_is_made_again(checkout, edited):
    note = "the re-weighting formula"
    edited("workflow/published/recipes.csv", note, f"{note} changed")
    assert "Nothing to be done" in snakemake(checkout, "-n")[1]


def elsewhere(monkeypatch, **environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def assert_same(again, checkout):
    """The records have the content of every file of every job, whatever order they ended in."""
    records = "results/records.jsonl"
    assert (again / records).read_text() == (checkout / records).read_text()
    for name, kinds in {TARGET: (".csv", ".md", ".tex"), FIGURE: (".svg", ".png", ".md")}.items():
        for kind in kinds:
            first = (checkout / name).with_suffix(kind).read_bytes()
            assert (again / name).with_suffix(kind).read_bytes() == first


def test_every_file_is_the_same_on_one_core_on_the_other_side_of_the_world(
    checkout, tmp_path, monkeypatch
):
    elsewhere(monkeypatch, TZ="Pacific/Kiritimati", LC_ALL="C", PYTHONHASHSEED="1")
    again = copy_of(tmp_path)
    code, text = snakemake(again, "--cores", "1")
    assert code == 0, text
    assert_same(again, checkout)


def test_every_file_is_the_same_on_eight_cores_after_kills_at_random(
    checkout, tmp_path, monkeypatch
):
    """benchmarks/kill.py in short: the same command goes on, with nothing unlocked between."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import kill

    elsewhere(monkeypatch, TZ="America/Lima", LC_ALL="tr_TR.UTF-8", PYTHONHASHSEED="8")
    again, draw = copy_of(tmp_path), random.Random(0)
    for victim in ("snakemake", "job", "all"):
        with (again / "output.txt").open("w") as output:
            process = subprocess.Popen(
                command("--cores", "8"), cwd=again, stdout=output, stderr=output
            )
        kill.strike(again, process, victim, draw.uniform(0, 3), draw)
        process.wait()
    code, text = snakemake(again, "--cores", "8")
    assert code == 0, text
    assert_same(again, checkout)


def test_a_table_that_no_rule_makes_is_found(checkout):
    strays = ["results/figures/mini/old.svg", "results/tables/mini/ml_sgm_XX.csv"]
    for name in strays:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("from an earlier version\n")
    found, _ = stale.find(checkout)
    for name in strays:
        (checkout / name).unlink()
    assert found == strays  # and neither the table that was made nor what lies beside it


def test_a_wrong_setting_is_named_before_anything_starts(checkout, edited):
    edited("workflow/config/studies/mini.yaml", "  lr: 0.004", "  rate: 0.004")
    code, text = snakemake(checkout)
    assert code == 1
    assert "train has unknown keys ['rate']" in text
    assert not re.search(r"^rule \w+:", text, re.M)


def test_a_mistake_in_the_claims_is_a_sentence_with_its_line(checkout, edited):
    edited("workflow/published/claims.csv", "voc2007 sst_pl 10% mAP", "voc2007 sst_p 10% mAP")
    code, text = snakemake(checkout, "-n", target="results/tables", small=False)
    assert code == 1 and "InputFunctionException" not in text
    path = checkout / "workflow/published/claims.csv"
    lines = path.read_text().splitlines()
    number = 1 + next(place for place, line in enumerate(lines) if "sst_p 10%" in line)
    assert (
        f"workflow/published/claims.csv, line {number}: no table has the system 'sst_p'; did you"
        " mean 'sst_pl'?"
    ) in text


def test_some_tables_alone_leave_the_metrics_of_the_whole_study(checkout):
    options = ["-n", "--config", "tables=[ml_gcn_VOC]"]
    code, text = snakemake(checkout, *options, target="results/tables", small=False)
    assert code == 0, text
    assert jobs(text)["tabulate"] == 1
    assert not {"summarise", "judge_claims", "tabulate_convergence"} & jobs(text).keys()


def test_a_table_trains_its_own_methods_longer_and_no_others(checkout):
    options = ["-n", "--quiet", "host", "--config", "tables=[ml_gcn_VOC]"]
    _, text = snakemake(checkout, *options, target="results/tables", small=False)
    found = [min(job.outputs) for job in planned(text) if job.rule == "train"]
    longer = {path.removesuffix("/history.csv") for path in found if "longer" in path}
    folder = "results/runs/mini/full/voc2007"
    assert longer == {f"{folder}/{name}@longer/seed0" for name in ("ml_gcn",)}
    (table,) = [job for job in planned(text) if job.rule == "tabulate"]
    checks = {path for path in table.inputs if path.endswith("/convergence.json")}
    assert checks == {f"{path}/convergence.json" for path in longer}


@pytest.fixture(scope="module")
def laptop(checkout):
    """What a dry run says of every job of the study `laptop`."""
    command = ["-n", "--quiet", "host", "--config", "study=laptop"]
    more = ("results/costs", "results/report", f"{A_RUN}/assessment.json")
    code, text = snakemake(checkout, *command, target=(*EVERYTHING, *more), small=False)
    assert code == 0, text
    return text


@pytest.fixture(scope="module")
def paper(checkout):
    command = ["-n", "--config", "study=paper"]
    code, text = snakemake(checkout, *command, target=EVERYTHING, small=False)
    assert code == 0, text
    return text


@pytest.mark.parametrize("study", ["laptop", "paper"])
def test_the_whole_graph_resolves_without_data(request, study):
    found = jobs(request.getfixturevalue(study))
    assert found["fetch"] >= 3
    book = read_study(ROOT / "workflow/config", {"study": study})
    chosen, figures = tables.of_study(book), figurelist.of_study(book)
    plans = [figurelist.plan(book, name, entry) for name, entry in figures.items()]
    checks = convergence.inputs(book, chosen)
    files = {*tables.inputs(book, chosen), *(path for p in plans for path in figurelist.inputs(p))}
    files |= {path.replace(convergence.FILE, "scores.json") for path in checks}
    shown = {Path(path).parent for path in files if path.startswith("results/runs/")}
    bases = {book.base(run) for run in tables.runs(book, chosen)} - {None}
    trained = shown | {Path(f"results/runs/{run.folder}") for run in bases}  # bases are not shown
    assert found["predict"] == len(shown) > 10
    assert found["score"] == sum(path.endswith("/scores.json") for path in files)
    assert found["train"] == len(trained)
    assert found["inspect_model"] == sum("/inspections/" in path for path in files) > 5
    assert found["plot"] == len(plans)
    assert found.get("check_convergence", 0) == len(checks)
    assert bool(checks) == (study == "laptop")
    assert "draw" not in found
    assert found.get("relate_labels", 0) == (study == "paper")  # the table of ConceptNet


# A file of the package, at least one of each room -> the rules whose jobs run again when it is
# edited, in a plan that has every rule but those of drawn data and of the user's own.
PAGES = {"write_report"}
TABLES = {"tabulate"} | PAGES
FIGURES = {"plot"} | PAGES
CLAIMS = {"judge_claims"} | PAGES
CHECKED = {"check_convergence", "tabulate_convergence"} | TABLES
COMPARED = {"compare_rows"} | TABLES
SCORES = {"score", "summarise"} | CLAIMS | COMPARED | CHECKED | FIGURES
TRAINED = {"train", "predict", "inspect_model"} | SCORES
ASKED_FOR = {"calibrate", "assess"}  # of one run of the baseline
COSTS = {"count_costs", "measure_costs"}
SPLIT = {"split", "count_labels", "train_detector", "propose_regions"} | TRAINED | ASKED_FOR
DATA = {"write_manifest", "embed_labels", "extract_features"} | SPLIT
RECIPES = {"tabulate_recipes"} | PAGES
OUTDATED = {
    "numerics.py": DATA | COSTS | {"audit"} | RECIPES,
    "files/escaping.py": {"audit", "tabulate_convergence"} | CLAIMS | TABLES | FIGURES | RECIPES,
    "jobs/launch.py": set(),
    "jobs/server.py": set(),
    "jobs/locks.py": set(),
    "jobs/leftovers.py": set(),
    "jobs/shortages.py": set(),
    "jobs/snakemake_patches.py": set(),
    "jobs/records/before_run.py": set(),
    "study/config.py": CLAIMS | TABLES | FIGURES | RECIPES,
    "study/longer.py": CLAIMS | TABLES | FIGURES | RECIPES,
    "fetch/transfer.py": set(),
    "scenes/voc2007.py": set(),
    "manifest/readers/voc2007.py": DATA,
    "manifest/readers/table.py": set(),
    "split/listing.py": set(),
    "split/cutting.py": SPLIT,
    "encoders/encoder.py": (DATA | COSTS) - {"write_manifest", "embed_labels"} - SPLIT
    | {"train_detector", "propose_regions"}
    | TRAINED
    | ASKED_FOR
    | RECIPES,
    "inputs/word_vectors.py": {"embed_labels"} | TRAINED | ASKED_FOR,
    "parts/labelgraph.py": TRAINED | COSTS | RECIPES,
    "models/ml_gcn.py": TRAINED | COSTS | RECIPES,
    "predict/calibration.py": ASKED_FOR,
    "predict/inspection/ml_gcn.py": {"inspect_model"} | FIGURES,
    "train/loop.py": TRAINED | ASKED_FOR | {"measure_costs"},
    "score/precision_recall.py": SCORES | {"assess"} | RECIPES,
    "score/redrawn.py": CLAIMS | COMPARED | CHECKED,
    "score/estimates.py": CLAIMS | COMPARED | CHECKED,
    "tables/leaders.py": COMPARED,
    "tables/rendering.py": TABLES,
    "figures/kinds/retrieval.py": FIGURES,
    "review/audit/rates.py": {"audit"} | PAGES,
    "review/claims/comparisons.py": CLAIMS,
    "review/claims/verdicts.py": CLAIMS,
    "review/convergence/checking.py": CHECKED,
    "review/convergence/listing.py": {"tabulate_convergence"},
    "review/comparing/comparison.py": set(),
    "costs/timing.py": {"measure_costs"},
    "recipes/here.py": RECIPES,
    "own/serving.py": set(),
    "report/overview.py": PAGES,
    "steps/score.py": SCORES,
    "commands/list.py": set(),
}


@dataclass(frozen=True)
class Job:
    rule: str
    inputs: frozenset[str]
    outputs: frozenset[str]


def planned(text):
    """The jobs that a dry run lists."""
    for block in text.split("\n\n"):
        for found in re.finditer(r"^(?:local)?rule (\w+):\n((?: .*\n?)+)", block, re.M):
            files = dict(re.findall(r"^    (input|output): (.*)$", found[2], re.M))
            names = (frozenset(files.get(k, "").split(", ")) - {""} for k in ("input", "output"))
            yield Job(found[1], *names)


def outdated(jobs, path):
    """The jobs that have a file as input, and those that have what these make."""
    changed, found = {path}, set()
    while some := {job for job in jobs if job not in found and job.inputs & changed}:
        found |= some
        changed = set().union(*(job.outputs for job in some))
    return found


@pytest.fixture(scope="module")
def plan(laptop):
    return set(planned(laptop))


@pytest.mark.parametrize("name", OUTDATED)
def test_an_edit_outdates_what_computes_with_it_and_nothing_else(plan, name):
    assert (ROOT / "src/labelgraph" / name).exists()
    found = outdated(plan, f"src/labelgraph/{name}")
    assert {job.rule for job in found} == OUTDATED[name]


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("claims", CLAIMS | {"audit"} | PAGES),
        ("own_claims", CLAIMS),
        ("image_counts", {"audit"} | PAGES),
    ],
)
def test_what_no_table_reads_outdates_no_table(plan, name, rules):
    found = outdated(plan, f"workflow/published/{name}.csv")
    assert {job.rule for job in found} == rules


def test_the_edits_are_of_every_room_and_the_plan_has_every_rule(plan):
    rooms = {path.parent.name for path in ROOT.glob("src/labelgraph/*/__init__.py")}
    assert {Path(name).parts[0] for name in OUTDATED} == rooms | {"numerics.py"}
    rules = {path.stem for path in ROOT.glob("src/labelgraph/steps/[!_]*.py")}
    assert {job.rule for job in plan} == rules - {
        "draw",
        "list_file",
        "list_folder",
        "relate_labels",
    }


def test_a_methods_file_outdates_the_runs_of_that_method_alone(plan):
    found = outdated(plan, "src/labelgraph/models/ml_gcn.py")
    for rule in ("train", "predict", "score"):
        runs = {min(job.outputs) for job in plan if job.rule == rule}
        own = {run for run in runs if re.search(r"/ml_gcn(@\w+)?/", run)}
        assert {min(job.outputs) for job in found if job.rule == rule} == own
        assert 0 < len(own) < len(runs)


def test_a_layout_outdates_the_scenes_that_are_drawn_in_it_alone(checkout):
    targets = [f"data/raw/drawn/{name}.json" for name in ("voc2007", "coco2014", "glove")]
    options = ["-n", "--quiet", "host", "--forceall"]
    text = snakemake(checkout, *options, target=targets, small=False)[1]
    found = {*planned(text)}
    assert len(found) == 3
    (one,) = outdated(found, "src/labelgraph/scenes/coco2014.py")
    assert "data/raw/drawn/coco2014.json" in one.outputs
    assert outdated(found, "src/labelgraph/scenes/render.py") == found


def test_features_are_named_after_the_place_where_the_encoder_was_cut(checkout, laptop):
    run = A_RUN.replace("laptop", "evening")
    options = ["-n", "--quiet", "host", "--config", "study=evening"]
    evening = snakemake(checkout, *options, target=f"{run}/model.safetensors", small=False)[1]
    for study, text, cut in (("laptop", laptop, ""), ("evening", evening, "-before_last_2")):
        made = {path for job in planned(text) if job.rule == "extract_features"
                for path in job.outputs}  # fmt: skip
        start = f"data/inputs/{study}/voc2007/features/efficientnet_lite0{cut}-224"
        assert made == {f"{start}-{view}.{end}" for view in ("plain", "flip")
                        for end in ("json", "npy")}  # fmt: skip


def test_what_is_half_done_is_named_after_the_code_of_the_rule():
    """So a training that was cut off goes on after an edit that does not concern it."""
    for name, step in (("04_inputs", "extract_features"), ("05_train", "train")):
        text = (ROOT / f"workflow/rules/{name}.smk").read_text()
        command = text.split(f'            "{step}",\n')[1].split(")")[0]
        assert '"--code",\n            "{input.code}",' in command
