# Functions for the rules of 03_split.smk.


def protocol(wildcards):
    return json.dumps(BOOK.protocol(wildcards.dataset, wildcards.task))
