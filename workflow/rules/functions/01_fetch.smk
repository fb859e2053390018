# Functions for the rules of 01_fetch.smk.

from types import SimpleNamespace

from labelgraph.files import filestamps
from labelgraph.study import own_data

OWN_BOXES = BOOK.size.boxes  # dataset -> the user's COCO results


def raw_files(wildcards):
    """What trainings read that DVC does not carry: raw folders, and the encoder's weights."""
    names = {run.dataset for run in tables.runs(BOOK, TABLES)}
    folders = {f"{raw(SimpleNamespace(dataset=name))}.json" for name in names}
    return sorted(folders | ({BOOK.usual.encoder.weights} - {None, "imagenet"}))


def own_folder(wildcards):
    return BOOK.dataset(wildcards.name).folder


def own_file(wildcards):
    if wildcards.which == "boxes":
        return OWN_BOXES[wildcards.name]
    return BOOK.dataset(wildcards.name).vectors


def drawing(wildcards):
    return json.dumps(BOOK.size.drawn[wildcards.group].settings())


def layout(wildcards):
    return BOOK.size.drawn[wildcards.group].layout


def layout_code(wildcards):
    """The word vectors are drawn by the step itself; every other layout has a file."""
    name = layout(wildcards)
    return code(
        "draw", *([] if name == "glove" else [f"src/labelgraph/scenes/{name}.py"])
    )


def source_name(wildcards):
    return next(
        source.name for source in SOURCES.sources() if source.file == wildcards.file
    )


def archive_files(wildcards):
    """The archives of a raw folder, unless the user has a copy of it."""
    if wildcards.group in LOCAL:
        return []
    return archives(wildcards)


def archive_options(wildcards):
    if wildcards.group in LOCAL:
        return [f"--local={LOCAL[wildcards.group]}"]
    return ["--archives", *archives(wildcards)]


def archives(wildcards):
    group = SOURCES.group(wildcards.group)
    return [f"data/archives/{source.file}" for source in group.sources.values()]
