"""Reads YAML written by people; errors name the file and the line."""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

DEEPEST = 50  # nested blocks; the parser in C crashes on tens of thousands
MOST = 200_000  # values, with those that anchors and merge keys repeat
LONGEST = 1000  # characters of a number
NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
PROGRAM = "__use_yte__"  # with this key in a --configfile, Snakemake executes the file
MERGE = "tag:yaml.org,2002:merge"
TOO_MANY = f"its anchors (&, *) expand to more than {MOST:,} values"
ITSELF = "an anchor (&, *) contains itself, or anchors are nested too deeply"


class UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # the parser in C is 10 x faster
    """A YAML loader that refuses a key given twice, where the second would silently win.

    Nodes are checked before their anchors are expanded: twenty lines of `<<: [*a, *a]` would
    expand to a million values, and thirty would never end.
    """

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            measure(node, self.parts, {}, DEEPEST)
        return node

    def parts(self, node: yaml.Node) -> list[yaml.Node]:
        """The nodes directly below this one; merged blocks (<<) count in full."""
        check_number(node)
        if isinstance(node, yaml.MappingNode):
            self.check_keys(node)
            return [value for _, value in node.value]
        return node.value if isinstance(node, yaml.SequenceNode) else []

    def check_keys(self, node: yaml.MappingNode) -> None:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == MERGE:
                continue
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ValueError(f"line {line}: a key is a block; expected a word")
            check_number(key_node)
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise ValueError(f"line {line}: {key!r} is given twice")
            seen.add(key)


def check_number(node: yaml.Node) -> None:
    """Refuses long ones: Python needs seconds for 1:1:1:..., a number in base 60."""
    if node.tag in NUMBERS and len(node.value) > LONGEST:
        line = node.start_mark.line + 1
        raise ValueError(f"line {line}: a number of {len(node.value):,} characters is too long")


def read_yaml(path: Path) -> Any:
    if not path.exists():
        beside = sorted(other.stem for other in path.parent.glob("*.yaml"))
        raise FileNotFoundError(f"there is no {path}; {path.parent} has {beside}")
    try:
        content = parse(path.read_text(encoding="utf-8-sig"))
        if isinstance(content, dict) and PROGRAM in content:
            raise ValueError(f"{PROGRAM} makes Snakemake run the Python in this file; remove it")
        return content
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
            raise ValueError(f"line {line}: more than {DEEPEST} nested blocks")
    return yaml.load(text, UniqueKeys)


def bounded(content: Any, where: str = "") -> Any:
    """Returns `content` if it stays small once anchors are expanded; errors begin with `where`."""

    def parts(value: Any) -> Iterable[Any]:
        if isinstance(value, dict):
            return value.values()
        return value if isinstance(value, list) else ()

    try:
        measure(content, parts, {}, DEEPEST)
    except ValueError as error:
        raise ValueError(f"{where}{error}") from None
    return content


def measure(
    value: Any,
    parts: Callable[[Any], Iterable[Any]],
    known: dict[int, tuple[int, int]],
    deepest: int,
) -> tuple[int, int]:
    """The number of values and the depth of nesting once anchors are expanded."""
    if not deepest:
        raise ValueError(ITSELF)
    if id(value) not in known:
        size = height = 1
        for part in parts(value):
            more, below = measure(part, parts, known, deepest - 1)
            size, height = size + more, max(height, 1 + below)
            if size > MOST:
                raise ValueError(TOO_MANY)
            if height > DEEPEST:
                raise ValueError(ITSELF)
        known[id(value)] = size, height
    return known[id(value)]


def typed(value: Any) -> Any:
    """Converts text inside `--config name={...}` to numbers, booleans and null."""
    if isinstance(value, dict):
        return {typed(key): typed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [typed(entry) for entry in value]
    if isinstance(value, str) and value:
        with contextlib.suppress(yaml.YAMLError, ValueError):
            read = parse(value)
            return read if isinstance(read, int | float | None) else value
    return value
