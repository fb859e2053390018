# Splits and images -> inputs of the methods: label statistics, word vectors, features, regions.


include: "functions/04_inputs.smk"


rule count_labels:
    input:
        train=f"{SPLIT}/train.npz",
        code=code("count_labels"),
    output:
        COUNTS,
    log:
        f"logs/{STUDY}/count_labels/{{task}}-{{dataset}}.log",
    shell:
        step(
            "count_labels",
            train="{input.train}",
            output="{output}",
        )


rule embed_labels:
    input:
        manifest=MANIFEST,
        vectors=word_index,
        code=code("embed_labels"),
    output:
        vectors=f"{INPUTS}/label_vectors.npz",
        report=f"{INPUTS}/label_vectors.json",
    log:
        f"logs/{STUDY}/embed_labels/{{dataset}}.log",
    params:
        options=embedding,
        words=word_option,
    shell:
        step(
            "embed_labels",
            "{params.words}",
            manifest="{input.manifest}",
            options="{params.options}",
            output="{output.vectors}",
            report="{output.report}",
        )


rule extract_features:
    input:
        manifest=MANIFEST,
        code=code("extract_features"),
    output:
        index=f"{FEATURES}.json",
        grid=f"{FEATURES}.npy",
    log:
        f"logs/{STUDY}/extract_features/{{dataset}}-{{encoder}}-{{size}}-{{view}}.log",
    threads: threads_of_a_job
    params:
        encoder=encoder_settings,
        parts=view_parts,
        root=raw,
    shell:
        step(
            "extract_features",
            "--code",
            "{input.code}",
            manifest="{input.manifest}",
            root="{params.root}",
            encoder="{params.encoder}",
            parts="{params.parts}",
            work="work",
            output="{output.index}",
        )


rule train_detector:
    input:
        manifest=MANIFEST,
        train=f"data/splits/{STUDY}/full/{{dataset}}/train.npz",
        code=code("train_detector"),
    output:
        DETECTED,
    log:
        f"logs/{STUDY}/train_detector/{{dataset}}.log",
    threads: threads_of_a_job
    params:
        settings=detector_settings,
        root=raw,
    shell:
        step(
            "train_detector",
            manifest="{input.manifest}",
            train="{input.train}",
            root="{params.root}",
            settings="{params.settings}",
            output="{output}",
        )


rule propose_regions:
    input:
        manifest=MANIFEST,
        source=regions_source,
        code=code("propose_regions"),
    output:
        REGIONS,
    log:
        f"logs/{STUDY}/propose_regions/{{dataset}}-{{kind}}.log",
    threads: threads_of_a_job
    resources:
        gpu=BOOK.size.gpu,
    params:
        settings=proposal_settings,
        source=regions_option,
        root=raw,
    shell:
        step(
            "propose_regions",
            "{params.source}",
            manifest="{input.manifest}",
            root="{params.root}",
            settings="{params.settings}",
            output="{output}",
            gpus="{resources.gpu}",
        )
