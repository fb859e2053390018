"""Writes docs/settings.md and the JSON schemas in workflow/config/schema/ from the models.

    python -m labelgraph.study.reference

Run it in the repository's folder after each change of a model. Editors read the schema that the
first line of a YAML file names: they complete its lines and underline mistakes.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from labelgraph.files.small import write_text
from labelgraph.study import entries, own_data, settings
from labelgraph.study.validation import Block, adapter, describe

PAGE, SCHEMAS = Path("docs/settings.md"), Path("workflow/config/schema")
KINDS = {  # schema -> what the file holds
    "study": entries.Study,
    "defaults": entries.Defaults,
    "methods": dict[str, entries.Method],
    "datasets": dict[str, entries.Dataset],
    "tables": dict[str, entries.Table],
    "own_data": entries.OwnData,
}
SECTIONS = [  # title, what stands before the tables, models
    (
        "The blocks of a run",
        "`defaults.yaml` has all lines of these blocks. Methods, datasets, studies and variants"
        " change single lines. The lines of `model` are the keywords of the method's `build`; they"
        " stand in `methods.yaml` and, explained, in the method's file.",
        [
            settings.Encoder,
            settings.LastStages,
            settings.Train,
            settings.Score,
            entries.BaseShots,
        ],
    ),
    (
        "studies/*.yaml, and `--config`",
        "",
        [entries.Study, entries.MethodChange, entries.Drawing, entries.Convergence],
    ),
    (
        "methods.yaml",
        "",
        [entries.Method, entries.Change, entries.Variant, entries.Blocks, entries.SomeShots],
    ),
    (
        "datasets.yaml",
        "",
        [entries.Dataset, entries.Parts, entries.Difficult, entries.FewShot],
    ),
    ("tables.yaml", "", [entries.Table, entries.Columns]),
    (
        "own_data.yaml, and entries of your own data",
        "An entry needs `folder` and `reader`. `own_data.yaml` has the defaults of the other lines,"
        " of each reader's options, and of the table.",
        [
            own_data.GivenEntry,
            entries.ReaderOptions,
            entries.Draw,
            entries.OwnTable,
            entries.UsualRows,
        ],
    ),
    (
        "settings.yaml of a run",
        "All settings of one run, merged. The training writes it; nothing else decides what a run"
        " learns.",
        [settings.RunSettings, settings.ScoringSettings],
    ),
]
HEAD = """# Settings

This page is generated: `python -m labelgraph.study.reference` writes it from the models in
`src/labelgraph/study/`, and the JSON schemas in `workflow/config/schema/`, with which editors
complete and check the YAML files.

Settings come from several places; a later one overrides an earlier one, line by line:
`defaults.yaml`, the method, the method on this dataset, the study, the study's lines for the
method, the variant. In a partial task (`partial-10` to `partial-90`) the
block `partial` of each of them comes right after it; in the second stage of a few-shot task the
blocks `shots` of all come last.

Single lines of a study may be changed on the command line, or in a file:

    snakemake --cores 2 results/tables --config 'train={epochs: 4}'
    snakemake --cores 2 results/tables --config 'methods={ml_gcn: {train: {lr: 0.01}}}'
    snakemake --cores 2 results/tables --configfile my_settings.yaml

Before anything starts, all mistakes of a file are reported together, each with its path, its value
and what may stand there:

    --config: train.epochs is 0; expected a whole number from 1 to 100000
    --config: train.lr is -1; expected a number, 0 or more
"""


def page() -> str:
    parts = [HEAD]
    for title, text, models in SECTIONS:
        parts.append("\n".join(filter(None, [f"## {title}\n", f"{text}\n" if text else ""])))
        parts += [section(model) for model in models]
    return "\n".join(parts)


def section(model: type[Block]) -> str:
    """A model as a table: a line for each field."""
    schema = adapter(model).json_schema()
    lines = [f"### {title_of(model.__name__)}\n", f"{one_line(model.__doc__)}\n"]
    lines += ["| line | takes | |", "| --- | --- | --- |"]
    for name, part in schema["properties"].items():
        needed = "" if name in schema.get("required", []) else "may be left out"
        takes = "; ".join(filter(None, [takes_of(part, schema), needed]))
        lines.append(
            f"| `{name}` | {takes} | {one_line(model.model_fields[name].description or '')} |"
        )
    return "\n".join([*lines, ""])


def one_line(text: str) -> str:
    return " ".join(text.split())


def title_of(name: str) -> str:
    return name.removeprefix("Some")


def takes_of(part: dict[str, Any], schema: dict[str, Any]) -> str:
    """What a line takes; a block as a link to its table."""
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return linked(name) if known(name) else describe(part, schema)
    blocks = [each for each in part.get("anyOf", []) if "$ref" in each]
    if len(blocks) == 1 and len(part["anyOf"]) > 1 and {"type": "null"} not in part["anyOf"]:
        others = [each for each in part["anyOf"] if each not in blocks]
        return f"{describe({'anyOf': others}, schema)}, or {takes_of(blocks[0], schema)}"
    inside = part.get("additionalProperties")
    if isinstance(inside, dict) and "$ref" in inside:
        return f"NAME: {takes_of(inside, schema)}"
    if part.get("type") == "array" and "$ref" in part["items"]:
        return f"a list of {takes_of(part['items'], schema)}"
    return (
        describe(part, schema) if {"type", "anyOf", "enum", "const"} & part.keys() else "see right"
    )


def known(name: str) -> bool:
    return any(title_of(model.__name__) == title_of(name) for *_, models in SECTIONS
               for model in models)  # fmt: skip


def linked(name: str) -> str:
    title = title_of(name)
    return f"lines of [{title}](#{title.lower()})"


def schemas() -> dict[str, str]:
    """File name -> JSON schema."""
    found = {}
    for name, kind in KINDS.items():
        schema = plain(adapter(kind).json_schema())
        if "like" in schema.get("properties", {}):  # a study like another may leave out all else
            schema["anyOf"] = [{"required": each} for each in (["like"], schema.pop("required"))]
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema
        found[f"{name}.json"] = json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
    return found


def plain(part: Any) -> Any:
    """Without titles that repeat a name, and without defaults, which apply to left-out lines."""
    if isinstance(part, list):
        return [plain(each) for each in part]
    if not isinstance(part, dict):
        return part
    noise = {key for key in ("title", "default") if not isinstance(part.get(key), dict | list)}
    return {key: plain(value) for key, value in part.items() if key not in noise}


def named_schema(path: Path) -> str:
    """The first line of a YAML file in workflow/config/, which names its schema."""
    study = path.parent.name == "studies"
    name = "../schema/study" if study else f"schema/{path.stem}"
    return f"# yaml-language-server: $schema={name}.json"


def files() -> Iterator[tuple[Path, str]]:
    yield PAGE, page()
    for name, text in schemas().items():
        yield SCHEMAS / name, text


def main(written: Iterable[tuple[Path, str]]) -> None:
    for path, text in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
        print(path)


if __name__ == "__main__":
    main(files())
