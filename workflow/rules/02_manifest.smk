# Raw files -> a table of images with their labels.


include: "functions/02_manifest.smk"


rule write_manifest:
    input:
        raw=raw_index,
        code=reader_code,
    output:
        manifest=MANIFEST,
        report=f"data/manifests/{STUDY}/{{dataset}}.json",
    log:
        f"logs/{STUDY}/write_manifest/{{dataset}}.log",
    params:
        reader=lambda wildcards: dataset(wildcards).reader,
        options=lambda wildcards: json.dumps(dataset(wildcards).options),
        root=raw,
    shell:
        step(
            "write_manifest",
            reader="{params.reader}",
            root="{params.root}",
            options="{params.options}",
            output="{output.manifest}",
            report="{output.report}",
        )
