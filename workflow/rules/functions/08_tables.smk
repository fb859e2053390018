# Functions for the rules of 08_tables.smk.

from labelgraph.own import ending
from labelgraph.review.claims import comparisons
from labelgraph.review.claims import recipe as claims_recipe
from labelgraph.study.config import FILES
from labelgraph.tables import leaders

SETTINGS_FILES = [
    f"workflow/config/{name}.yaml" for name in (*FILES, "own_data", "studies/paper")
]
LEADERS = f"results/comparisons/{STUDY}/{{table}}.csv"
CLAIMS = f"results/tables/{STUDY}/claims"
CHECKS = f"results/tables/{STUDY}/convergence"
CLAIMED = [*PAPERS, "systems", "claims", "own_claims"]  # in workflow/published/
# The user's own data are in no paper.
ABOUT_PAPERS = [
    f"results/tables/{name}.csv" for name in ("audit", "recipes") if STUDY != "own"
]

if (
    STUDY != "own" and workflow.is_main_process
):  # before a mistake comes up within the plan
    try:
        comparisons.made(Path("workflow/published"))
    except (ValueError, FileNotFoundError) as error:
        raise WorkflowError(str(error)) from None


def published(wildcards):
    """What the paper of a table printed. The user's own data are in no paper."""
    paper = TABLES[wildcards.table]["paper"]
    return [] if paper == "own" else [f"workflow/published/{paper}.csv"]


def published_option(wildcards):
    return [f"--published={path}" for path in published(wildcards)]


def with_checks(wildcards):
    """All that a table depends on besides scores and published values."""
    checks = convergence.recipe(BOOK, [wildcards.table])
    return tables.recipe(BOOK, wildcards.table) | {"convergence": checks}


def table_leaders(wildcards):
    """Who is best in each column. A table of counts alone has no runs to compare."""
    some = tables.runs(BOOK, [wildcards.table])
    return expand(LEADERS, table=wildcards.table) if some else []


def table_options(wildcards):
    found = [f"--leaders={path}" for path in table_leaders(wildcards)]
    return [*published_option(wildcards), *found]


def table_predictions(wildcards):
    runs = tables.runs(BOOK, [wildcards.table])
    splits = sorted({f"{run.task}/{run.dataset}" for run in runs})
    return [
        *(f"results/runs/{run.folder}/predictions.npz" for run in runs),
        *(f"results/runs/{run.folder}/scores.json" for run in runs),
        *(f"data/splits/{STUDY}/{split}/targets.npz" for split in splits),
    ]


def compared_settings(wildcards):
    return json.dumps(leaders.context(tables.recipe(BOOK, wildcards.table)))


def table_settings(wildcards):
    return json.dumps(with_checks(wildcards))


def table_scores(wildcards):
    names = [wildcards.table]
    return tables.inputs(BOOK, names) + convergence.inputs(BOOK, names)


def usual_runs(wildcards):
    """The folders of the runs that a longer one is compared with; its own seed comes first."""
    about = convergence.settings(BOOK, run(wildcards))
    folder = f"results/runs/{STUDY}/{about['place']}/{about['system']}"
    return [f"{folder}/seed{seed}" for seed in about["seeds"]]


def usual_scores(wildcards):
    return [f"{folder}/scores.json" for folder in usual_runs(wildcards)]


def usual_predictions(wildcards):
    return f"{usual_runs(wildcards)[0]}/predictions.npz"


def check_settings(wildcards):
    return json.dumps(convergence.settings(BOOK, run(wildcards)))


def all_checks(wildcards):
    return convergence.inputs(BOOK, TABLES)


def checks_settings(wildcards):
    about = {"study": STUDY, "note": BOOK.size.note}
    return json.dumps(about | convergence.recipe(BOOK, TABLES))


@cache
def judged():
    """What the claims need: settings, and comparisons of runs that are there for tables."""
    settings = claims_recipe.recipe(BOOK, [*TABLES])
    return settings, comparisons.of_study(settings, Path("workflow/published"))


def claims_settings(wildcards):
    return json.dumps(judged()[0])


def judged_files(wildcards):
    settings, found = judged()
    runs = comparisons.folders(found)
    splits = sorted({run.rsplit("/", 2)[0] for run in runs})
    return [
        *(f"results/runs/{STUDY}/{run}/predictions.npz" for run in runs),
        *(f"results/runs/{STUDY}/{run}/scores.json" for run in runs),
        *(f"data/splits/{STUDY}/{split}/targets.npz" for split in splits),
        *filter(None, [settings["counts"]]),
    ]


def report_files(wildcards):
    """All tables, and the scores behind them, so that a clone with the tables alone trains anew."""
    checks = all_checks(wildcards)
    scores = tables.inputs(BOOK, TABLES) + checks
    made = expand(f"{TABLE}.csv", table=TABLES)
    # With some of the tables only, these would replace those of the whole study.
    whole = [f"{METRICS}.csv", *([f"{CHECKS}.csv"] if checks else [])]
    whole += [f"{CLAIMS}.csv"] if STUDY != "own" else []
    return [*scores, *made, *([] if "tables" in config else whole), *ABOUT_PAPERS]


def last_words():
    """Lines that are printed at the end, after tables of the user's own data."""
    return ending.lines(
        BOOK, {path for job in workflow.dag.jobs for path in job.output}
    )


def all_networks(step):
    """The step's code and the files of all methods."""
    return code(step, *map(method_file, sorted(BOOK.methods)))
