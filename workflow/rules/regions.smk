# Boxes of the fit images -> a light detector -> regions of every image.

from labelgraph.recipe import read_yaml

DETECTORS = read_yaml(CONFIG / "detectors.yaml")
DETECTOR = DETECTORS["of_study"][STUDY]
OWN_BOXES = BOOK.size.get("boxes", {})  # dataset -> the user's COCO results
TRAINED = INPUTS + "/detector.safetensors"
REGIONS = INPUTS + "/regions-{kind}.npz"


wildcard_constraints:
    kind="rpn|instances",


def detector_settings(wildcards):
    return json.dumps(
        {block: DETECTORS["light"][block] for block in ("network", "learn")}
    )


def proposal_settings(wildcards):
    return json.dumps(DETECTORS[DETECTOR]["propose"][wildcards.kind])


def regions_source(wildcards):
    """The user's boxes, or the weights of the study's detector."""
    if wildcards.dataset in OWN_BOXES:
        return OWN_BOXES[wildcards.dataset]
    if DETECTOR != "light":
        return DETECTORS[DETECTOR]["weights"]
    other = DETECTORS["trained_on"].get(wildcards.dataset, wildcards.dataset)
    return TRAINED.format(dataset=other)


def regions_option(wildcards):
    return "--boxes" if wildcards.dataset in OWN_BOXES else "--detector"


def regions_of(wildcards):
    """The regions of a run whose method asks for them."""
    method = wildcards.system.partition("@")[0]
    if "regions" not in BOOK.methods[method].get("inputs", []):
        return []
    kind = DETECTORS[DETECTOR]["kinds"][method]
    return REGIONS.format(dataset=wildcards.dataset, kind=kind)


rule train_detector:
    input:
        manifest=MANIFEST,
        train=f"data/splits/{STUDY}/full/{{dataset}}/train.npz",
        code=code("train_detector"),
    output:
        TRAINED,
    log:
        f"logs/{STUDY}/train_detector/{{dataset}}.log",
    params:
        settings=detector_settings,
        root=raw,
    shell:
        "{STEP} train_detector --manifest {input.manifest} --train {input.train}"
        " --root {params.root} --settings {params.settings:q} --output {output}"


rule propose_regions:
    input:
        manifest=MANIFEST,
        source=regions_source,
        code=code("propose_regions"),
    output:
        REGIONS,
    log:
        f"logs/{STUDY}/propose_regions/{{dataset}}-{{kind}}.log",
    resources:
        gpu=BOOK.size["gpu"],
    params:
        settings=proposal_settings,
        option=regions_option,
        root=raw,
    shell:
        "{STEP} propose_regions --manifest {input.manifest} --root {params.root}"
        " {params.option} {input.source} --settings {params.settings:q} --output {output}"
