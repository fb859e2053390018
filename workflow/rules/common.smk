# Names and input functions; no rule.

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

from labelgraph import report as pages  # `report` is a word of Snakemake's
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
from labelgraph.report import material

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
            " workflow/own_data.md shows"
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


# No input and no parameter of a rule: several processes train what one trains, up to rounding.
PROCESSES = BOOK.size["processes"]


def all_processors(wildcards):
    return PROCESSES * processors(wildcards)


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


def protocol(wildcards):
    return json.dumps(BOOK.protocol(wildcards.dataset, wildcards.task))


def run(wildcards):
    return recipe.run_of(
        STUDY, wildcards.task, wildcards.dataset, wildcards.system, wildcards.seed
    )


def settings(wildcards):
    return settings_of(run(wildcards))


settings_of = cache(BOOK.settings)  # many rules and inputs of a run ask for them


def processors(wildcards):
    """A share; on a cluster one to compute, and one for each process that reads images."""
    training = settings(wildcards)["training"] if on_cluster() else None
    if not training or training["encoder"]["cached"]:
        return share(wildcards)
    return 1 + training["train"]["workers"]


def base(wildcards):
    """The weights that a run of few shots goes on from."""
    before = BOOK.base(run(wildcards))
    return [f"results/runs/{before.folder}/model.safetensors"] if before else []


def base_option(wildcards):
    return [f"--base={path}" for path in base(wildcards)]


def training(wildcards):
    return json.dumps(settings(wildcards)["training"])


def scoring(wildcards):
    return json.dumps(settings(wildcards)["scoring"])


def method_file(method):
    return str(sourcecode.method_file(method).relative_to(Path.cwd()))


def method_code(step):
    """The step's code with the method's own file: another method's file is none of its inputs."""

    def files(wildcards):
        method = wildcards.system.partition("@")[0]
        return code(step, method_file(method))

    return files


def image_inputs(views, size):
    """What the images come from: the index of each cached view, or the raw folder's and weights."""

    def files(wildcards):
        encoder = settings(wildcards)["training"]["encoder"]
        if not encoder["cached"]:
            weights = encoder["weights"] not in (None, "imagenet")
            return [
                f"{raw(wildcards)}.json",
                *([encoder["weights"]] if weights else []),
            ]
        chosen = views(settings(wildcards)["training"])
        names = {
            "encoder": encoder["name"],
            "size": encoder[size],
            "dataset": wildcards.dataset,
        }
        return expand(f"{FEATURES}.json", view=chosen, **names)

    return files


def grids(files):
    """The features themselves: large, and named with their checksum by the index."""
    return lambda wildcards: [
        path.replace(".json", ".npy")
        for path in files(wildcards)
        if "/features/" in path
    ]


def image_options(files):
    """The same as arguments of a step."""

    def options(wildcards):
        found = files(wildcards)
        cached = "/features/" in found[0]
        boxes = [f"--regions={path}" for path in regions(wildcards)]
        images = ["--features", *found] if cached else [f"--images={raw(wildcards)}"]
        return images + boxes

    return options


train_images = image_inputs(lambda chosen: chosen["train"]["views"], "size")
test_images = image_inputs(lambda chosen: [chosen["encoder"]["test_view"]], "test_size")


def view_parts(wildcards):
    """The reported images are seen in the fixed views only."""
    parts = dataset(wildcards)["parts"]
    both = wildcards.view in ("plain", "centre")
    return json.dumps([parts["train"], *([parts["report"]] if both else [])])


def encoder_settings(wildcards):
    """What the features depend on."""
    weights = BOOK.size.get("encoder", {}).get(
        "weights", BOOK.defaults["encoder"]["weights"]
    )
    return json.dumps(
        {
            "name": wildcards.encoder,
            "weights": weights,
            "view": wildcards.view,
            "size": int(wildcards.size),
        }
    )


def table_scores(wildcards):
    return tables.inputs(BOOK, [wildcards.table])


def raw_index(wildcards):
    """The list of a raw folder's files; it changes when they do."""
    return f"{raw(wildcards)}.json"


def reader_code(wildcards):
    reader = f"src/labelgraph/manifest/readers/{dataset(wildcards)['reader']}.py"
    return code("write_manifest", reader)


def embedding(wildcards):
    """Only labels of the user's own may lack words: those of the papers' datasets have theirs."""
    entry = dataset(wildcards)
    options = {"aliases": entry["aliases"], "multiword": "mean", "case": "lower"}
    return json.dumps(
        options | {"missing": "drawn" if "folder" in entry else "refused"}
    )


def glove(wildcards):
    """The folder of the word vectors: drawn ones know the words of the drawn datasets alone."""
    origin = "official" if "folder" in dataset(wildcards) else ORIGIN
    return f"data/raw/{origin}/glove"


def word_index(wildcards):
    """What the word vectors come from: the index of that folder or of a file, or nothing."""
    chosen = dataset(wildcards).get("vectors", "glove")
    if chosen == "glove":
        return f"{glove(wildcards)}.json"
    return [] if chosen is None else f"data/raw/own/{wildcards.dataset}-vectors.json"


def word_option(wildcards):
    """The same as an argument of the step."""
    chosen = dataset(wildcards).get("vectors", "glove")
    file = f"{glove(wildcards)}/glove.6B.300d.txt" if chosen == "glove" else chosen
    return [] if file is None else [f"--vectors={file}"]


def own_folder(wildcards):
    return BOOK.dataset(wildcards.name)["folder"]


