"""Escapes text for Markdown and LaTeX, so that names and labels are shown as they are spelled."""

import re
import string

CODE = re.compile(r"(`[^`]+`)")
PUNCTUATION = re.compile(rf"\\([{re.escape(string.punctuation)}])")
# Characters that Markdown reads as markup. An underscore inside a word, and a - or + that does not
# start a line, are plain text. `$` and `^` mark formulas on GitHub and in pandoc.
MARKS = re.compile(
    r"[`*<>|$~^\\]|\](?=[(\[:])|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])|^(?:\[|[-+#](?=[\s#]|$))|^\d+[.)](?=\s)"
)
SPECIAL = {
    **{letter: rf"\{letter}" for letter in "&%_#${}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
}


def markdown(text: str) -> str:
    """A name, a label or a path, on one line."""
    return marked(" ".join(text.split()))


def marked(text: str) -> str:
    return MARKS.sub(lambda mark: f"{mark[0][:-1]}\\{mark[0][-1]}", text)


def prose(text: str) -> str:
    """A sentence from the settings as Markdown; text in `backticks` stays code."""
    parts = CODE.split(" ".join(text.split()))
    return "".join(part if CODE.fullmatch(part) else marked(part) for part in parts)


def plain(text: str) -> str:
    """Undoes `markdown`."""
    return PUNCTUATION.sub(r"\1", text)


def latex(text: str) -> str:
    """For LuaLaTeX or XeLaTeX: pdfLaTeX supports few letters beyond the Latin ones."""
    words = " ".join(text.split()).replace("--", "-\0-")
    found = "".join(SPECIAL.get(letter, letter) for letter in words).replace("\0", "{}")
    return f"{{{found[0]}}}{found[1:]}" if found[:1] in ("[", "*") else found  # \\[ is a command
