"""Markdown and LaTeX show names as they are spelled."""

import html
import re
import shutil
import subprocess

import pytest
from conftest import ROOT
from markdown_it import MarkdownIt

from labelgraph.files import escaping

NASTY = (
    "<script>alert(1)</script>",
    "a|b | c",
    "*bold* _slanted_ __init__ snake_case ~~gone~~ x^2^ $a$ $$b$$",
    "`code` ``more`` `",
    "[text](javascript:alert(1)) ![x](y) [a]: b",
    "[ ] task",
    "# heading",
    "- point",
    "+ 1",
    "1. first",
    "22) second",
    "&amp; &#60; &lt; A&B AT&T;",
    r"back\slash \* \| C:\new\\",
    "100% {word} {0} %s #1 x~y",
    "$(id) `id`; rm -rf / && echo 'x' \"y\"",
    "--- -- -rf ..",
    "שלום עולם",
    "cat 🐈 naïve 日本",
    "two  spaces\tand\nlines",
)


def shown(page: str, tag: str) -> list[str]:
    """The text of each element, with nothing in it but text."""
    found = re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", page, re.S)
    return [html.unescape(text) for text in found]


@pytest.mark.parametrize("name", NASTY)
def test_a_name_in_markdown(name):
    cell = escaping.markdown(name)
    reader = MarkdownIt("gfm-like", {"linkify": False})
    spelled = " ".join(name.split())
    page = reader.render(f"| {cell} | b |\n| --- | --- |\n| {cell} | **{cell}** |\n")
    assert shown(page, "th") == [spelled, "b"]
    assert shown(page, "td") == [spelled, f"<strong>{spelled}</strong>"]
    assert shown(reader.render(f"- {cell}\n"), "li") == [spelled]
    assert shown(reader.render(f"# {cell}\n"), "h1") == [spelled]
    assert escaping.plain(cell) == spelled


def test_code_in_a_sentence_stays_code():
    text = "variant `a_b*` is <b>, and ` alone"
    page = MarkdownIt().render(escaping.prose(text))
    assert page == "<p>variant <code>a_b*</code> is &lt;b&gt;, and ` alone</p>\n"


def test_text_without_special_characters_stays():
    for text in (
        "efficientnet_lite0",
        "hot dog",
        "A & B",
        "p = 0.4 (448, 576)",
        "BL+Gl",
        "-5.3 %",
        "3.1",
    ):
        assert escaping.markdown(text) == text


DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs}\usepackage{graphicx}\usepackage{fontspec}
\setmainfont{DejaVu Sans}
\begin{document}
%s
\end{document}
"""


@pytest.mark.skipif(not shutil.which("lualatex"), reason="needs LuaLaTeX")
def test_a_table_of_names_with_special_characters_compiles(tmp_path):
    cells = [escaping.latex(name) for name in NASTY]
    rows = "\n".join(rf"{cell} & \textbf{{{cell}}} \\" for cell in cells)
    table = rf"\begin{{tabular}}{{ll}}{rows}\end{{tabular}} \par {' '.join(cells)}"
    committed = (ROOT / "results/tables/mini/ml_sgm_II.tex").read_text()
    (tmp_path / "t.tex").write_text(DOCUMENT % f"{table}\n{committed}")
    command = ["lualatex", "-no-shell-escape", "-halt-on-error", "-interaction=batchmode", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, (tmp_path / "t.log").read_text()[-3000:]


@pytest.mark.parametrize("name", NASTY)
def test_latex_sees_no_special_character(name):
    """Without our own commands, no character is left that LaTeX would act on."""
    text = escaping.latex(name)
    for command in sorted(escaping.SPECIAL.values(), key=len, reverse=True):
        text = text.replace(command, "")
    text = re.sub(r"^\{[\[*]\}|\{\}", "", text)
    assert not set(text) & set("&%#$_{}~^\\<>|`") and text[:1] not in ("[", "*")
