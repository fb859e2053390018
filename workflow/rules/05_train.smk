# A method's settings and its inputs -> its trained model.


include: "functions/05_train.smk"


rule train:
    input:
        train=f"{SPLIT}/train.npz",
        counts=COUNTS,
        vectors=f"{INPUTS}/label_vectors.npz",
        images=train_images,
        grids=ancient(grids(train_images)),
        regions=regions,
        base=base,
        edges=edges,
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
        gpu=BOOK.size.gpu * PROCESSES,
        processes=PROCESSES,
    params:
        settings=training,
        images=image_options(train_images),
        base=base_option,
        edges=edges_option,
        folder=RUN,
    shell:
        step(
            "train",
            "{params.images}",
            "{params.base}",
            "{params.edges}",
            "--code",
            "{input.code}",
            settings="{params.settings}",
            train="{input.train}",
            counts="{input.counts}",
            vectors="{input.vectors}",
            work="work",
            output="{params.folder}",
            processes="{resources.processes}",
            gpus="{resources.gpu}",
        )
