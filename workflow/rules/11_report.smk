# Tables, runs, figures and findings -> pages that a browser shows from the disk.


include: "functions/11_report.smk"


rule write_report:
    input:
        tables=expand(f"{TABLE}{{kind}}", table=TABLES, kind=pagefiles.KINDS),
        runs=run_files,
        checks=all_checks,
        figures=expand(f"{FIGURE}{{kind}}", figure=FIGURES, kind=pagefiles.PICTURES),
        counts=tables.COUNTS,
        audit="results/tables/audit.csv",
        recipes=recipes_file,
        claims=claims_file,
        published=expand("workflow/published/{name}.csv", name=AUDITED),
        config=sorted(map(str, CONFIG.rglob("*.yaml"))),
        code=code("write_report"),
        methods=method_pages.code_files(BOOK),
        parts=[str(path.relative_to(Path.cwd())) for path in pagefiles.parts()],
    output:
        expand(
            f"{REPORT}/{{page}}",
            page=pagefiles.files(TABLES, FIGURES, method_pages.shown(BOOK)),
        ),
    log:
        f"logs/{STUDY}/write_report.log",
    params:
        given=lambda wildcards: json.dumps(config, sort_keys=True),
        shown=lambda wildcards, input: [
            "--figures",
            *(path for path in input.figures if path.endswith(".md")),
            "--costs",
            input.counts,
            *measured_costs(wildcards),
            *(f"--claims={path}" for path in claims_file(wildcards)),
            *(f"--recipes={path}" for path in recipes_file(wildcards)),
        ],
        digest=measured_digest,
    shell:
        step(
            "write_report",
            "{params.shown}",
            given="{params.given}",
            config="workflow/config",
            published="workflow/published",
            tables="results/tables",
            runs="results/runs",
            audit="{input.audit}",
            output="results/report",
        )


for alias in ("results/report", "results/report/"):

    rule:
        name:
            alias
        input:
            rules.write_report.output,
