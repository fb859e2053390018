# What the rules of 02_manifest.smk ask for.


def raw_index(wildcards):
    """The list of a raw folder's files; it changes when they do."""
    return f"{raw(wildcards)}.json"


def reader_code(wildcards):
    reader = f"src/labelgraph/manifest/readers/{dataset(wildcards).reader}.py"
    return code("write_manifest", reader)
