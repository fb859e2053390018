"""Datasets of your own: entries of `datasets` with a `folder`. own_tables.py makes their tables.

The entry comes from --configfile or --config, so no committed file changes; own_data.yaml has the
lines that it leaves out.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from labelgraph.files import filestamps, yaml_reader
from labelgraph.study.entries import Dataset, OwnData, OwnEntry, ReaderOptions, partial
from labelgraph.study.settings import Count
from labelgraph.study.validation import (
    Block,
    Line,
    Text,
    brief_key,
    check_keys,
    collected,
    message,
    one_of,
    validated,
)

NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
LONGEST = 60  # letters of a name, which becomes part of file names
TEXTS = {  # lines of an entry and of its options that are texts even if they look like numbers
    *("title", "folder", "reader", "parts", "aliases", "file", "image", "images", "ending"),
    *("labels", "separator", "part", "group", "names", "none", "annotations"),
}


class SomeDifficult(Block):
    """What a difficult label counts as; own_data.yaml has the defaults."""

    train: Count = Field(description="In training.")
    ap: Count = Field(default=None, description="In average precision.")
    f1: Count = Field(default=None, description="In precision, recall and F1.")


class GivenEntry(partial(OwnEntry)):
    """An entry of your own data, before the defaults of own_data.yaml are added."""

    title: Line = Field(default=None, description="The name in tables and figures.")
    folder: Text = Field(description="The folder with the data.")
    reader: Annotated[str, one_of("readers")] = Field(description="How the folder is read.")
    difficult: SomeDifficult = Field(default=None, description="What a difficult label counts as.")


def entries(
    given: dict[str, Any], official: dict[str, Dataset], defaults: OwnData
) -> dict[str, Dataset]:
    """The complete entries of the user's own data among `given`, the study's block `datasets`."""
    found, problems = {}, []
    for name, entry in given.items():
        own = isinstance(entry, dict) and "folder" in entry
        if name in official and not own:
            continue
        with collected(problems):
            check_name(name, own, official)
            found[name] = complete(f"datasets.{name}", name, entry, defaults)
    if problems:
        raise ValueError(message(problems))
    return found


def check_name(name: Any, own: bool, official: dict[str, Dataset]) -> None:
    where = f"datasets.{brief_key(name)}"
    if name in official:
        raise ValueError(
            f"{where}: {name} is a dataset of datasets.yaml; for a copy of it give"
            f" local: {{{name}: FOLDER}}, for data of your own another name"
        )
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


def complete(where: str, name: str, entry: dict[str, Any], defaults: OwnData) -> Dataset:
    """An entry with the lines of own_data.yaml that it leaves out; all its mistakes at once."""
    standing, problems, options = defaults.entry.lines(), [], {}
    with collected(problems):
        validated(GivenEntry, f"{where}.", entry, readers=defaults.options)
    with collected(problems):
        folder = folder_of(where, entry["folder"])
    with collected(problems):
        vectors = vectors_of(where, entry.get("vectors", standing["vectors"]))
    if entry.get("reader") in list(defaults.options):
        with collected(problems):
            options = options_of(where, entry, defaults)
    if problems:
        raise ValueError(message(list(dict.fromkeys(problems))))
    found = {
        "title": str(entry.get("title", name)),
        "raw": name,
        **standing,
        "parts": named_parts(options) or standing["parts"],
        **entry,
        "difficult": standing["difficult"] | (entry.get("difficult") or {}),
        "options": options,
        "vectors": vectors,
        "folder": folder,
    }
    return checked(where, found)


def folder_of(where: str, given: Any) -> str:
    folder = Path(str(given)).expanduser()
    if given and not folder.is_dir():
        raise FileNotFoundError(
            f"{where}.folder is {folder}, which is not a folder; name the folder with the images"
        )
    return folder.as_posix()


def vectors_of(where: str, given: Any) -> str | None:
    if given in (None, "glove"):
        return given
    file = Path(str(given)).expanduser()
    if not file.is_file():
        raise FileNotFoundError(
            f"{where}.vectors is {file}, which is not a file; it may be null, glove, or a file"
            " of word vectors, a word and its numbers a line"
        )
    return file.as_posix()


def checked(where: str, lines: dict[str, Any]) -> Dataset:
    """A complete entry, whose two parts differ."""
    entry = validated(Dataset, f"{where}.", lines)
    if entry.parts.train == entry.parts.report:
        raise ValueError(f"{where}.parts are both {entry.parts.train!r}; expected two")
    return entry


def options_of(where: str, entry: dict[str, Any], defaults: OwnData) -> dict[str, Any]:
    """The reader's options, given or from own_data.yaml; parts are either named or drawn."""
    reader, given, problems = entry["reader"], entry.get("options") or {}, []
    standing, required = defaults.options[reader], set(defaults.required.get(reader, []))
    check_keys(f"{where}.options", given, standing.keys() | required)
    if lacking := required - given.keys():
        problems.append(f"{where}.options lacks {sorted(lacking)}, which the reader {reader} needs")
    with collected(problems):
        validated(ReaderOptions, f"{where}.options.", given)
    if problems:
        raise ValueError(message(problems))
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
    """A text that changes when a file in the folder is added, removed or written; reads no file."""
    digest = hashlib.sha256()
    for name, size, time in sorted(filestamps.stamps(folder)):
        digest.update(f"{name}\t{size}\t{time}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def typed(given: Any) -> Any:
    """The block `datasets`. --config gives all values as text, but a label may be called 007."""

    def entry(lines: Any) -> Any:
        if not isinstance(lines, dict):
            return yaml_reader.typed(lines)
        return {key: line if key in TEXTS else entry(line) for key, line in lines.items()}

    if not isinstance(given, dict):
        return given
    own = {name for name, lines in given.items() if isinstance(lines, dict) and "folder" in lines}
    return {
        name: entry(lines) if name in own else yaml_reader.typed(lines)
        for name, lines in given.items()
    }


def check_boxes(boxes: dict[str, str], study: str, run: Iterable[str]) -> None:
    """Whether the files of regions exist, and belong to datasets that the study runs."""
    names, problems = [*run], []
    for name, file in boxes.items():
        if name not in names:
            problems.append(
                f"boxes names {brief_key(name)!r}, which study {study} does not run; it runs"
                f" {sorted(names)}"
            )
        elif not Path(file).is_file():
            problems.append(
                f"boxes.{name} is {file}, which is not a file; expected regions as COCO results, a"
                " list of image_id or file_name, bbox and score"
            )
    if problems:
        raise ValueError(message(problems))
