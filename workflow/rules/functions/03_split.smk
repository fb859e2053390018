# What the rules of 03_split.smk ask for.


def protocol(wildcards):
    return json.dumps(BOOK.protocol(wildcards.dataset, wildcards.task))