def own_file(wildcards):
    if wildcards.which == "boxes":
        return OWN_BOXES[wildcards.name]
    return BOOK.dataset(wildcards.name)["vectors"]


def published(wildcards):
    """What the paper of a table printed; data of one's own are in none."""
    paper = TABLES[wildcards.table]["paper"]
    return [] if paper == "own" else [f"workflow/published/{paper}.csv"]


def published_option(wildcards):
    return [f"--published={path}" for path in published(wildcards)]


def drawing(wildcards):
    settings = BOOK.size["drawn"][wildcards.group]
    return json.dumps(
        {key: value for key, value in settings.items() if key != "layout"}
    )


def layout(wildcards):
    return BOOK.size["drawn"][wildcards.group]["layout"]


def table_settings(wildcards):
    return json.dumps(tables.recipe(BOOK, wildcards.table))


def report_files(wildcards):
    """All tables, and the scores behind them: a clone that has only the tables trains anew."""
    scores = tables.inputs(BOOK, TABLES)
    made = expand(f"{TABLE}.csv", table=TABLES)
    # The metrics of some tables alone would take the place of the whole study's.
    metrics = [] if "tables" in config else [f"{METRICS}.csv"]
    # The audit is of the papers.
    audit = [] if STUDY == "own" else ["results/tables/audit.csv"]
    return [*scores, *made, *audit, *metrics]


def all_scores():
    return [
        f"results/runs/{run.folder}/scores.json" for run in tables.runs(BOOK, TABLES)
    ]


def all_systems():
    return sorted({run.system for run in tables.runs(BOOK, TABLES)})


def source_name(wildcards):
    return next(
        source.name for source in SOURCES.sources() if source.file == wildcards.file
    )


def archive_files(wildcards):
    """The archives of a raw folder, unless the user has named a copy of it."""
    if wildcards.group in LOCAL:
        return []
    return archives(wildcards)


def archive_options(wildcards):
    if wildcards.group in LOCAL:
        return [f"--local={LOCAL[wildcards.group]}"]
    return ["--archives", *archives(wildcards)]


def archives(wildcards):
    group = SOURCES.group(wildcards.group)
    return [f"data/archives/{source.file}" for source in group.sources.values()]


def detector_settings(wildcards):
    return json.dumps(
        {block: DETECTORS["light"][block] for block in ("network", "learn")}
    )


def proposal_settings(wildcards):
    kinds = DETECTORS[DETECTOR]["propose"]
    if wildcards.kind not in kinds:
        raise WorkflowError(
            f"study {STUDY} has no regions of the kind {wildcards.kind}: its detector, {DETECTOR},"
            f" gives {', '.join(kinds)}"
        )
    return json.dumps(kinds[wildcards.kind])


def regions_source(wildcards):
    """The index of the user's boxes, or the weights of the study's detector."""
    if wildcards.dataset in OWN_BOXES:
        return f"data/raw/own/{wildcards.dataset}-boxes.json"
    if DETECTOR != "light":
        return DETECTORS[DETECTOR]["weights"]
    other = DETECTORS["trained_on"].get(wildcards.dataset, wildcards.dataset)
    return DETECTED.format(dataset=other)


def regions_option(wildcards):
    if wildcards.dataset in OWN_BOXES:
        return [f"--boxes={OWN_BOXES[wildcards.dataset]}"]
    return [f"--detector={regions_source(wildcards)}"]


def regions(wildcards):
    """The regions of a run whose method asks for them."""
    method = wildcards.system.partition("@")[0]
    if "regions" not in BOOK.method(method).get("inputs", []):
        return []
    kind = DETECTORS[DETECTOR]["kinds"][method]
    return [REGIONS.format(dataset=wildcards.dataset, kind=kind)]


def all_heads(step):
    """The step's code and every method's file."""
    return code(step, *map(method_file, sorted(BOOK.methods)))


def run_files(wildcards):
    """What the report shows of every run."""
    folders = [f"results/runs/{run.folder}" for run in material.runs_of(BOOK)]
    return expand("{folder}/{name}", folder=folders, name=pages.OF_A_RUN)


def measured_costs(wildcards):
    """Speeds, where they were measured. No input of a rule: that would measure them anew."""
    return [path for path in ("results/costs/heads.json",) if Path(path).exists()]


def measured_digest(wildcards):
    return [sha256(Path(path)) for path in measured_costs(wildcards)]


def figure_files(wildcards):
    """All figures, and what they are drawn from."""
    drawn = [path for plan in PLANS.values() for path in plans.inputs(plan)]
    return drawn + expand(f"{FIGURE}.svg", figure=FIGURES)


def choice(wildcards):
    """The rule that names a figure's images, and the files that it looks at."""
    plan = PLANS[wildcards.figure]
    known = plan["files"][wildcards.dataset]
    chosen = {"images": plan.get("images", {}), "targets": known["targets"]}
    return json.dumps(chosen | {"predictions": known.get("predictions", {})})


def choice_files(wildcards):
    known = PLANS[wildcards.figure]["files"][wildcards.dataset]
    return [known["targets"], *known.get("predictions", {}).values()]


def inspection_code(wildcards):
    method = wildcards.system.partition("@")[0]
    return code(
        "inspect_model",
        method_file(method),
        f"src/labelgraph/predict/inspection/{method}.py",
    )


def last_words():
    """What a run that has made tables of the user's own data says at its end."""
    return ending.lines(
        BOOK, {path for job in workflow.dag.jobs for path in job.output}
    )
