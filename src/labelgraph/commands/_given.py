"""Settings on the command line, with the same options as Snakemake's."""

import argparse
from functools import reduce
from pathlib import Path
from typing import Any

import yaml

from labelgraph.files import yaml_reader
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.study import entries
from labelgraph.study.config import over
from labelgraph.study.validation import check_keys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="files of settings, as for snakemake, such as one with your own data",
    )
    parser.add_argument(
        "--config",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="single settings, as for snakemake",
    )


def read(arguments: argparse.Namespace) -> dict[str, Any]:
    """The argument of `read_study`; later files win, and --config wins over files."""
    found = [read_yaml(path) for path in arguments.configfile]
    for path, content in zip(arguments.configfile, found, strict=True):
        check_keys(str(path), content, entries.KEYS)
    return reduce(over, [*found, *map(setting, arguments.config)], {})


def setting(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f"--config {text!r}: expected KEY=VALUE, like study=own")
    try:
        return {name: yaml_reader.parse(value)}
    except yaml.YAMLError:
        raise ValueError(f"--config {text!r}: {value!r} is not YAML") from None


def options(arguments: argparse.Namespace) -> list[str]:
    """The same settings as Snakemake's options, valid from any folder."""
    files = [str(path.absolute()) for path in arguments.configfile]
    named = ["--configfile", *files] * bool(files)
    return named + ["--config", *arguments.config] * bool(arguments.config)
