# Functions for the rules of 08_tables.smk.

from labelgraph.own import ending
from labelgraph.study.config import FILES

SETTINGS_FILES = [
    f"workflow/config/{name}.yaml" for name in (*FILES, "own_data", "studies/paper")
]
# The user's own data are in no paper.
ABOUT_PAPERS = [
    f"results/tables/{name}.csv" for name in ("audit", "recipes") if STUDY != "own"
]


def published(wildcards):
    """What the paper of a table printed. The user's own data are in no paper."""
    paper = TABLES[wildcards.table]["paper"]
    return [] if paper == "own" else [f"workflow/published/{paper}.csv"]


def published_option(wildcards):
    return [f"--published={path}" for path in published(wildcards)]


def table_settings(wildcards):
    return json.dumps(tables.recipe(BOOK, wildcards.table))


def table_scores(wildcards):
    return tables.inputs(BOOK, [wildcards.table])


def report_files(wildcards):
    """All tables, and the scores behind them, so that a clone with the tables alone trains anew."""
    scores = tables.inputs(BOOK, TABLES)
    made = expand(f"{TABLE}.csv", table=TABLES)
    # With some of the tables only, the metrics would replace those of the whole study.
    metrics = [] if "tables" in config else [f"{METRICS}.csv"]
    return [*scores, *made, *metrics, *ABOUT_PAPERS]


def last_words():
    """Lines that are printed at the end, after tables of the user's own data."""
    return ending.lines(
        BOOK, {path for job in workflow.dag.jobs for path in job.output}
    )
