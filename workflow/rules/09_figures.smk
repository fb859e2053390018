# Models, predictions and scores -> figures.


include: "functions/09_figures.smk"


# What a figure shows of a model besides its scores: maps, regions, features, labels.
rule inspect_model:
    input:
        model=f"{RUN}/model.safetensors",
        report=f"{SPLIT}/report.npz",
        images=test_images,
        grids=ancient(grids(test_images)),
        regions=regions,
        choice=choice_files,
        code=inspection_code,
    output:
        INSPECTION,
    log:
        f"logs/{STUDY}/inspect_model/{{figure}}-{{task}}-{{dataset}}-{{system}}-{{seed}}.log",
    threads: processors
    resources:
        gpu=BOOK.size.gpu,
    params:
        settings=training,
        images=image_options(test_images),
        view=lambda wildcards: fields.KINDS[FIGURES[wildcards.figure]["kind"]].view,
        choice=choice,
    shell:
        step(
            "inspect_model",
            "{params.images}",
            view="{params.view}",
            choice="{params.choice}",
            settings="{params.settings}",
            model="{input.model}",
            report="{input.report}",
            output="{output}",
            gpus="{resources.gpu}",
        )


rule plot:
    input:
        files=lambda wildcards: plans.inputs(PLANS[wildcards.figure]),
        code=lambda wildcards: code(
            "plot",
            f"src/labelgraph/figures/kinds/{FIGURES[wildcards.figure]['kind']}.py",
        ),
    output:
        svg=f"{FIGURE}.svg",
        png=f"{FIGURE}.png",
        md=f"{FIGURE}.md",
    log:
        f"logs/{STUDY}/plot/{{figure}}.log",
    params:
        figure=lambda wildcards: json.dumps(PLANS[wildcards.figure]),
    shell:
        step(
            "plot",
            figure="{params.figure}",
            output="{output.svg}",
        )


for alias in ("results/figures", "results/figures/"):

    rule:
        name:
            alias
        input:
            figure_files,
