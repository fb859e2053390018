# Functions for the rules of 09_figures.smk.

from labelgraph.figures import fields

INSPECTION = f"results/inspections/{STUDY}/{{figure}}/{{task}}/{{dataset}}/{{system}}/seed{{seed}}.npz"


def figure_files(wildcards):
    """All figures, and the files that they are drawn from."""
    drawn = [path for plan in PLANS.values() for path in plans.inputs(plan)]
    return drawn + expand(f"{FIGURE}.svg", figure=FIGURES)


def choice(wildcards):
    """How the images of a figure are chosen, and from which files."""
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
