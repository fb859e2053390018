"""Data of the user's own: an entry of `datasets` with a `folder`; its table is owntables.py's.

Nothing committed is edited for it: the entry comes from --configfile or --config, and what it does
not say stands in own_data.yaml.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

from labelgraph.files import filestamps
from labelgraph.study import checks, own_tables, study_file

REQUIRED = {"folder", "reader"}
NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
LONGEST = 60  # letters of a name, which becomes part of file names
SAID = ("folder", "reader", "vectors", "options")  # lines with sentences of their own


def added(book: dict[str, Any], defaults: dict) -> dict[str, Any]:
    """Of a study's `datasets`, `tables` and `size`, what they are with data of the user's own.

    The study runs these datasets and makes their tables, whatever else it does.
    """
    size = book["size"]
    given = size.get("datasets", {})
    own = entries(given, book["datasets"], defaults)
    block = defaults["table"] | size.get("own_table", {})
    made = own_tables.entries(own, block, defaults["rows"], book["methods"], size.get("boxes", {}))
    size = size | {"datasets": {name: given[name] for name in given.keys() - own.keys()}}
    for key, names in (("only", own), ("tables", made)):
        if key in size:
            size[key] = [*size[key], *names]
    return {"datasets": book["datasets"] | own, "tables": book["tables"] | made, "size": size}


def entries(given: dict[str, Any], official: dict[str, Any], defaults: dict) -> dict[str, Any]:
    """`given` is the study's block `datasets`: those of it that are the user's own, complete."""
    found = {}
    for name, entry in given.items():
        where = f"datasets.{name}"
        own = isinstance(entry, dict) and "folder" in entry
        if name in official and own:
            raise ValueError(
                f"{where}: {name} is a dataset of datasets.yaml; for a copy of it give"
                f" local: {{{name}: FOLDER}}, for data of your own another name"
            )
        if name in official:
            continue
        if not own:
            raise ValueError(
                f"{where} has no line `folder`, which data of your own need; datasets.yaml has"
                f" {sorted(official)}"
            )
        if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > LONGEST:
            raise ValueError(
                f"{where}: a name is made of letters, digits and _, like my_pets, and of {LONGEST}"
                " at most"
            )
        found[name] = complete(where, name, entry, defaults)
    return found


def complete(where: str, name: str, entry: dict[str, Any], defaults: dict) -> dict[str, Any]:
    checks.keys(where, entry, REQUIRED | {"title"} | defaults["entry"].keys())
    study_file.check_given(where, entry, SAID)
    if missing := REQUIRED - entry.keys():
        raise ValueError(f"{where} lacks {sorted(missing)}")
    folder = Path(str(entry["folder"])).expanduser()
    if not entry["folder"] or not folder.is_dir():
        raise FileNotFoundError(f"{where}.folder is {folder}, which is no folder; correct it")
    vectors = entry.get("vectors", defaults["entry"]["vectors"])
    if vectors not in (None, "glove"):
        vectors = Path(str(vectors)).expanduser().as_posix()
    if vectors not in (None, "glove") and not Path(vectors).is_file():
        raise FileNotFoundError(
            f"{where}.vectors is {vectors}, which is no file; it may be null, glove, or a file of"
            " word vectors, a word and its numbers a line"
        )
    options = options_of(where, entry, defaults)
    parts = named_parts(options) or defaults["entry"]["parts"]
    return {
        "title": str(entry.get("title", name)),
        "raw": name,
        **defaults["entry"],
        "parts": parts,
        **entry,
        "difficult": defaults["entry"]["difficult"] | (entry.get("difficult") or {}),
        "options": options,
        "vectors": vectors,
        "folder": folder.as_posix(),
    }


def options_of(where: str, entry: dict[str, Any], defaults: dict) -> dict[str, Any]:
    """The reader's options, given or standing; parts are either there or drawn."""
    reader, given = entry["reader"], entry.get("options") or {}
    if reader not in list(defaults["options"]):
        raise ValueError(
            f"{where}.reader is {reader!r}; it may be {', '.join(defaults['options'])}"
        )
    standing, required = defaults["options"][reader], set(defaults["required"].get(reader, []))
    checks.keys(f"{where}.options", given, standing.keys() | required)
    if lacking := required - given.keys():
        raise ValueError(
            f"{where}.options lacks {sorted(lacking)}, which the reader {reader} needs"
        )
    study_file.check_options(f"{where}.options", given)
    options = standing | given
    if given.get("draw"):
        options |= {key: None for key in ("part", "parts") if key in options.keys() - given.keys()}
    elif parted(options):
        options["draw"] = None
    return options


def parted(options: dict[str, Any]) -> bool:
    """Whether the options name parts that the data have."""
    several = isinstance(options.get("annotations"), dict)
    return bool(options.get("part") or options.get("parts") or several)


def named_parts(options: dict[str, Any]) -> dict[str, str] | None:
    names = [*(options.get("parts") or [])]
    if isinstance(options.get("annotations"), dict):
        names = [*options["annotations"]]
    return {"train": names[0], "report": names[1]} if len(names) == 2 else None


def state(folder: Path) -> str:
    """Changes when a file in the folder comes, goes or is written; nothing is read."""
    digest = hashlib.sha256()
    for name, size, time in sorted(filestamps.stamps(folder)):
        digest.update(f"{name}\t{size}\t{time}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]
