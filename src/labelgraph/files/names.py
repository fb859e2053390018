"""The rule for names of labels, parts and images: which characters they may contain.

Every visible character of any script may be used, and so may quotes, spaces and emoji. Control
characters (line ends, NUL, ESC) are refused, and so are characters that change the direction of
the text after them, because they make one name look like another.
"""

import re

CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
REFUSED = re.compile(f"[{CONTROLS}]")
REFUSED_IN_LINES = re.compile(f"(?!\n)[{CONTROLS}]")


def check(kind: str, name: str, place: str) -> None:
    """`kind`: label, part or image; `place`: file and row."""
    if fault := wrong(kind, name):
        raise ValueError(f"{place}: {fault}")


def wrong(kind: str, name: str) -> str:
    """Why `name` is refused; empty if it is fine. A part may be blank: not every image has one."""
    if not name.strip() and kind != "part":
        return f"{kind} {name!r} is blank; give it a name"
    if REFUSED.search(name):
        return (
            f"{kind} {name!r} cannot be written as text: it has control characters, or bytes that"
            " are not UTF-8; rename it"
        )
    return ""


def shown(text: str) -> str:
    """For a terminal: control characters and line ends are replaced by their code points."""
    return REFUSED.sub(spelled, text)


def shown_lines(text: str) -> str:
    """The same for a text of several lines, whose line ends stay."""
    return REFUSED_IN_LINES.sub(spelled, text)


def spelled(letter: re.Match) -> str:
    r"""For example \u001b, the same form as in JSON."""
    return f"\\u{ord(letter[0]):04x}"
