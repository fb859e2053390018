"""Text as it is spelled, in Markdown and in LaTeX: names and labels are anybody's."""

import re
import string

CODE = re.compile(r"(`[^`]+`)")
PUNCTUATION = re.compile(rf"\\([{re.escape(string.punctuation)}])")
# What Markdown reads as more than a letter; an underscore within a word, and a - or + that starts
# no line, are letters. `$` and `^` are of GitHub's and pandoc's formulas.
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
    """A sentence of settings for Markdown: what stands in `backticks` is code."""
    parts = CODE.split(" ".join(text.split()))
    return "".join(part if CODE.fullmatch(part) else marked(part) for part in parts)


def plain(text: str) -> str:
    """What `markdown` has made of a text, as it was."""
    return PUNCTUATION.sub(r"\1", text)


def latex(text: str) -> str:
    """For a document of LuaLaTeX or XeLaTeX: pdfLaTeX knows few letters beyond the Latin ones."""
    words = " ".join(text.split()).replace("--", "-\0-")
    found = "".join(SPECIAL.get(letter, letter) for letter in words).replace("\0", "{}")
    return f"{{{found[0]}}}{found[1:]}" if found[:1] in ("[", "*") else found  # \\[ is a command
