# Predictions and targets -> every metric.


include: "functions/07_score.smk"


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


# More than scores, for the tables and the model card of the user's own data.
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


rule summarise:
    input:
        scores=all_scores(),
        code=code("summarise"),
    output:
        json=expand(f"{METRICS}/{{system}}.json", system=all_systems()),
        csv=f"{METRICS}.csv",
    log:
        f"logs/{STUDY}/summarise.log",
    params:
        folder=lambda wildcards, output: output.csv.removesuffix(".csv"),
    shell:
        step(
            "summarise",
            "{input.scores}",
            folder="{params.folder}",
            csv="{output.csv}",
        )
