"""What a method's file says of its settings, read without importing torch."""

import ast
import io
import tokenize
from functools import cache
from pathlib import Path

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


NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def lines(method: str) -> int:
    """Lines of code in a method's own files: no blank lines, comments or docstrings."""
    path = sourcecode.method_file(method)
    files = [path] if path.parent == sourcecode.MODELS else sorted(path.parent.glob("*.py"))
    return sum(map(lines_of_code, files))


def lines_of_code(path: Path) -> int:
    text = path.read_text(encoding="utf-8")
    code = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in NOT_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            code -= {*range(node.lineno, node.end_lineno + 1)}
    return len(code)
