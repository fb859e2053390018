"""Reading YAML written by people: a key given twice, or text that is not YAML, is named."""

import contextlib
from pathlib import Path
from typing import Any

import yaml


class UniqueKeys(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # the parser in C is 10 x faster
    """A YAML reader that refuses a key given twice: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                place = key_node.start_mark
                raise ValueError(f"{place.name}, line {place.line + 1}: {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    if not path.exists():
        beside = sorted(other.stem for other in path.parent.glob("*.yaml"))
        raise FileNotFoundError(f"there is no {path}; {path.parent} has {beside}")
    with path.open(encoding="utf-8") as stream:
        try:
            return yaml.load(stream, UniqueKeys)
        except yaml.YAMLError as error:
            raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def typed(value: Any) -> Any:
    """Numbers and the like inside `--config name={...}`, which come as text."""
    if isinstance(value, dict):
        return {typed(key): typed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [typed(entry) for entry in value]
    if isinstance(value, str) and value:
        with contextlib.suppress(yaml.YAMLError):
            read = yaml.load(value, UniqueKeys)
            return read if isinstance(read, int | float | None) else value
    return value
