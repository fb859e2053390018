# Raw files -> manifests -> splits -> inputs -> training -> predictions -> scores -> tables.
#
#   snakemake --cores 8 results/tables                         every table of the mini study
#   snakemake --cores 8 results/report                         the same, as pages for a browser
#   snakemake --cores 8 results/tables --config study=laptop   the same on real VOC 2007
#   snakemake -n results/tables --config study=paper           list the jobs of the whole study

from snakemake.utils import min_version

min_version("9.0")


container: "docker://python:3.11"


include: "workflow/rules/common.smk"
include: "workflow/rules/records.smk"
include: "workflow/rules/gpus.smk"


# On a cluster these run where Snakemake runs: downloads, since compute nodes often have no internet
# access, and jobs that take a second.
localrules:
    fetch,
    audit,
    tabulate_recipes,
    tabulate,
    tabulate_costs,
    tabulate_convergence,
    summarise,


include: "workflow/rules/01_fetch.smk"
include: "workflow/rules/02_manifest.smk"
include: "workflow/rules/03_split.smk"
include: "workflow/rules/04_inputs.smk"
include: "workflow/rules/04_knowledge.smk"
include: "workflow/rules/05_train.smk"
include: "workflow/rules/06_predict.smk"
include: "workflow/rules/07_score.smk"
include: "workflow/rules/08_tables.smk"
include: "workflow/rules/09_figures.smk"
include: "workflow/rules/10_costs.smk"
include: "workflow/rules/11_report.smk"


if BOOK.size.models == "removed":
    snakemake_patches.remove_models(workflow)


rule all:
    default_target: True
    input:
        report_files,
