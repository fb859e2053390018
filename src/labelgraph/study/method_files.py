"""What a method's file says of its settings, read without importing torch."""

import ast
from functools import cache

from labelgraph.jobs import sourcecode


@cache
def keywords(method: str) -> set[str]:
    """The keyword-only names of a method's `build`: the lines of its block `model`."""
    path = sourcecode.method_file(method)
    if not path.exists():
        raise ValueError(f"methods.yaml has {method!r}, but there is no {path.name} in models/")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == "build":
            return {argument.arg for argument in node.args.kwonlyargs}
    raise ValueError(f"models/{path.name} has no function `build`")
