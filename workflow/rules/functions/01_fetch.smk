# What the rules of 01_fetch.smk ask for.


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


def source_name(wildcards):
    return next(
        source.name for source in SOURCES.sources() if source.file == wildcards.file
    )


def archive_files(wildcards):
    """The archives of a raw folder, unless the user has named a copy of it."""
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
