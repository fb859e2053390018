"""Checking settings against typed models; all mistakes of a file are reported at once.

    study = validated(Study, "studies/mini.yaml: ", content, datasets=["voc2007"])

Each mistake names the file, the path in it, the value, and what may stand there:

    --config: train.epochs is 0; expected a whole number from 1 to 100000
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from reprlib import Repr
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from labelgraph.files import names

T = TypeVar("T")
BRIEF = Repr()  # shortens a value that somebody gave, which may be anything
BRIEF.maxstring = BRIEF.maxother = 80
MOST = 20  # mistakes in one message
LIMIT = 2**31  # above every whole number; no message mentions it
LINES = "it takes lines of KEY: VALUE"


class Block(BaseModel):
    """Lines of KEY: VALUE: unknown keys are refused, and no value is converted."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, protected_namespaces=()
    )

    def lines(self) -> dict[str, Any]:
        """The lines that were given, as plain data, in the order of the model."""
        return self.model_dump(exclude_unset=True)


def shown(value: Any) -> str:
    """A value in a message: short, and null as YAML has it."""
    return "null" if value is None else BRIEF.repr(value)


def wanted(what: str) -> PydanticCustomError:
    """The mistake of a value that cannot be used; `what` may stand there."""
    return PydanticCustomError("wanted", "{wanted}", {"wanted": what})


