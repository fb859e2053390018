# What the rules of 11_report.smk ask for.


def run_files(wildcards):
    """What the report shows of every run."""
    folders = [f"results/runs/{run.folder}" for run in material.runs_of(BOOK)]
    return expand("{folder}/{name}", folder=folders, name=pagefiles.OF_A_RUN)


def measured_costs(wildcards):
    """Speeds, where they were measured. No input of a rule: that would measure them anew."""
    return [path for path in ("results/costs/heads.json",) if Path(path).exists()]


def measured_digest(wildcards):
    return [sha256(Path(path)) for path in measured_costs(wildcards)]
