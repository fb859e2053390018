# Functions for the rules of 07_score.smk.


def scoring(wildcards):
    return settings(wildcards).scoring.json_text()


def all_scores():
    return [
        f"results/runs/{run.folder}/scores.json" for run in tables.runs(BOOK, TABLES)
    ]


def all_systems():
    return sorted({run.system for run in tables.runs(BOOK, TABLES)})
