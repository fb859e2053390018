# Functions for the rules of 04_knowledge.smk.

from labelgraph.inputs import conceptnet

EDGES = f"{INPUTS}/label_edges.csv"


def aliases(wildcards):
    return json.dumps(dataset(wildcards).aliases)
