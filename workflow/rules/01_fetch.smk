# Downloads, drawn scenes or the user's own folders -> raw files.


include: "functions/01_fetch.smk"


rule fetch:
    output:
        "data/archives/{file}",
    log:
        "logs/fetch/{file}.log",
    params:
        name=source_name,
    shell:
        step(
            "fetch",
            sources="workflow/config/sources.yaml",
            name="{params.name}",
            output="{output}",
        )


rule unpack:
    input:
        archive_files,
    output:
        "data/raw/official/{group}.json",
    log:
        "logs/unpack/{group}.log",
    params:
        origin=archive_options,
    shell:
        step(
            "unpack",
            "{params.origin}",
            sources="workflow/config/sources.yaml",
            name="{wildcards.group}",
            output="{output}",
        )


rule list_folder:
    input:
        code=code("list_folder"),
    output:
        "data/raw/own/{name}.json",
    log:
        "logs/list_folder/{name}.log",
    params:
        folder=own_folder,
        state=lambda wildcards: own_data.state(Path(own_folder(wildcards))),
    shell:
        step(
            "list_folder",
            folder="{params.folder}",
            state="{params.state}",
            output="{output}",
        )


rule list_file:
    input:
        code=code("list_file"),
    output:
        "data/raw/own/{name}-{which}.json",
    log:
        "logs/list_file/{name}-{which}.log",
    params:
        file=own_file,
        state=lambda wildcards: filestamps.stamp(Path(own_file(wildcards))),
    shell:
        step("list_file", file="{params.file}", output="{output}")


rule draw:
    input:
        code=layout_code,
    output:
        "data/raw/drawn/{group}.json",
    log:
        "logs/draw/{group}.log",
    threads: 2
    params:
        settings=drawing,
        layout=layout,
        folder=lambda wildcards, output: output[0].removesuffix(".json"),
    shell:
        step(
            "draw",
            dataset="{params.layout}",
            settings="{params.settings}",
            root="{params.folder}",
            index="{output}",
            jobs="{threads}",
        )


# In a clone that pulled the rest: made in the same run as a training, they would outdate all others.
for alias in ("data/raw", "data/raw/"):

    rule:
        name:
            alias
        input:
            raw_files,
