# Splits and images -> what methods are given besides: label statistics, word vectors, features.


rule count_labels:
    input:
        train=f"{SPLIT}/train.npz",
        code=code("count_labels"),
    output:
        COUNTS,
    log:
        f"logs/{STUDY}/count_labels/{{task}}-{{dataset}}.log",
    shell:
        "step --log {log} count_labels --train {input.train} --output {output}"


rule embed_labels:
    input:
        manifest=MANIFEST,
        vectors=f"data/raw/{ORIGIN}/glove.json",
        code=code("embed_labels"),
    output:
        vectors=f"{INPUTS}/label_vectors.npz",
        report=f"{INPUTS}/label_vectors.json",
    log:
        f"logs/{STUDY}/embed_labels/{{dataset}}.log",
    params:
        options=embedding,
        words=f"data/raw/{ORIGIN}/glove/glove.6B.300d.txt",
    shell:
        "step --log {log} embed_labels --manifest {input.manifest} --vectors {params.words}"
        " --options {params.options:q} --output {output.vectors} --report {output.report}"


rule extract_features:
    input:
        manifest=MANIFEST,
        code=code("extract_features"),
    output:
        index=f"{FEATURES}.json",
        grid=f"{FEATURES}.npy",
    log:
        f"logs/{STUDY}/extract_features/{{dataset}}-{{encoder}}-{{size}}-{{view}}.log",
    params:
        encoder=encoder_settings,
        parts=view_parts,
        root=raw,
    shell:
        "step --log {log} extract_features --manifest {input.manifest} --root {params.root}"
        " --encoder {params.encoder:q} --parts {params.parts} --work work --output {output.index}"
