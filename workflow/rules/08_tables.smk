# Scores and published values -> tables; runs with more epochs -> who has not converged; claims and
# predictions -> verdicts; published values alone
# -> an audit of contradictions; recipes of papers and of their code -> beside what is done here.


include: "functions/08_tables.smk"


# Which values of a table are bold: a caption asks for no predictions.
rule compare_rows:
    input:
        runs=table_predictions,
        published=published,
        code=code("compare_rows"),
    output:
        LEADERS,
    log:
        f"logs/{STUDY}/compare_rows/{{table}}.log",
    params:
        table=compared_settings,
        published=published_option,
    shell:
        step(
            "compare_rows",
            "{params.published}",
            table="{params.table}",
            runs=f"results/runs/{STUDY}",
            splits=f"data/splits/{STUDY}",
            output="{output}",
        )


rule tabulate:
    input:
        scores=table_scores,
        leaders=table_leaders,
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
        options=table_options,
    shell:
        step(
            "tabulate",
            "{params.options}",
            table="{params.table}",
            systems="{input.systems}",
            output="{output.csv}",
        )


# Is a number higher after a longer training? Beside the longer run.
rule check_convergence:
    input:
        scores=usual_scores,
        predictions=usual_predictions,
        longer=[f"{RUN}/scores.json", f"{RUN}/predictions.npz"],
        targets=f"{SPLIT}/targets.npz",
        code=code("check_convergence"),
    output:
        f"{RUN}/{convergence.FILE}",
    log:
        f"logs/{STUDY}/check_convergence/{{task}}-{{dataset}}-{{system}}-{{seed}}.log",
    params:
        check=check_settings,
    shell:
        step(
            "check_convergence",
            check="{params.check}",
            runs=f"results/runs/{STUDY}/{{wildcards.task}}/{{wildcards.dataset}}",
            targets="{input.targets}",
            output="{output}",
        )


rule tabulate_convergence:
    input:
        checks=all_checks,
        code=code("tabulate_convergence"),
    output:
        csv=f"{CHECKS}.csv",
        md=f"{CHECKS}.md",
    log:
        f"logs/{STUDY}/tabulate_convergence.log",
    params:
        recipe=checks_settings,
    shell:
        step(
            "tabulate_convergence",
            recipe="{params.recipe}",
            output="{output.csv}",
        )


# Of runs that tables need anyway.
rule judge_claims:
    input:
        runs=judged_files,
        published=expand("workflow/published/{name}.csv", name=CLAIMED),
        code=code("judge_claims"),
    output:
        csv=f"{CLAIMS}.csv",
        md=f"{CLAIMS}.md",
        tex=f"{CLAIMS}.tex",
    log:
        f"logs/{STUDY}/judge_claims.log",
    params:
        recipe=claims_settings,
    shell:
        step(
            "judge_claims",
            recipe="{params.recipe}",
            published="workflow/published",
            runs=f"results/runs/{STUDY}",
            splits=f"data/splits/{STUDY}",
            output="{output.csv}",
        )


rule audit:
    input:
        published=expand("workflow/published/{name}.csv", name=AUDITED),
        code=code("audit"),
    output:
        csv="results/tables/audit.csv",
        md="results/tables/audit.md",
    log:
        "logs/audit.log",
    shell:
        step(
            "audit",
            published="workflow/published",
            output="{output.csv}",
        )


# Of the papers' protocol, whatever study is run.
rule tabulate_recipes:
    input:
        recipes="workflow/published/recipes.csv",
        config=SETTINGS_FILES,
        code=all_networks("tabulate_recipes"),
    output:
        csv="results/tables/recipes.csv",
        md="results/tables/recipes.md",
    log:
        "logs/recipes.log",
    shell:
        step(
            "tabulate_recipes",
            config="workflow/config",
            study="paper",
            output="{output.csv}",
        )


# The second name is for shells that complete folders with a slash.
for alias in ("results/tables", "results/tables/"):

    rule:
        name:
            alias
        input:
            report_files,
