"""The single faults that faults.py can put into a file.

Messages stay as they are: f-strings are not changed, and a `raise` is only removed as a whole.
`strict=` of zip stays too, because it guards against what never happens.
"""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OPERATORS = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.RShift: (">>", "<<"),
    ast.LShift: ("<<", ">>"),
    ast.MatMult: ("@", "*"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}
PAIRS = (
    *(("any", "all"), ("min", "max"), ("amin", "amax"), ("sum", "mean"), ("minimum", "maximum")),
    *(("startswith", "endswith"), ("zeros", "ones"), ("floor", "ceil"), ("left", "right")),
)
OTHER = dict([*PAIRS, *((right, left) for left, right in PAIRS), ("sorted", "list")])
DROPPED = {  # method calls replaced by their receiver, function calls by their argument
    *("clamp", "clip", "logit", "exp", "log", "sigmoid", "sqrt", "abs", "round", "neg", "rstrip"),
    *("strip", "lstrip", "lower", "upper", "casefold", "copy", "clone", "resolve", "contiguous"),
    *("removeprefix", "removesuffix", "sort_values", "drop_duplicates", "unique", "cumsum", "sort"),
    *("ascontiguousarray", "astype", "float", "repeat", "masked_fill", "normalize"),
    *(
        "with_suffix",
        "fill_diagonal_",
        "relative_to",
        "absolute",
        "replace",
        "splitlines",
        "copy_",
        "permutation",
    ),
}
AROUND = 50  # characters of the line shown on each side of a fault
MODULES = {"np", "torch", "math", "os", "functional"}
STATEMENTS = (ast.Assign, ast.AugAssign, ast.Expr)
STATEMENTS += (ast.Raise, ast.Continue, ast.Break, ast.Delete)


@dataclass(frozen=True)
class Fault:
    place: str  # file, and function within it
    text: str  # the old code -> the new code
    source: bytes  # the whole file


@dataclass(frozen=True)
class Text:
    """A file's bytes, addressed by the lines and columns of the syntax tree."""

    source: bytes

    def offset(self, line: int, column: int) -> int:
        return sum(len(each) for each in self.source.splitlines(keepends=True)[: line - 1]) + column

    def span(self, node: ast.AST) -> tuple[int, int]:
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def of(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.source[start:end].decode()


def faults_of(path: Path, top: Path) -> Iterator[Fault]:
    """Every possible fault in `path`."""
    text = Text(path.read_bytes())
    name = path.relative_to(top).as_posix()
    for function, node, shown in nodes(ast.parse(text.source), ""):
        for start, end, new in changes(node, text):
            source = text.source[:start] + new.encode() + text.source[end:]
            yield Fault(f"{name} {function}", words(text, shown, start, end, new), source)


def words(text: Text, shown: ast.AST, start: int, end: int, new: str) -> str:
    """The change with a little of the code around it."""
    first, last = text.span(shown)
    parts = text.source[first:start], text.source[start:end], text.source[end:last]
    before, old, after = (re.sub(r"\s+", " ", part.decode()) for part in parts)
    before = before if len(before) <= AROUND else f"…{before[-AROUND:]}"
    after = after if len(after) <= AROUND else f"{after[:AROUND]}…"
    return f"{before}[[{old} -> {new}]]{after}"


def nodes(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST, ast.AST]]:
    """Function, node, and the smallest statement or condition around it."""
    waiting = [(child, function, child) for child in ast.iter_child_nodes(node)]
    while waiting:
        here, function, shown = waiting.pop(0)
        if isinstance(here, ast.FunctionDef | ast.ClassDef):
            inner = f"{function}.{here.name}".lstrip(".")
            parts = [here.args] if isinstance(here, ast.FunctionDef) else []
            waiting += [(child, inner, child) for child in here.body]
            waiting += [(default, inner, default) for part in parts for default in defaults(part)]
            continue
        yield function, here, shown
        if isinstance(here, ast.JoinedStr | ast.Raise | ast.AnnAssign):
            continue
        for child in ast.iter_child_nodes(here):
            if isinstance(child, ast.keyword) and child.arg == "strict":
                continue
            whole = isinstance(child, ast.stmt) or isinstance(here, ast.If | ast.For | ast.With)
            whole = whole and hasattr(child, "lineno")
            waiting.append((child, function, child if whole else shown))


def defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(each for each in arguments.kw_defaults if each)]


def changes(node: ast.AST, text: Text) -> Iterator[tuple[int, int, str]]:
    """Start, end and new text of each fault in the node itself."""
    for kind, found in KINDS:
        if isinstance(node, kind):
            yield from found(node, text)
            return


def compare(node: ast.Compare, text: Text) -> Iterator[tuple[int, int, str]]:
    pairs = itertools.pairwise([node.left, *node.comparators])
    for operator, (left, right) in zip(node.ops, pairs, strict=True):
        yield from between(left, right, operator, text)


def arithmetic(node: ast.BinOp, text: Text) -> Iterator[tuple[int, int, str]]:
    if not is_text(node.left) and not is_text(node.right):
        yield from between(node.left, node.right, node.op, text)


def joined(node: ast.BoolOp, text: Text) -> Iterator[tuple[int, int, str]]:
    yield from between(node.values[0], node.values[1], node.op, text)


def signed(node: ast.UnaryOp, text: Text) -> Iterator[tuple[int, int, str]]:
    yield *text.span(node), f"({text.of(node.operand)})"


def branch(node: ast.If | ast.IfExp, text: Text) -> Iterator[tuple[int, int, str]]:
    yield *text.span(node.test), f"(not ({text.of(node.test)}))"


def chosen(node: ast.comprehension, text: Text) -> Iterator[tuple[int, int, str]]:
    for test in node.ifs:
        yield *text.span(test), f"(not ({text.of(test)}))"


def context(node: ast.With, text: Text) -> Iterator[tuple[int, int, str]]:
    if not any(item.optional_vars for item in node.items):
        yield text.span(node)[0], text.span(node.items[-1].context_expr)[1], "if True"


def effect(node: ast.stmt, text: Text) -> Iterator[tuple[int, int, str]]:
    """Whether the statement can be removed: a call, or an assignment to a part of something."""
    if isinstance(node, ast.Assign) and not isinstance(
        node.targets[0], ast.Attribute | ast.Subscript
    ):
        return
    if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call):
        yield *text.span(node), "pass"


def between(
    left: ast.expr, right: ast.expr, operator: ast.AST, text: Text
) -> Iterator[tuple[int, int, str]]:
    start, end = text.span(left)[1], text.span(right)[0]
    old, new = OPERATORS.get(type(operator), ("", ""))
    if old:
        yield start, end, text.source[start:end].decode().replace(old, new, 1)


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def constant(node: ast.Constant, text: Text) -> Iterator[tuple[int, int, str]]:
    if isinstance(node.value, bool):
        yield *text.span(node), str(not node.value)
    elif isinstance(node.value, int):
        yield *text.span(node), str(node.value + 1)
    elif isinstance(node.value, float):
        yield *text.span(node), str(node.value * 2 or 1.0)


def call(node: ast.Call, text: Text) -> Iterator[tuple[int, int, str]]:
    function = node.func
    name = getattr(function, "attr", getattr(function, "id", ""))
    if name in OTHER and not (name == "sorted" and node.keywords):
        end = text.span(function)[1]
        yield end - len(name.encode()), end, OTHER[name]
    of_module = getattr(getattr(function, "value", None), "id", "") in MODULES
    if name in DROPPED and isinstance(function, ast.Attribute) and not of_module:
        yield *text.span(node), text.of(function.value)
    elif name in DROPPED and node.args:
        yield *text.span(node), f"({text.of(node.args[0])})"


KINDS = (
    *((ast.Compare, compare), (ast.BinOp, arithmetic), (ast.BoolOp, joined), (ast.Call, call)),
    *((ast.Constant, constant), (ast.UnaryOp, signed), (ast.If | ast.IfExp, branch)),
    *((ast.comprehension, chosen), (ast.With, context), (STATEMENTS, effect)),
)
