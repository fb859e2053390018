"""What may stand in a file of settings, as data: a shape looks at the value under a path.

    shape = block({"seeds": listed(whole(0), least=1), "selection": one_of("tune", "report")})
    shape("studies/mini.yaml", found)

A mistake is named with its path, as in `studies/mini.yaml: selection`, and what is expected.
"""

from collections.abc import Callable, Iterable
from math import isfinite
from reprlib import Repr
from typing import Any

from labelgraph.files import names

Shape = Callable[[str, Any], None]
BRIEF = Repr()  # of a value that somebody gave, which may be anything
BRIEF.maxstring = BRIEF.maxother = 80


def below(path: str, key: Any) -> str:
    """`studies/mini.yaml: train.lr`: a file, then the keys in it."""
    return f"{path}: {key}" if path.endswith(".yaml") or path == "--config" else f"{path}.{key}"


def refuse(path: str, value: Any, wanted: str) -> None:
    raise ValueError(f"{path} is {BRIEF.repr(value)}; expected {wanted}")


def text(path: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        refuse(path, value, "a text")


def shown(path: str, value: Any) -> None:
    """A text that pages, tables and terminals show."""
    text(path, value)
    if names.REFUSED.search(value.strip()):
        refuse(path, value, "a text on one line, without control characters")


def anything(path: str, value: Any) -> None:
    """It is looked at elsewhere."""


def one_of(*choices: Any) -> Shape:
    def check(path: str, value: Any) -> None:
        if not any(value is choice or value == choice for choice in choices):
            refuse(path, value, f"one of {', '.join(map(str, choices))}")

    return check


def whole(least: int) -> Shape:
    def check(path: str, value: Any) -> None:
        if type(value) is not int or not least <= value < 2**31:
            refuse(path, value, f"a whole number, {least} or more")

    return check


def share(path: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if not number or not 0 <= value < 1:
        refuse(path, value, "a share, from 0 to below 1")


def inside(path: str, value: Any) -> None:
    share(path, value)
    if value == 0:
        refuse(path, value, "a share, above 0 and below 1")


def flag(path: str, value: Any) -> None:
    if not isinstance(value, bool):
        refuse(path, value, "true or false")


def either(*shapes: Shape) -> Shape:
    """One of several; the last one's mistake is told."""

    def check(path: str, value: Any) -> None:
        for shape in shapes[:-1]:
            try:
                return shape(path, value)
            except ValueError:
                continue
        return shapes[-1](path, value)

    return check


def letters(path: str, value: Any) -> None:
    """A text that may be empty."""
    if not isinstance(value, str) or "\0" in value:
        refuse(path, value, "a text")


def maybe(shape: Shape) -> Shape:
    def check(path: str, value: Any) -> None:
        if value is not None:
            shape(path, value)

    return check


def listed(shape: Shape, *, least: int = 0) -> Shape:
    """A list of different values."""

    def check(path: str, value: Any) -> None:
        if not isinstance(value, list) or len(value) < least:
            some = f", of {least} or more" if least else ""
            refuse(path, value, f"a list{some}, like [A, B]")
        for place, entry in enumerate(value):
            shape(f"{path}[{place}]", entry)
            if entry in value[:place]:
                raise ValueError(f"{path} names {entry!r} twice; expected it once")

    return check


def mapped(shape: Shape, known: Iterable[Any] | None = None) -> Shape:
    """Lines of KEY: VALUE whose values are alike; `known` are the keys that there may be."""
    names = None if known is None else list(known)

    def check(path: str, value: Any) -> None:
        mapping(path, value)
        for key, entry in value.items():
            if names is not None and key not in names:
                raise ValueError(f"{path} has unknown keys {[key]}; known are {names}")
            shape(below(path, key), entry)

    return check


def block(fields: dict[str, Shape], *, required: Iterable[str] = ()) -> Shape:
    """Lines of KEY: VALUE, each key with a shape of its own."""

    def check(path: str, value: Any) -> None:
        mapping(path, value)
        for key, entry in value.items():
            if key not in fields:
                known = sorted(fields)
                raise ValueError(f"{path} has unknown keys {[key]}; known are {known}")
            fields[key](below(path, key), entry)
        if missing := sorted(set(required) - value.keys()):
            raise ValueError(f"{path} lacks {missing}")

    return check


def mapping(path: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{path} is {BRIEF.repr(value)}; it takes lines of KEY: VALUE")
