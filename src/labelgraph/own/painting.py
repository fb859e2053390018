"""A picture overlaid with a label's evidence map and box, and captioned with the label."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from labelgraph.encoders.views import Window
from labelgraph.files.small import whole
from labelgraph.predict.evidence import Evidence

LONGEST = 1024  # pixels of the longer side of a painted picture
COLOURS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))  # viridis
OPACITY = 0.65  # at the map's peak
EDGE = (255, 255, 255)


def preview(picture: np.ndarray) -> Image.Image:
    """Small enough to keep."""
    image = Image.fromarray(picture)
    image.thumbnail((LONGEST, LONGEST))
    return image


def cover(heat: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """The map in colours, transparent where it is low: RGBA of `size`, width and height."""
    smooth = Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    height = np.asarray(smooth).clip(0, 1)
    anchors = np.linspace(0, 1, len(COLOURS))
    bands = [np.interp(height, anchors, band) for band in np.array(COLOURS).T]
    bands.append(255 * OPACITY * height)
    return Image.fromarray(np.stack(bands, -1).round().astype(np.uint8), "RGBA")


def place(window: Window, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The pixels of a picture of `size` that the network saw: left, top, right, bottom."""
    width, height = size
    edges = (window.left * width, window.top * height, window.right * width, window.bottom * height)
    left, top, right, bottom = (round(edge) for edge in edges)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def paint(image: Image.Image, shown: Evidence, window: Window, text: str) -> Image.Image:
    """`text` is the caption below the picture."""
    left, top, right, bottom = place(window, image.size)
    width, height = right - left, bottom - top
    layer = Image.new("RGBA", image.size)
    layer.paste(cover(shown.heat, (width, height)), (left, top))
    painted = Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")
    edges = [left + shown.box[0] * width, top + shown.box[1] * height]  # at least a pixel wide
    edges.append(max(left + shown.box[2] * width - 1, edges[0]))
    edges.append(max(top + shown.box[3] * height - 1, edges[1]))
    line = max(2, max(image.size) // 256)
    ImageDraw.Draw(painted).rectangle(edges, outline=EDGE, width=line)
    return captioned(painted, text)


def captioned(image: Image.Image, text: str) -> Image.Image:
    size = max(12, max(image.size) // 32)
    framed = Image.new("RGB", (image.width, image.height + 2 * size), "white")
    framed.paste(image, (0, 0))
    font = ImageFont.load_default(size)
    ImageDraw.Draw(framed).text((size // 2, image.height + size // 3), text, "black", font)
    return framed


def write(path: Path, image: Image.Image) -> None:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    with whole(path) as draft:
        draft.write_bytes(stream.getvalue())
