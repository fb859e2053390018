"""Reading YAML written by people: a key given twice, or text that is not YAML, is named."""

import contextlib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

DEEPEST = 50  # blocks within blocks; of tens of thousands the parser in C crashes
MOST = 200_000  # values, those that anchors repeat included


class UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # the parser in C is 10 x faster
    """A YAML reader that refuses a key given twice: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key, line = self.construct_object(key_node, deep=True), key_node.start_mark.line + 1
            if not isinstance(key, Hashable):
                raise ValueError(f"line {line}: the key {key!r} is a block; expected a word")
            if key in seen:
                raise ValueError(f"line {line}: {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    if not path.exists():
        beside = sorted(other.stem for other in path.parent.glob("*.yaml"))
        raise FileNotFoundError(f"there is no {path}; {path.parent} has {beside}")
    try:
        return parse(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not YAML: the file is not UTF-8 text") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split()).replace('in "<unicode string>", ', "in ")
        raise ValueError(f"{path} is not YAML: {reason}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def parse(text: str) -> Any:
    depth = 0
    for event in yaml.parse(text, UniqueKeys):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = event.start_mark.line + 1
            raise ValueError(f"line {line}: more than {DEEPEST} blocks within blocks")
    return bounded(yaml.load(text, UniqueKeys))


def bounded(content: Any, where: str = "") -> Any:
    """The same, if it does not explode when it is printed or written. `where` begins an error."""
    try:
        if weight(content, {}, DEEPEST) <= MOST:
            return content
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None
    raise ValueError(f"{where}its anchors (&, *) make more than {MOST:,} values of it")


def weight(value: Any, known: dict[int, int], deepest: int) -> int:
    """How many values there are when anchors are written out."""
    if not isinstance(value, dict | list):
        return 1
    if not deepest:
        raise ValueError("an anchor (&, *) holds itself, or too many others within each other")
    if id(value) not in known:
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(weight(part, known, deepest - 1) for part in parts)
    return known[id(value)]


def typed(value: Any) -> Any:
    """Numbers and the like inside `--config name={...}`, which come as text."""
    if isinstance(value, dict):
        return {typed(key): typed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [typed(entry) for entry in value]
    if isinstance(value, str) and value:
        with contextlib.suppress(yaml.YAMLError, ValueError):
            read = parse(value)
            return read if isinstance(read, int | float | None) else value
    return value
