# What the rules of 08_tables.smk ask for.

from labelgraph.own import ending


def published(wildcards):
    """What the paper of a table printed; data of one's own are in none."""
    paper = TABLES[wildcards.table]["paper"]
    return [] if paper == "own" else [f"workflow/published/{paper}.csv"]


def published_option(wildcards):
    return [f"--published={path}" for path in published(wildcards)]


def table_settings(wildcards):
    return json.dumps(tables.recipe(BOOK, wildcards.table))


def table_scores(wildcards):
    return tables.inputs(BOOK, [wildcards.table])


def report_files(wildcards):
    """All tables, and the scores behind them: a clone that has only the tables trains anew."""
    scores = tables.inputs(BOOK, TABLES)
    made = expand(f"{TABLE}.csv", table=TABLES)
    # The metrics of some tables alone would take the place of the whole study's.
    metrics = [] if "tables" in config else [f"{METRICS}.csv"]
    # The audit is of the papers.
    audit = [] if STUDY == "own" else ["results/tables/audit.csv"]
    return [*scores, *made, *audit, *metrics]


def last_words():
    """What a run that has made tables of the user's own data says at its end."""
    return ending.lines(
        BOOK, {path for job in workflow.dag.jobs for path in job.output}
    )
