# Scores and published values -> tables.


rule tabulate:
    input:
        scores=table_scores,
        published=lambda wildcards: f"workflow/published/{TABLES[wildcards.table]['paper']}.csv",
        systems="workflow/published/systems.csv",
        code=code("tabulate"),
    output:
        csv=f"{TABLE}.csv",
        md=f"{TABLE}.md",
        tex=f"{TABLE}.tex",
    log:
        f"logs/{STUDY}/tabulate/{{table}}.log",
    params:
        table=table_settings,
    shell:
        "step --log {log} tabulate --table {params.table:q} --published {input.published}"
        " --systems {input.systems} --output {output.csv}"


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
        folder=METRICS,
    shell:
        "step --log {log} summarise --scores {input.scores} --folder {params.folder}"
        " --csv {output.csv}"


# The second name serves those whose shell completes folders with a slash.
for alias in ("results/tables", "results/tables/"):

    rule:
        name:
            alias
        input:
            report_files,
