# Functions for the rules of 04_knowledge.smk.

from labelgraph.inputs import conceptnet

EDGES = f"{INPUTS}/label_edges.csv"


def aliases(wildcards):
    return json.dumps(dataset(wildcards).aliases)


def edges(wildcards):
    """What ConceptNet says of the labels, if the run asks for it."""
    asked = settings(wildcards).training.model.get("knowledge") == "conceptnet"
    return [EDGES.format(dataset=wildcards.dataset)] if asked else []


def edges_option(wildcards):
    """The same, as an argument of the step."""
    return [f"--edges={path}" for path in edges(wildcards)]
