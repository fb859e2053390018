"""Which files of this package a file needs, including itself: the code that is a rule's input."""

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
MODELS = PACKAGE / "models"


@cache
def closure(path: Path) -> frozenset[Path]:
    """All files that `path` imports, directly or not. They are parsed, not imported."""
    found, waiting = set(), [path]
    while waiting:
        here = waiting.pop()
        if here not in found:
            found.add(here)
            waiting += imports(here)
    return frozenset(found)


@cache
def imports(path: Path) -> tuple[Path, ...]:
    """The package's files that are named in the import statements of `path`."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(file for name in names for file in files(name))


def files(name: str) -> list[Path]:
    """`labelgraph.parts.encoder` -> its file, and the __init__ files on the way to it with code."""
    top, *rest = name.split(".")
    if top != PACKAGE.name:
        return []
    place = PACKAGE
    found = []
    for part in rest:
        place = place / part
        module, package = place.with_suffix(".py"), place / "__init__.py"
        found += [module] * module.exists() + [package] * (package.exists() and has_code(package))
    return found


@cache
def has_code(path: Path) -> bool:
    """A docstring alone decides nothing; every job has fewer inputs without such files."""
    return any(
        not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
    )


def method_file(method: str) -> Path:
    """The file with the method's `build`. A method with parts of its own has a folder."""
    inside = MODELS / method / f"{method}.py"
    return inside if inside.exists() else MODELS / f"{method}.py"
