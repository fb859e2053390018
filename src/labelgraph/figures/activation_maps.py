"""Class activation maps on photographs, and whether they are where the label's objects are.

Boxes are left, top, right, bottom as fractions of the photograph's width and height.
"""

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

from labelgraph.files.small import read_arrays


@dataclass(frozen=True)
class Seen:
    """A label's map. Boxes are fractions of `window`, the part of the photograph that is seen."""

    map: np.ndarray  # (h, w)
    box: np.ndarray  # (4,)
    window: np.ndarray  # (4,) fractions of the photograph

    def in_photograph(self, edges: np.ndarray) -> np.ndarray:
        size = self.window[2:] - self.window[:2]
        return np.tile(self.window[:2], 2) + edges * np.tile(size, 2)


def read(look: dict[str, np.ndarray], image: str, label: str) -> Seen:
    row, column = look["images"].tolist().index(image), look["labels"].tolist().index(label)
    return Seen(look["maps"][row, column], look["boxes"][row, column], look["window"])


def read_objects(manifest: str, images: list[str]) -> dict[str, list[tuple[str, np.ndarray]]]:
    """Image -> label and box of each of its objects."""
    stored = read_arrays(Path(manifest))
    place = {name: row for row, name in enumerate(stored["images"].tolist())}
    return {name: objects(stored, place[name]) for name in images}


def objects(stored: dict[str, np.ndarray], image: int) -> list[tuple[str, np.ndarray]]:
    found = []
    for box in np.flatnonzero(stored["box_image"] == image):
        x, y, width, height = stored["boxes"][box]
        edges = np.array([x, y, x + width, y + height]) / np.tile(stored["sizes"][image], 2)
        found.append((str(stored["names"][stored["box_label"][box]]), edges.clip(0, 1)))
    return found


def strongest_cell(seen: Seen) -> np.ndarray:
    """The box of the map's strongest cell."""
    height, width = seen.map.shape
    y, x = np.unravel_index(seen.map.argmax(), (height, width))
    return seen.in_photograph(np.array([x / width, y / height, (x + 1) / width, (y + 1) / height]))


def touches(seen: Seen, objects: list[np.ndarray]) -> bool | None:
    """Whether the strongest cell touches one of the boxes; None without boxes."""
    cell = strongest_cell(seen)
    meets = [(np.maximum(cell, edges)[:2] < np.minimum(cell, edges)[2:]).all() for edges in objects]
    return any(meets) if objects else None


def overlaid(pixels: np.ndarray, seen: Seen) -> np.ndarray:
    """The photograph in pale grey, coloured where the map is strong."""
    height, width, _ = pixels.shape
    left, top, right, bottom = np.rint(seen.window * np.tile([width, height], 2)).astype(int)
    low, high = min(float(seen.map.min()), 0), float(seen.map.max())
    image = Image.fromarray(((seen.map - low) / max(high - low, 1e-9)).astype(np.float32))
    image = image.resize((right - left, bottom - top), Image.Resampling.BICUBIC)
    strength = np.zeros((height, width, 1))
    strength[top:bottom, left:right, 0] = np.asarray(image).clip(0, 1)
    colours = 255 * matplotlib.colormaps["viridis"](strength[..., 0])[..., :3]
    pale = 0.6 * pixels.mean(2, keepdims=True) + 0.4 * 255
    opacity = 0.75 * strength**0.8
    return (opacity * colours + (1 - opacity) * pale).clip(0, 255).astype(np.uint8)
