"""What to do next, for those who type `labelgraph` and nothing else."""

from pathlib import Path

CONFIG, RUNS = Path("workflow/config"), Path("results/runs")
ELSEWHERE = """There is no workflow/config here. Start labelgraph in the repository's folder, as in

    cd labelgraph && uv run labelgraph
"""
FIRST = """Nothing is trained yet. The first minutes, without data or a GPU:

    uv run snakemake --cores 8 results/tables
"""
TRAINED = """{count} runs are there. One of them on a picture of yours, or on a page:

    uv run labelgraph predict {run} photo.jpg
    uv run --extra serve labelgraph serve {run}
"""
OWN = """Pictures of your own (docs/own_pictures.md is a walk of five minutes):

    uv run labelgraph check-data FOLDER --write FILE.yaml
    uv run snakemake --cores 2 results/tables --configfile FILE.yaml
"""
VERBS = "All verbs; `labelgraph VERB --help` says more of each:\n"


def next_steps(verbs: dict[str, str]) -> str:
    """`verbs`: each with a sentence."""
    width = max(map(len, verbs))
    listed = VERBS + "".join(f"\n    {verb:{width}}  {text}" for verb, text in verbs.items())
    if not CONFIG.is_dir():
        return f"{ELSEWHERE}\n{listed}"
    runs = sorted(path.parent for path in RUNS.glob("**/model.safetensors"))
    best = sorted(runs, key=lambda run: ("own" not in run.parts, "full" not in run.parts))
    here = TRAINED.format(count=len(runs), run=best[0]) if runs else FIRST
    return f"{here}\n{OWN}\n{listed}"
