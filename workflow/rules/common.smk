# Names, and functions that rules of several stations call; no rule.

import json
import os
import sys
from functools import cache
from pathlib import Path

# This checkout's code, whichever version is installed.
sys.path.insert(0, str(Path("src").resolve()))

from snakemake.exceptions import WorkflowError

from labelgraph.fetch import sources
from labelgraph.figures import plans
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.jobs import shell_command, snakemake_patches, sourcecode
from labelgraph.jobs.shell_command import step
from labelgraph.review.audit.printed import PAPERS
from labelgraph.study.config import read_study, run_of
from labelgraph.study.validation import check_keys
from labelgraph.tables import convergence, tables

CONFIG = Path("workflow/config")
try:
    BOOK = read_study(CONFIG, config)
    TABLES = tables.of_study(BOOK)
    for run in tables.runs(BOOK, TABLES) + convergence.runs(BOOK, TABLES):
        BOOK.settings(run)
    FIGURES = plans.of_study(BOOK)
    PLANS = {name: plans.plan(BOOK, name, FIGURES[name]) for name in FIGURES}
    SOURCES = sources.read(CONFIG / "sources.yaml")
    LOCAL = sources.local_copies(SOURCES, BOOK.size.local)
    DETECTORS = read_yaml(CONFIG / "detectors.yaml")
    LEARN = BOOK.size.detector  # settings of the light detector's training
    check_keys("detector", LEARN, set(DETECTORS["light"]["learn"]))
    DETECTORS["light"]["learn"] |= LEARN
    if not TABLES:
        raise ValueError(
            f"study {BOOK.study} makes no table; for your own data pass --configfile FILE, as"
            " docs/own_pictures.md shows"
        )
except (ValueError, FileNotFoundError) as error:
    raise WorkflowError(str(error)) from None
STUDY = BOOK.study
ORIGIN = BOOK.size.origin

MANIFEST = f"data/manifests/{STUDY}/{{dataset}}.npz"
SPLIT = f"data/splits/{STUDY}/{{task}}/{{dataset}}"
INPUTS = f"data/inputs/{STUDY}/{{dataset}}"
COUNTS = f"data/inputs/{STUDY}/{{dataset}}/{{task}}/label_counts.npz"
FEATURES = f"{INPUTS}/features/{{encoder}}-{{size}}-{{view}}"
DETECTED = f"{INPUTS}/detector.safetensors"
REGIONS = f"{INPUTS}/regions-{{kind}}.npz"
AUDITED = [*PAPERS, "systems", "claims", "image_counts"]  # in workflow/published/
TABLE = f"results/tables/{STUDY}/{{table}}"
FIGURE = f"results/figures/{STUDY}/{{figure}}"
METRICS = f"results/metrics/{STUDY}"
RUN = f"results/runs/{STUDY}/{{task}}/{{dataset}}/{{system}}/seed{{seed}}"


snakemake_patches.look_once_at_a_time()
if workflow.is_main_process:
    snakemake_patches.name_finished_files(workflow)
shell.prefix(shell_command.prefix(BOOK.size.gpu_share))


def on_cluster():
    """Known when the jobs are created, but not yet while this file is read."""
    return workflow.remote_exec or not workflow.local_exec


def threads_of_a_job(wildcards):
    """Cores that Snakemake counts for a job, which itself computes with one thread.

    With `--cores 8` on two processors, eight jobs at once would push each other out of the caches
    and all finish later. So each counts as four cores, and two run at once.
    """
    if on_cluster():
        return 1
    try:
        return max(1, workflow.cores // os.cpu_count())
    except WorkflowError:  # a dry run without --cores
        return 1


wildcard_constraints:
    dataset="|".join(BOOK.datasets),
    task=r"full|partial-\d+|fewshot-(base|\d+)",
    system=r"\w+(@\w+)?",
    seed=r"\d+",
    encoder=r"\w+(-before_last_\d+)?",
    size=r"\d+",
    view=r"[a-z]+",
    kind="rpn|instances",
    name=r"\w+",
    table=r"(?!(claims|convergence)\.)[^/]+",
    which="boxes|vectors",
    figure="|".join(FIGURES),


@cache
def code(step, *more):
    """The step's file and everything in the package that it imports, and what pins the numbers."""
    needed = [f"src/labelgraph/steps/{step}.py", "src/labelgraph/numerics.py", *more]
    files = set().union(*(sourcecode.closure(Path(path).resolve()) for path in needed))
    return sorted(str(path.relative_to(Path.cwd())) for path in files)


def dataset(wildcards):
    return BOOK.dataset(wildcards.dataset)


def raw(wildcards):
    entry = dataset(wildcards)
    return f"data/raw/{'own' if entry.folder else ORIGIN}/{entry.raw}"


def run(wildcards):
    return run_of(
        STUDY, wildcards.task, wildcards.dataset, wildcards.system, wildcards.seed
    )


def settings(wildcards):
    return BOOK.settings(run(wildcards))


def training(wildcards):
    return training_of(run(wildcards))


@cache
def training_of(run):
    return BOOK.settings(run).training.json_text()


@cache
def method_file(method):
    return str(sourcecode.method_file(method).relative_to(Path.cwd()))


def method_code(step):
    """The step's code with the method's own file, and no other method's."""

    def files(wildcards):
        method = wildcards.system.partition("@")[0]
        return code(step, method_file(method))

    return files
