# Scores and published values -> tables.


rule tabulate:
    input:
        scores=table_scores,
        published=lambda wildcards: f"workflow/published/{TABLES[wildcards.table]['paper']}.csv",
        systems="workflow/published/systems.csv",
        code=code("tabulate"),
    output:
        expand("results/tables/{study}/{{table}}.{kind}", study=STUDY, kind=("csv", "md", "tex")),
    log:
        f"logs/{STUDY}/tabulate/{{table}}.log",
    params:
        table=table_settings,
    shell:
        "{STEP} --log {log} tabulate --table {params.table:q} --published {input.published}"
        " --systems {input.systems} --scores {input.scores} --output {output}"


# The second name serves those whose shell completes folders with a slash.
for alias in ("results/tables", "results/tables/"):

    rule:
        name:
            alias
        input:
            report_files,
