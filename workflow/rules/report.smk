# Scores and published values -> tables.


rule tabulate:
    input:
        scores=table_scores,
        published=published,
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


# The second name serves those whose shell completes folders with a slash.
for alias in ("results/tables", "results/tables/"):

    rule:
        name:
            alias
        input:
            report_files,
