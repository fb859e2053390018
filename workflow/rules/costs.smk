# Methods -> what each costs beside its encoder, counted (the same anywhere) and measured (here).


def all_heads(step):
    """The step's code and every method's file."""
    return code(step, *sorted(map(str, Path("src/labelgraph/models").glob("[!_]*.py"))))


rule count_costs:
    input:
        code=all_heads("count_costs"),
    output:
        tables.COUNTS,
    log:
        "logs/costs/count_costs.log",
    params:
        setup=json.dumps(heads.setup(BOOK)),
        networks=json.dumps(heads.networks(BOOK, heads.everyone(BOOK))),
    shell:
        "step --log {log} count_costs --setup {params.setup:q} --networks {params.networks:q}"
        " --output {output}"
