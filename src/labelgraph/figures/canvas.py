"""A canvas on which photographs and words are placed: inches from its upper left corner."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from labelgraph.figures import style
from labelgraph.files.images import read_image

LINE = 0.125  # inches from one line of words to the next
EDGE = 0.06  # inches around everything
GAP = 0.06  # inches above the sentences below
HINTED = 1.06  # letters on a grid of pixels are up to this much wider than their outlines
WIDE = style.PAGE - 2 * EDGE


class Canvas:
    def __init__(self, width: float, height: float, below: Sequence[str] = ()):
        """`below`: sentences under everything else, so that the image can stand alone."""
        lines = [line for text in below for line in broken(text, width)]
        self.size = width + 2 * EDGE, height + 2 * EDGE + (LINE * len(lines) + GAP) * bool(lines)
        self.figure = style.new(*self.size)
        for place, line in enumerate(lines):
            self.words(line, 0, height + GAP + place * LINE, color=style.GREY)

    def fractions(self, left: float, top: float) -> tuple[float, float]:
        """A place as matplotlib counts: fractions of the canvas, from its lower left corner."""
        return (EDGE + left) / self.size[0], 1 - (EDGE + top) / self.size[1]

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        corner = self.fractions(left, top + height)
        return self.figure.add_axes((*corner, width / self.size[0], height / self.size[1]))

    def words(self, text: str, left: float, top: float, **options: Any) -> None:
        """`top` is the upper edge of the line."""
        chosen = {"va": "top", "ha": "left", "fontsize": style.SMALL} | options
        self.figure.text(*self.fractions(left, top), text, **chosen)

    def picture(
        self, pixels: np.ndarray, left: float, top: float, width: float, height: float
    ) -> Axes:
        """As large as fits, at the bottom of its space; its axes go from 0 to 1."""
        scale = min(width / pixels.shape[1], height / pixels.shape[0])
        wide, high = scale * pixels.shape[1], scale * pixels.shape[0]
        axes = self.axes(left + (width - wide) / 2, top + height - high, wide, high)
        axes.imshow(pixels, extent=(0, 1, 1, 0), aspect="auto")
        axes.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        return axes


def photograph(root: str, name: str) -> np.ndarray:
    return read_image(Path(root) / name)


def frame(axes: Axes, colour: str, width: float = 1.5) -> None:
    axes.spines[:].set(visible=True, color=colour, linewidth=width)


def box(axes: Axes, edges: np.ndarray, colour: str, under: float = 1.2, **options: Any) -> None:
    """`edges`: left, top, right, bottom as fractions. `under`: width of a white line below."""
    left, top, right, bottom = (float(edge) for edge in edges)
    look = {"linewidth": 1.2, "fill": False, "clip_on": False} | options
    white = {"edgecolor": "white", "linewidth": look["linewidth"] + under, "linestyle": "-"}
    for line in ([look | white] if under else []) + [look | {"edgecolor": colour}]:
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, **line))


@cache
def inches(text: str, size: float = style.SMALL, weight: str = "normal") -> float:
    """The width of a text, at most."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    return HINTED * text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def shortened(text: str, width: float, size: float = style.SMALL) -> str:
    """The text, cut off with an ellipsis if it is wider than `width` inches."""
    if inches(text, size) <= width:
        return text
    while text and inches(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text}…"


def origin(figure: dict[str, Any]) -> str:
    """Where the images of a figure come from, as its datasets are called: drawn or not."""
    return f"Images: {'; '.join(figure['datasets'].values())}."


def key(canvas: Canvas, pieces: Iterable[tuple[str, str]], top: float) -> None:
    """Texts with their colours side by side, whatever their length."""
    left = 0.0
    for text, ink in pieces:
        canvas.words(text, left, top, color=ink)
        left += inches(text) + 0.35


def broken(text: str, width: float) -> list[str]:
    """A text in lines of `width` inches."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and inches(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def wrapped(words: list[str], width: float, most: int) -> list[str]:
    """Words in at most `most` lines of `width` inches; `+N` counts the words that do not fit."""
    lines: list[str] = []
    for place, word in enumerate(words):
        last = place == len(words) - 1 or word.endswith(":")
        text = word if last else f"{word},"
        joined = f"{lines[-1]} {text}" if lines else text
        if lines and inches(joined) <= width:
            lines[-1] = joined
        elif len(lines) < most:
            lines.append(shortened(text, width))
        else:
            lines[-1] = shortened(f"{lines[-1]} +{len(words) - place}", width)
            break
    return lines
