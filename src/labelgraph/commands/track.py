"""`labelgraph track`: a DVC stage for a study other than the default one.

A stage without results would make every `dvc pull` fail, so each study gets a file of its own, on
request. What it runs and stores is what dvc.yaml says of the default study.
"""

import argparse
import re
from pathlib import Path
from typing import Any

import yaml

from labelgraph.figures import plans
from labelgraph.files.small import write_text
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.jobs.records.studies import OWN
from labelgraph.study.config import Book, read_study

HELP = "write a DVC stage that runs a study and stores its files"
DESCRIPTION = """Writes results/dvc/STUDY/dvc.yaml, a DVC stage that runs the study and stores its
manifests, splits, inputs and runs. Commit the file, and the dvc.lock that `dvc repro` writes beside
it."""
EXAMPLES = ("labelgraph track laptop", "labelgraph track paper")
DEFAULT = "mini"  # the study of dvc.yaml
TOP = "../../../"  # from the folder of the stage to that of the checkout
HEAD = "# Written by `labelgraph track {study}` from the stage in dvc.yaml.\n\n"
Entry = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", help="a file in workflow/config/studies, without .yaml")


def run(arguments: argparse.Namespace) -> int:
    study = arguments.study
    if study == DEFAULT:
        raise ValueError(f"{study} has a stage already: `dvc repro` runs it")
    if study == OWN:
        raise ValueError(f"git keeps no file of study {study}, so DVC cannot track it")
    book = read_study(Path("workflow/config"), {"study": study})
    found = stages(book, read_yaml(Path("dvc.yaml")))
    text = yaml.safe_dump(found, sort_keys=False, width=96, default_flow_style=None)
    path = Path(f"results/dvc/{study}/dvc.yaml")
    write_text(path, HEAD.format(study=study) + text)
    print(f"{path} is written; `dvc repro {path}` runs the study, `dvc push` stores its files")
    return 0


def stages(book: Book, default: Entry) -> Entry:
    """What dvc.yaml says of the default study, for another. Shared files stay with the default."""
    stage = default["stages"]["study"]
    outs = {name: flags for out in stage["outs"] for name, flags in out.items()}
    shared = {name for name in outs if name == named(book, name)}
    absent = {named(book, f"results/{folder}/{DEFAULT}") for folder in empty(book)}
    command, targets = stage["cmd"].split(" -- ")
    made = [named(book, name) for name in targets.split() if name not in shared]
    kept = {named(book, name): flags for name, flags in outs.items() if name not in shared}
    own = {
        "wdir": TOP.rstrip("/"),
        "cmd": f"{command} --config study={book.study} -- {' '.join(made)}",
        "deps": stage["deps"],
        "outs": [{name: flags} for name, flags in kept.items() if name not in absent],
    }
    plots = {name: flags for plot in default["plots"] for name, flags in plot.items()}
    return {
        "stages": {"study": own},
        "params": [f"{TOP}workflow/config/studies/{book.study}.yaml"],
        "metrics": [TOP + named(book, name) for name in default["metrics"]],
        "plots": [{TOP + named(book, name): flags} for name, flags in plots.items()],
    }


def named(book: Book, path: str) -> str:
    """The path of the default study's file, for another study."""
    return re.sub(rf"\b{DEFAULT}\b", book.study, path)


def empty(book: Book) -> list[str]:
    """The folders in results/ to which the study writes nothing; DVC expects all outputs."""
    figures = plans.of_study(book)
    files = [plans.plan(book, name, entry)["files"] for name, entry in figures.items()]
    seen = any("inspections" in known for each in files for known in each.values())
    return ["figures"] * (not figures) + ["inspections"] * (not seen)
