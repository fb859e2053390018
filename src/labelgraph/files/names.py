"""Names that somebody gave to labels, parts and pictures: the one rule of what may stand in them.

Every letter may that a page or a terminal shows as a letter, of any script, with quotes, spaces and
emoji. Control characters (a line's end, NUL, ESC) may not, nor those that turn the direction of
what stands after them, for they make a name look like another one.
"""

import re

CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
REFUSED = re.compile(f"[{CONTROLS}]")
BUT_LINES = re.compile(f"(?!\n)[{CONTROLS}]")


def check(kind: str, name: str, place: str) -> None:
    """`kind`: label, part or image; `place`: file and row."""
    if fault := wrong(kind, name):
        raise ValueError(f"{place}: {fault}")


def wrong(kind: str, name: str) -> str:
    """Why it can be no name; empty if it can. A picture may be in no part."""
    if not name.strip() and kind != "part":
        return f"{kind} {name!r} is blank; give it a name"
    if REFUSED.search(name):
        return (
            f"{kind} {name!r} cannot be written as text: it has control characters, or bytes that"
            " are no UTF-8; give it a name without"
        )
    return ""


def shown(text: str) -> str:
    """For a terminal: what would drive it, or end the line, comes as its number."""
    return REFUSED.sub(spelled, text)


def shown_lines(text: str) -> str:
    """The same for a text of several lines."""
    return BUT_LINES.sub(spelled, text)


def spelled(letter: re.Match) -> str:
    r"""\u001b, as JSON has it too."""
    return f"\\u{ord(letter[0]):04x}"
