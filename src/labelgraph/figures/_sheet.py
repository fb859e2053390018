"""A page on which photographs and words are placed: inches from its upper left corner."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from labelgraph.figures import _style as style
from labelgraph.images import read_image

LINE = 0.125  # inches from one line of words to the next


class Sheet:
    def __init__(self, width: float, height: float):
        self.width, self.height = width, height
        self.figure = style.new(width, height)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = self.height - top - height
        place = (
            left / self.width,
            bottom / self.height,
            width / self.width,
            height / self.height,
        )
        return self.figure.add_axes(place)

    def words(self, text: str, left: float, top: float, **options: Any) -> None:
        """`top` is that of the line."""
        chosen = {"va": "top", "ha": "left", "fontsize": style.SMALL} | options
        self.figure.text(left / self.width, 1 - top / self.height, text, **chosen)

    def picture(
        self, pixels: np.ndarray, left: float, top: float, width: float, height: float
    ) -> Axes:
        """As large as fits, in the middle of its place; inside it, shares of the picture count."""
        scale = min(width / pixels.shape[1], height / pixels.shape[0])
        wide, high = scale * pixels.shape[1], scale * pixels.shape[0]
        axes = self.axes(left + (width - wide) / 2, top + (height - high) / 2, wide, high)
        axes.imshow(pixels, extent=(0, 1, 1, 0), aspect="auto")
        axes.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        return axes


def photograph(root: str, name: str) -> np.ndarray:
    return read_image(Path(root) / name)


def frame(axes: Axes, colour: str, width: float = 1.5) -> None:
    axes.spines[:].set(visible=True, color=colour, linewidth=width)


def box(axes: Axes, edges: np.ndarray, colour: str, **options: Any) -> None:
    """Left, top, right, bottom in shares; with a white line around, to be seen on any ground."""
    left, top, right, bottom = (float(edge) for edge in edges)
    place = (left, top), right - left, bottom - top
    thin = {"linewidth": 1.2} | options
    under = thin | {"linewidth": thin["linewidth"] + 1.2, "linestyle": "-"}
    axes.add_patch(Rectangle(*place, fill=False, edgecolor="white", clip_on=False, **under))
    axes.add_patch(Rectangle(*place, fill=False, edgecolor=colour, clip_on=False, **thin))


@cache
def inches(text: str, size: float = style.SMALL, weight: str = "normal") -> float:
    """How wide words are."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def shortened(text: str, width: float, size: float = style.SMALL) -> str:
    """The text, or as much of it as `width` inches hold."""
    if inches(text, size) <= width:
        return text
    while text and inches(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text}…"


def wrapped(words: list[str], width: float, most: int) -> list[str]:
    """Words in lines of at most `width` inches; what does not fit in `most` lines is counted."""
    lines: list[str] = []
    for place, word in enumerate(words):
        text = word if place == len(words) - 1 else f"{word},"
        joined = f"{lines[-1]} {text}" if lines else text
        if lines and inches(joined) <= width:
            lines[-1] = joined
        elif len(lines) < most:
            lines.append(shortened(text, width))
        else:
            lines[-1] = shortened(f"{lines[-1]} +{len(words) - place}", width)
            break
    return lines
