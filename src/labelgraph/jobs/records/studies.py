"""Which study a file belongs to: a run of one study ignores the files of the others."""

OWN = "own"  # the study of the user's own data, whose records are not committed
DOWNLOADED = ("data/raw/official/", "data/archives/")  # used by all studies
PER_STUDY = {
    *("manifests", "splits", "inputs"),  # in data/
    # in results/
    *("runs", "comparisons", "tables", "figures", "metrics", "report", "inspections"),
}


def study_of(path: str) -> str | None:
    """From its path; null for files that belong to no single study."""
    if path.startswith("data/raw/own/"):
        return OWN
    _, _, below = path.partition("/")
    kind, *rest = below.split("/")
    if kind == "metrics" and rest:
        return rest[0].removesuffix(".csv")
    return rest[0] if kind in PER_STUDY and len(rest) > 1 else None


def is_own(path: str) -> bool:
    return study_of(path) == OWN


def concerns(path: str, study: str) -> bool:
    if study == OWN:
        return is_own(path) or path.startswith(DOWNLOADED)
    return study_of(path) in (None, study)
