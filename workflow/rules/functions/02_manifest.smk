# Functions for the rules of 02_manifest.smk.


def raw_index(wildcards):
    """The index of a raw folder, which changes when its files do."""
    return f"{raw(wildcards)}.json"


def reader_code(wildcards):
    reader = f"src/labelgraph/manifest/readers/{dataset(wildcards).reader}.py"
    return code("write_manifest", reader)
