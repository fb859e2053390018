# ConceptNet -> what is known of a dataset's labels; only where a run asks for it.


include: "functions/04_knowledge.smk"


rule relate_labels:
    input:
        manifest=MANIFEST,
        assertions="data/raw/official/conceptnet.json",
        code=code("relate_labels"),
    output:
        edges=EDGES,
        report=f"{INPUTS}/label_edges.json",
    log:
        f"logs/{STUDY}/relate_labels/{{dataset}}.log",
    params:
        aliases=aliases,
    shell:
        step(
            "relate_labels",
            manifest="{input.manifest}",
            assertions=f"data/raw/official/conceptnet/{conceptnet.FILE}",
            aliases="{params.aliases}",
            output="{output.edges}",
            report="{output.report}",
        )
