# Functions for the rules of 11_report.smk.

from labelgraph.files.small import sha256
from labelgraph.report import method_pages, other_studies, pagefiles, results

REPORT = f"results/report/{STUDY}"


def run_files(wildcards):
    """The files of every run that the report shows."""
    folders = [f"results/runs/{run.folder}" for run in results.runs_of(BOOK)]
    return expand("{folder}/{name}", folder=folders, name=pagefiles.OF_A_RUN)


def recipes_file(wildcards):
    """Recipes of the papers, which a report on the user's own data leaves out."""
    return [] if STUDY == "own" else ["results/tables/recipes.csv"]


def claims_file(wildcards):
    """Verdicts, which are made with all tables of a study."""
    return [] if STUDY == "own" or "tables" in config else [f"{CLAIMS}.csv"]


def measured_costs(wildcards):
    """Speeds, if they were measured. They are no input, or each report would measure them again."""
    return [path for path in ("results/costs/heads.json",) if Path(path).exists()]


def measured_digest(wildcards):
    return [sha256(Path(path)) for path in measured_costs(wildcards) + elsewhere()]


def elsewhere():
    """Tables of other studies, which are no input either: they are shown where they exist."""
    return other_studies.files(Path("results/tables"), CONFIG, STUDY)
