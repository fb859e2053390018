# A trained model -> scores of every reported image, and probabilities.


rule predict:
    input:
        model=f"{RUN}/model.safetensors",
        report=f"{SPLIT}/report.npz",
        images=test_images,
        grids=ancient(grids(test_images)),
        regions=regions,
        code=method_code("predict"),
    output:
        f"{RUN}/predictions.npz",
    log:
        f"logs/{STUDY}/predict/{{task}}-{{dataset}}-{{system}}-{{seed}}.log",
    threads: all_processors
    resources:
        gpu=BOOK.size.gpu * PROCESSES,
        processes=PROCESSES,
    params:
        settings=training,
        images=image_options(test_images),
    shell:
        step(
            "predict",
            "{params.images}",
            settings="{params.settings}",
            model="{input.model}",
            report="{input.report}",
            output="{output}",
            processes="{resources.processes}",
            gpus="{resources.gpu}",
        )


# Probabilities for `labelgraph predict`: always for the user's own data, else on request.
rule calibrate:
    input:
        model=f"{RUN}/model.safetensors",
        train=f"{SPLIT}/train.npz",
        images=test_images,
        grids=ancient(grids(test_images)),
        regions=regions,
        code=method_code("calibrate"),
    output:
        f"{RUN}/calibration.json",
    log:
        f"logs/{STUDY}/calibrate/{{task}}-{{dataset}}-{{system}}-{{seed}}.log",
    threads: processors
    resources:
        gpu=BOOK.size.gpu,
    params:
        settings=training,
        selection=BOOK.size.selection,
        threshold=lambda wildcards: settings(wildcards).scoring.threshold,
        images=image_options(test_images),
    shell:
        step(
            "calibrate",
            "{params.images}",
            settings="{params.settings}",
            selection="{params.selection}",
            threshold="{params.threshold}",
            model="{input.model}",
            train="{input.train}",
            output="{output}",
            gpus="{resources.gpu}",
        )
