# A method's settings -> its trained model -> scores of every reported image -> every metric.


rule train:
    input:
        train=f"{SPLIT}/train.npz",
        counts=COUNTS,
        vectors=f"{INPUTS}/label_vectors.npz",
        images=train_images,
        grids=ancient(grids(train_images)),
        regions=regions,
        base=base,
        code=method_code("train"),
    output:
        model=f"{RUN}/model.safetensors",
        history=f"{RUN}/history.csv",
        settings=f"{RUN}/settings.yaml",
        provenance=f"{RUN}/provenance.json",
    log:
        f"logs/{STUDY}/train/{{task}}-{{dataset}}-{{system}}-{{seed}}.log",
    threads: all_processors
    resources:
        gpu=BOOK.size["gpu"] * PROCESSES,
        processes=PROCESSES,
    params:
        settings=training,
        images=image_options(train_images),
        base=base_option,
        folder=RUN,
    shell:
        step(
            "train",
            "{params.images}",
            "{params.base}",
            settings="{params.settings}",
            train="{input.train}",
            counts="{input.counts}",
            vectors="{input.vectors}",
            work="work",
            output="{params.folder}",
            processes="{resources.processes}",
        )


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
        gpu=BOOK.size["gpu"] * PROCESSES,
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
        )


rule score:
    input:
        predictions=f"{RUN}/predictions.npz",
        targets=f"{SPLIT}/targets.npz",
        code=code("score"),
    output:
        f"{RUN}/scores.json",
    log:
        f"logs/{STUDY}/score/{{task}}-{{dataset}}-{{system}}-{{seed}}.log",
    params:
        settings=scoring,
    shell:
        step(
            "score",
            predictions="{input.predictions}",
            targets="{input.targets}",
            settings="{params.settings}",
            output="{output}",
        )


# Probabilities for `labelgraph predict`; a run of the user's own data has them, any other on request.
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
        gpu=BOOK.size["gpu"],
    params:
        settings=training,
        selection=BOOK.size["selection"],
        threshold=lambda wildcards: settings(wildcards)["scoring"]["threshold"],
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
        )


# What the tables and the model card of the user's own data say beyond the scores.
rule assess:
    input:
        predictions=f"{RUN}/predictions.npz",
        targets=f"{SPLIT}/targets.npz",
        fitted=f"{RUN}/calibration.json",
        code=code("assess"),
    output:
        f"{RUN}/assessment.json",
    log:
        f"logs/{STUDY}/assess/{{task}}-{{dataset}}-{{system}}-{{seed}}.log",
    params:
        settings=scoring,
    shell:
        step(
            "assess",
            predictions="{input.predictions}",
            targets="{input.targets}",
            fitted="{input.fitted}",
            settings="{params.settings}",
            output="{output}",
        )
