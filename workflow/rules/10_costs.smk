# Methods -> what each costs beside its encoder: counted (the same anywhere), measured (here).


include: "functions/10_costs.smk"


rule count_costs:
    input:
        code=all_networks("count_costs"),
    output:
        tables.COUNTS,
    log:
        "logs/costs/count_costs.log",
    params:
        setup=lambda wildcards: json.dumps(networks.setup(BOOK)),
        networks=lambda wildcards: json.dumps(
            networks.settings(BOOK, networks.everyone(BOOK))
        ),
    shell:
        step(
            "count_costs",
            setup="{params.setup}",
            networks="{params.networks}",
            output="{output}",
        )


rule measure_costs:
    input:
        code=all_networks("measure_costs"),
    output:
        json="results/costs/heads.json",
        md="results/costs/heads.md",
    log:
        "logs/costs/measure_costs.log",
    resources:
        gpu=BOOK.size.gpu,
    params:
        setup=lambda wildcards: json.dumps(
            networks.setup(BOOK) | networks.measured(BOOK)
        ),
        networks=lambda wildcards: json.dumps(
            networks.settings(BOOK, networks.everyone(BOOK))
        ),
    shell:
        step(
            "measure_costs",
            setup="{params.setup}",
            networks="{params.networks}",
            output="{output.json}",
            gpus="{resources.gpu}",
            alone=True,
        )


# A table of speeds, which depend on the machine, with those of this machine.
use rule tabulate as tabulate_costs with:
    input:
        scores=table_scores,
        leaders=table_leaders,
        costs=rules.measure_costs.output.json,
        published=published,
        systems="workflow/published/systems.csv",
        code=code("tabulate"),
    output:
        csv="results/costs/{table,ml_sgm_IX}.csv",
        md="results/costs/{table,ml_sgm_IX}.md",
        tex="results/costs/{table,ml_sgm_IX}.tex",
    log:
        "logs/costs/tabulate-{table}.log",
    params:
        options=table_options,
        table=lambda wildcards, input: json.dumps(
            with_checks(wildcards)
            | {"costs": input.costs, "recipes": "../tables/recipes.md"}
        ),


for alias in ("results/costs", "results/costs/"):

    rule:
        name:
            alias
        input:
            rules.measure_costs.output,
            expand("results/costs/{table}.md", table={"ml_sgm_IX"} & set(TABLES)),
