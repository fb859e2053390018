# Tables, runs, figures and findings -> pages that a browser shows from the disk.


rule write_report:
    input:
        tables=expand(f"{TABLE}{{kind}}", table=TABLES, kind=pages.KINDS),
        runs=run_files,
        figures=expand(f"{FIGURE}{{kind}}", figure=FIGURES, kind=pages.PICTURES),
        counts=tables.COUNTS,
        audit="results/tables/audit.csv",
        published=expand("workflow/published/{name}.csv", name=AUDITED),
        config=sorted(map(str, CONFIG.rglob("*.yaml"))),
        code=code("write_report"),
        parts=[str(path.relative_to(Path.cwd())) for path in pages.parts()],
    output:
        expand(f"{REPORT}/{{page}}", page=pages.files(TABLES, FIGURES)),
    log:
        f"logs/{STUDY}/write_report.log",
    params:
        given=json.dumps(config, sort_keys=True),
        measured=measured_costs,
        digest=measured_digest,
        figures=lambda wildcards, input: [
            path for path in input.figures if path.endswith(".md")
        ],
    shell:
        "step --log {log} write_report --given {params.given:q} --config workflow/config"
        " --published workflow/published --tables results/tables --runs results/runs"
        " --figures {params.figures} --audit {input.audit} --costs {input.counts} {params.measured} --output results/report"


for alias in ("results/report", "results/report/"):

    rule:
        name:
            alias
        input:
            rules.write_report.output,
