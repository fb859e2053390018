"""The look of all figures, and how they become SVG and PNG files with the same bytes anywhere.

Sizes are inches on paper: a column of a two-column page, or the whole page.
"""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from labelgraph.files.small import whole

COLUMN, PAGE = 3.4, 7.0
SMALL, NORMAL = 7.0, 7.5  # points
# Okabe and Ito's colours, which the colour-blind can tell apart; the lightest is left out
BLACK, BLUE, ORANGE, GREEN, RED, SKY, PINK = (
    *("#000000", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7"),
)
GREY, PALE = "#767676", "#DDDDDD"
COLOURS = (BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK, GREY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
DASHES = (
    "-",
    "--",
    "-.",
    ":",
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (7, 2)),
    (0, (2, 1)),
    (0, (4, 2, 1, 2)),
)
DPI = 150
PNG_BYTES = 300_000
LOOK = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": NORMAL,
    "axes.titlesize": NORMAL,
    "axes.labelsize": NORMAL,
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), SMALL),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "text.parse_math": False,  # a label with two dollar signs is not a formula
    "lines.linewidth": 1.2,
    "lines.markersize": 3.6,
    "legend.frameon": False,
    "svg.fonttype": "path",  # letters as shapes: they look the same without the font
    "svg.hashsalt": "labelgraph",
    "path.simplify": False,
}
SVG_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
PHOTOGRAPH = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")


@dataclass
class Drawing:
    """A figure, its numbers as a table, and remarks that depend on them."""

    figure: Figure
    table: list[list[str]] = field(default_factory=list)  # header, then rows
    remarks: list[str] = field(default_factory=list)
    photographs: bool = False


@contextmanager
def look() -> Iterator[None]:
    """Inside, figures are drawn and written with our settings, whatever the user's are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LOOK)
        yield


def new(width: float, height: float, **options: Any) -> Figure:
    return Figure(figsize=(width, height), dpi=DPI, **options)


def write(drawing: Drawing, title: str, svg: Path) -> None:
    """Writes the SVG, and the PNG beside it."""
    FigureCanvasSVG(drawing.figure)
    buffer = BytesIO()
    drawing.figure.savefig(buffer, format="svg", metadata=SVG_METADATA | {"Title": title})
    text = PHOTOGRAPH.sub(as_jpeg, buffer.getvalue().decode())
    with whole(svg) as draft:
        draft.write_text(text, encoding="utf-8")
    canvas = FigureCanvasAgg(drawing.figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    for levels in (32, 16, 8) if drawing.photographs else (256,):
        content = as_png(np.rint(np.rint(pixels / 255 * (levels - 1)) * 255 / (levels - 1)))
        if len(content) < PNG_BYTES:  # fewer shades mostly lose the camera's noise
            break
    with whole(svg.with_suffix(".png")) as draft:
        draft.write_bytes(content)


def as_jpeg(found: re.Match) -> str:
    """A photograph in an SVG as JPEG, a fifth of its size as PNG."""
    image = Image.open(BytesIO(base64.b64decode(found[1]))).convert("RGB")
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def as_png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG", dpi=(DPI, DPI))
    return buffer.getvalue()
