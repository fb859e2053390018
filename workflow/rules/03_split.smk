# A manifest -> which images train, choose the checkpoint and are reported; which labels are hidden.


include: "functions/03_split.smk"


rule split:
    input:
        manifest=MANIFEST,
        code=code("split"),
    output:
        train=f"{SPLIT}/train.npz",
        report=f"{SPLIT}/report.npz",
        targets=f"{SPLIT}/targets.npz",
        description=f"{SPLIT}/protocol.json",
    log:
        f"logs/{STUDY}/split/{{task}}-{{dataset}}.log",
    params:
        protocol=protocol,
    shell:
        step(
            "split",
            manifest="{input.manifest}",
            protocol="{params.protocol}",
            train="{output.train}",
            report="{output.report}",
            targets="{output.targets}",
            description="{output.description}",
        )
