# Names, and functions that the rules of several stations ask; no rule.

import json
import os
import re
import shlex
import sys
from functools import cache
from pathlib import Path

# This checkout's code, whatever is installed.
sys.path.insert(0, str(Path("src").resolve()))

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.scheduling.job_scheduler import JobScheduler

from snakemake_interface_logger_plugins.common import LogEvent

from labelgraph.costs import heads
from labelgraph.fetch import sources
from labelgraph.figures import fields, plans
from labelgraph.files import filestamps
from labelgraph.files.small import sha256
from labelgraph.jobs import locks, sourcecode
from labelgraph.own import ending
from labelgraph.review.audit.printed import PAPERS
from labelgraph.study import checks, own_data, recipe
from labelgraph.tables import tables
from labelgraph.report import material, pagefiles

CONFIG = Path("workflow/config")
try:
    BOOK = recipe.read_study(CONFIG, config)
    TABLES = tables.of_study(BOOK)
    for run in tables.runs(BOOK, TABLES):
        BOOK.settings(run)
    FIGURES = plans.of_study(BOOK)
    PLANS = {name: plans.plan(BOOK, name, FIGURES[name]) for name in FIGURES}
    SOURCES = sources.read(CONFIG / "sources.yaml")
    LOCAL = sources.local_copies(SOURCES, BOOK.size.get("local", {}))
    DETECTORS = recipe.read_yaml(CONFIG / "detectors.yaml")
    LEARN = BOOK.size.get("detector", {})  # lines of the light one's training
    checks.keys("detector", LEARN, set(DETECTORS["light"]["learn"]))
    DETECTORS["light"]["learn"] |= LEARN
    if not TABLES:
        raise ValueError(
            f"study {BOOK.study} makes no table: data of your own come with --configfile FILE, as"
            " docs/own_pictures.md shows"
        )
except (ValueError, FileNotFoundError) as error:
    raise WorkflowError(str(error)) from None
STUDY = BOOK.study
ORIGIN = BOOK.size["origin"]
DETECTOR = DETECTORS["of_study"][STUDY]
OWN_BOXES = BOOK.size.get("boxes", {})  # dataset -> the user's COCO results


MANIFEST = f"data/manifests/{STUDY}/{{dataset}}.npz"
SPLIT = f"data/splits/{STUDY}/{{task}}/{{dataset}}"
INPUTS = f"data/inputs/{STUDY}/{{dataset}}"
COUNTS = f"data/inputs/{STUDY}/{{dataset}}/{{task}}/label_counts.npz"
FEATURES = f"{INPUTS}/features/{{encoder}}-{{size}}-{{view}}"
DETECTED = f"{INPUTS}/detector.safetensors"
REGIONS = f"{INPUTS}/regions-{{kind}}.npz"
AUDITED = [*PAPERS, "systems", "claims"]  # in workflow/published/
TABLE = f"results/tables/{STUDY}/{{table}}"
REPORT = f"results/report/{STUDY}"
FIGURE = f"results/figures/{STUDY}/{{figure}}"
METRICS = f"results/metrics/{STUDY}"
RUN = f"results/runs/{STUDY}/{{task}}/{{dataset}}/{{system}}/seed{{seed}}"
INSPECTION = f"results/inspections/{{figure}}/{STUDY}/{{task}}/{{dataset}}/{{system}}/seed{{seed}}.npz"


# `step NAME ARGUMENTS`, in the shell. Python's path is not part of any rule, so another environment
# with the same packages reruns nothing.
PYTHON = shlex.quote(sys.executable)
shell.prefix(
    f'step() {{{{ exec {PYTHON} -I -S src/labelgraph/jobs/launch.py --present {locks.JOBS} "$@"; }}}}; '
)


def step(name, /, *words, **options):
    """A rule's command, the one way to write one: the shell sees every value quoted.

    Labels, parts, folders and files have the names that somebody gave them. `options` become
    --OPTION=VALUE, so a value may start with a dash; each of `words` is a list of whole arguments.
    """
    given = [f"--{option}={value}" for option, value in options.items()]
    command = " ".join(["step --log {log}", name, *words, *given])
    return re.sub(r"{([^{}]+)}", r"{\1:q}", command)


def on_cluster():
    """Known when jobs are made, not yet when this file is read."""
    return workflow.remote_exec or not workflow.local_exec


# A second after each start Snakemake 9.27 looks whether it may start more, and again a second after
# each such look: with hundreds of jobs, hundreds of looks a second. Here a job's end will do; on a
# cluster, where so many may be submitted in a second, the look is what submits the rest.
look_again = JobScheduler._schedule_reevalutation


def look_again_on_a_cluster(scheduler, delay):
    if not workflow.local_exec:
        look_again(scheduler, delay)


JobScheduler._schedule_reevalutation = look_again_on_a_cluster


FIRST_FILES = {}  # job -> the first file that it makes


def name_the_file(record):
    """`Finished jobid: 7 (Rule: train)` does not say which of dozens of trainings; its file does."""
    if getattr(record, "event", None) == LogEvent.JOB_FINISHED:
        if record.job_id not in FIRST_FILES:
            found = {job.jobid: [*job.output[:1]] for job in workflow.dag.jobs}
            FIRST_FILES.update(found)
        for path in FIRST_FILES.get(record.job_id, []):
            record.msg, record.args = f"{record.getMessage()}: {path}", None
    return True


if workflow.is_main_process:
    logger.addFilter(name_the_file)


def share(wildcards):
    """A job computes with one thread. More jobs at once than there are processors take turns in
    their caches and all end later, so each takes its share of the cores that were asked for.
    """
    if on_cluster():
        return 1  # a job has what it asks for, on a machine that others use, too
    try:
        return max(1, workflow.cores // os.cpu_count())
    except WorkflowError:  # not asked for: a dry run
        return 1


wildcard_constraints:
    dataset="|".join(BOOK.datasets),
    task=r"full|partial-\d+|fewshot-(base|\d+)",
    system=r"\w+(@\w+)?",
    seed=r"\d+",
    encoder=r"\w+",
    size=r"\d+",
    view=r"[a-z]+",
    kind="rpn|instances",
    name=r"\w+",
    which="boxes|vectors",
    figure="|".join(FIGURES),


@cache
def code(step, *more):
    """The step's file and all of the package that it imports."""
    needed = [f"src/labelgraph/steps/{step}.py", *more]
    files = set().union(*(sourcecode.closure(Path(path).resolve()) for path in needed))
    return sorted(str(path.relative_to(Path.cwd())) for path in files)


def dataset(wildcards):
    return BOOK.dataset(wildcards.dataset)


def raw(wildcards):
    entry = dataset(wildcards)
    return f"data/raw/{'own' if 'folder' in entry else ORIGIN}/{entry['raw']}"


def run(wildcards):
    return recipe.run_of(
        STUDY, wildcards.task, wildcards.dataset, wildcards.system, wildcards.seed
    )


def settings(wildcards):
    return settings_of(run(wildcards))


settings_of = cache(BOOK.settings)  # many rules and inputs of a run ask for them


def training(wildcards):
    return json.dumps(settings(wildcards)["training"])


def method_file(method):
    return str(sourcecode.method_file(method).relative_to(Path.cwd()))


def method_code(step):
    """The step's code with the method's own file: another method's file is none of its inputs."""

    def files(wildcards):
        method = wildcards.system.partition("@")[0]
        return code(step, method_file(method))

    return files