def text(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise wanted("a text")
    return value


def one_line(value: str) -> str:
    text(value)
    if names.REFUSED.search(value.strip()):
        raise wanted("a text on one line, without control characters")
    return value


def letters(value: str) -> str:
    if "\0" in value:
        raise wanted("a text")
    return value


def different(values: list[T]) -> list[T]:
    for place, value in enumerate(values):
        if value in values[:place]:
            said = f"names {BRIEF.repr(value)} twice; expected it once"
            raise PydanticCustomError("sentence", "{said}", {"said": said})
    return values


def one_of(kind: str) -> BeforeValidator:
    """A name of a kind of entries; those that exist come with the call of `validated`."""

    def check(value: Any, info: ValidationInfo) -> Any:
        known = (info.context or {}).get(kind)
        if known is not None and value not in known:
            raise wanted(f"one of {', '.join(map(str, known))}")
        return value

    return BeforeValidator(check)


Text = Annotated[str, AfterValidator(text)]  # not blank
Line = Annotated[str, AfterValidator(one_line)]  # shown on pages, in tables and in terminals
Letters = Annotated[str, AfterValidator(letters)]  # may be empty
Whole = Annotated[int, Field(ge=0, lt=LIMIT)]
Positive = Annotated[int, Field(ge=1, lt=LIMIT)]
Share = Annotated[float, Field(ge=0, lt=1)]
Inside = Annotated[float, Field(gt=0, lt=1)]
Different = Annotated[list[T], AfterValidator(different)]
Some = Annotated[list[T], Field(min_length=1), AfterValidator(different)]


@cache
def adapter(kind: Any) -> TypeAdapter:
    return TypeAdapter(kind)


def validated(kind: type[T], where: str, value: Any, **known: Iterable[str]) -> T:
    """`value` as the model `kind`. `where` begins each mistake; `known` has names by kind."""
    context = {name: list(entries) for name, entries in known.items()}
    try:
        return adapter(kind).validate_python(value, context=context)
    except ValidationError as error:
        raise ValueError(message(mistakes(kind, where, value, error, context))) from None


@contextmanager
def collected(problems: list[str]) -> Iterator[None]:
    """Keeps a mistake for later, so that the next one is found, too."""
    try:
        yield
    except (ValueError, OSError) as error:
        problems += str(error).splitlines()


def message(found: list[str]) -> str:
    """A line for each mistake, up to a limit."""
    more = len(found) - MOST
    return "\n".join(found[:MOST] + [f"and {more} more mistakes"] * (more > 0))


def mistakes(
    kind: Any, where: str, value: Any, error: ValidationError, context: dict[str, list[str]]
) -> list[str]:
    """A sentence for each mistake; missing and unknown keys of one block share a sentence."""
    schema = adapter(kind).json_schema()
    found: dict[tuple[str, str], Any] = {}
    for each in error.errors(include_url=False):
        place, part, given = walk(schema, value, each["loc"])
        path = written(where, place)
        if each["type"] == "missing":
            found.setdefault((path, "lacks"), []).append(each["loc"][-1])
        elif each["type"] in ("extra_forbidden", "invalid_key") or each["loc"][-1:] == ("[key]",):
            known = keys_of(schema, part, each)
            found.setdefault((path, "unknown"), (known, []))[1].append(last_key(each["loc"]))
        elif each["type"] == "sentence":
            found[path, each["msg"]] = f"{path} {each['msg']}"
        else:
            expected = each["msg"] if each["type"] == "wanted" else describe(part, schema)
            verb = LINES if expected in LINES else f"expected {expected}"
            found.setdefault((path, "is"), f"{path} is {shown(given)}; {verb}")
    return [sentence(path, about, content) for (path, about), content in found.items()]


def sentence(path: str, about: str, content: Any) -> str:
    if about == "lacks":
        return f"{path} lacks {sorted(content)}"
    if about == "unknown":
        return unknown(path, content[1], content[0])
    return content


def unknown(path: str, keys: Iterable[Any], known: Iterable[Any]) -> str:
    return f"{path} has unknown keys {BRIEF.repr(sorted(keys, key=str))}; known are {sorted(known)}"


def last_key(place: tuple) -> Any:
    return place[-2] if place[-1] == "[key]" else place[-1]


def keys_of(schema: dict, part: dict, mistake: dict) -> list[str]:
    """The keys that a block may have."""
    if mistake["type"] == "wanted":
        return mistake["msg"].removeprefix("one of ").split(", ")
    return list(resolved(schema, part).get("properties", {}))


def walk(schema: dict, value: Any, place: tuple) -> tuple[list[str], dict, Any]:
    """Follows a mistake's place through schema and value: keys, part of the schema, value.

    The last key of what is missing or unknown is left out, and the branches of a choice of types.
    """
    part, path = schema, []
    for key in place[:-2] if place[-1:] == ("[key]",) else place:
        part = resolved(schema, part)
        inside = isinstance(value, dict) and key in value
        if isinstance(value, list) and isinstance(key, int):
            part, value, step = part.get("items", {}), value[key], f"[{key}]"
        elif inside and key in (lines := part.get("properties", {})):
            part, value, step = lines[key], value[key], f".{brief_key(key)}"
        elif inside and "additionalProperties" in part:
            if part["additionalProperties"] is False:
                break
            part, value, step = part["additionalProperties"], value[key], f".{brief_key(key)}"
        else:
            break
        path.append(step)
    return path, part, value


def resolved(schema: dict, part: Any) -> dict:
    """The part of a schema behind a reference, or the one choice beside null."""
    while isinstance(part, dict):
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
            continue
        choices = [each for each in part.get("anyOf", []) if each.get("type") != "null"]
        if len(choices) != 1:
            return part
        part = choices[0]
    return {}


def brief_key(key: Any) -> str:
    return str(key) if len(str(key)) <= BRIEF.maxstring else BRIEF.repr(key)


def written(where: str, place: list[str]) -> str:
    path = "".join(place)
    return where + path.removeprefix(".") if path else where.rstrip(".: ")


def describe(part: dict, schema: dict) -> str:
    """What may stand at a place, in words; `schema` holds what the part refers to."""
    if "$ref" in part:
        return describe(resolved(schema, part), schema)
    if "anyOf" in part:
        choices = [describe(each, schema) for each in part["anyOf"]]
        return (", or " if "," in choices[0] else " or ").join(choices)
    if "enum" in part:
        return f"one of {', '.join(map(str, part['enum']))}"
    if "const" in part:
        return str(part["const"])
    if part.get("type") == "array":
        return a_list(part, schema)
    if part.get("type") in ("integer", "number"):
        return a_number(part)
    words = {
        "object": "lines of KEY: VALUE",
        "boolean": "true or false",
        "string": "a text",
        "null": "null",
    }
    return words.get(part.get("type"), "another value")


def a_list(part: dict, schema: dict) -> str:
    items = resolved(schema, part.get("items", {}))
    some = f", of {part['minItems']} or more" if "minItems" in part else ""
    if "enum" in items:
        return f"a list{some}, of {', '.join(map(str, items['enum']))}"
    return f"a list{some}, like [A, B]"


def a_number(part: dict) -> str:
    """`a whole number from 1 to 4096`, `a share, above 0 and below 1`."""
    low, over = part.get("minimum"), part.get("exclusiveMinimum")
    high, under = part.get("maximum"), part.get("exclusiveMaximum")
    under = None if under == LIMIT else under
    whole = "a whole number" if part["type"] == "integer" else "a number"
    noun = "a share" if 1 in (high, under) and part["type"] == "number" else whole
    if high is not None and over is not None:
        return f"{noun} above {over:g}, up to {high}"
    if high is not None:
        return f"{noun} from {low:g} to {high}"
    if under is not None:
        start = f"above {over:g} and" if over is not None else f"from {low:g} to"
        return f"{noun}, {start} below {under:g}"
    if over is not None:
        return f"{noun} above {over:g}"
    return noun if low is None else f"{noun}, {low:g} or more"


def check_keys(where: str, block: Any, known: Iterable[str]) -> None:
    """`block` is a mapping without a key that nothing reads."""
    if not isinstance(block, dict):
        raise ValueError(f"{where} is {BRIEF.repr(block)}; {LINES}")
    known = list(known)
    if strangers := [key for key in block if key not in known]:
        raise ValueError(unknown(where, strangers, known))
