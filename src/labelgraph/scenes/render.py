"""Paints things on a background that is independent of them.

All arithmetic is in integers, so the bytes are the same on every machine. Everything is painted at
twice the size and averaged down at the end.
"""

from collections.abc import Sequence
from math import cos, pi, sin
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from labelgraph.scenes import shapes
from labelgraph.scenes.looks import COLOURS, LOOKS, look_name
from labelgraph.scenes.place import Frame, Thing

SCALE = 2  # painted pixels for each final one
ONE = 4096  # fixed point: this is 1
CORNERS = 24  # of an oval
CIRCLE = [
    (round(ONE * cos(2 * pi * k / CORNERS)), round(ONE * sin(2 * pi * k / CORNERS)))
    for k in range(CORNERS)
]
TILTS = [(round(ONE * cos(pi * k / 36)), round(ONE * sin(pi * k / 36))) for k in range(-2, 3)]
ROLES = {"main": 1, "second": 2, "dark": 3}
Colour = tuple[int, int, int]


class Shown(NamedTuple):
    """The visible part of a group: the box of its pixels (0-based) and their number."""

    label: str
    crowd: bool
    left: int
    top: int
    width: int
    height: int
    pixels: int
    percent: int  # of what was painted; the rest is hidden or cut off


def render(
    things: Sequence[Thing],
    area: Frame,
    rng: np.random.Generator,
    *,
    clutter: int,
    noise: int,
    repainted: int,
) -> tuple[Image.Image, list[Shown]]:
    """The picture and what is visible in it.

    `clutter`: number of meaningless shapes; `noise`: largest change of a pixel; `repainted`:
    percent of things in a random other colour.
    """
    canvas = ground(area, clutter, rng)
    owners = Image.new("L", canvas.size, 0)
    painted = dict.fromkeys((thing.group for thing in things), 0)
    for thing in things:
        tile, mask = paint(thing, rng, repainted)
        corner = (thing.left * SCALE - tile.width // 4, thing.top * SCALE - tile.height // 4)
        canvas.paste(tile, corner, mask)
        owners.paste(thing.group + 1, corner, mask)
        painted[thing.group] += mask.histogram()[255]
    pixels = np.asarray(canvas.reduce(SCALE)).astype(np.int16)
    grain = rng.integers(-noise, noise + 1, (area.height, area.width, 1), np.int16)
    light = int(rng.integers(-20, 21))
    picture = Image.fromarray(np.clip(pixels + grain + light, 0, 255).astype(np.uint8))
    return picture, look_at(things, np.asarray(owners)[::SCALE, ::SCALE], painted)


def look_at(things: Sequence[Thing], owners: np.ndarray, painted: dict[int, int]) -> list[Shown]:
    """One entry for each group with a pixel in `owners` (h, w), in group order."""
    seen = []
    for thing in sorted({thing.group: thing for thing in things}.values(), key=lambda t: t.group):
        rows, columns = np.nonzero(owners == thing.group + 1)
        if not len(rows):
            continue
        left, top = int(columns.min()), int(rows.min())
        width, height = int(columns.max()) - left + 1, int(rows.max()) - top + 1
        percent = min(100, 100 * SCALE * SCALE * len(rows) // max(1, painted[thing.group]))
        seen.append(Shown(thing.label, thing.crowd, left, top, width, height, len(rows), percent))
    return seen


def ground(area: Frame, clutter: int, rng: np.random.Generator) -> Image.Image:
    """Soft colour clouds and blobs, independent of what the image shows."""
    size = (area.width * SCALE, area.height * SCALE)
    tints = rng.integers(96, 197, (4, 5, 1)) + rng.integers(-16, 17, (4, 5, 3))
    canvas = Image.fromarray(tints.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(canvas)
    for _ in range(clutter):
        x, y = int(rng.integers(size[0])), int(rng.integers(size[1]))
        wide, high = (int(reach) for reach in rng.integers(max(size) // 60, max(size) // 12, 2))
        corners = CIRCLE[int(rng.integers(6)) :: (1, 4, 6, 8)[rng.integers(4)]]  # 24, 6, 4 or 3
        shift = rng.integers(-60, 61, 3)
        fill = tuple(
            int(min(255, max(0, value + change)))
            for value, change in zip(canvas.getpixel((x, y)), shift, strict=True)
        )
        pen.polygon([(x + wide * a // ONE, y + high * b // ONE) for a, b in corners], fill=fill)
    return canvas


def paint(
    thing: Thing, rng: np.random.Generator, repainted: int
) -> tuple[Image.Image, Image.Image]:
    """A tile with the thing in its middle half, and the mask of its pixels."""
    look = LOOKS[look_name(thing.label)]
    if rng.integers(100) < repainted:
        look = look._replace(main="any")
    width, height = thing.width * SCALE, thing.height * SCALE
    size = (width * 2, height * 2)
    colours = {role: tint(look, role, rng) for role in ROLES}
    outline = tuple(value * 5 // 8 for value in colours["main"])
    tile, roles = Image.new("RGB", size), Image.new("L", size, 0)
    pen, marker = ImageDraw.Draw(tile), ImageDraw.Draw(roles)
    turn, mirrored = TILTS[rng.integers(len(TILTS))], bool(rng.integers(2))
    for role, kind, numbers in shapes.parts(look.family):
        points = outline_of(kind, numbers)
        shift = rng.integers(-2, 3, 2)
        corners = [
            corner(x + int(shift[0]), y + int(shift[1]), width, height, turn, mirrored)
            for x, y in points
        ]
        pen.polygon(corners, fill=colours[role], outline=outline)
        marker.polygon(corners, fill=ROLES[role], outline=ROLES[role])
    if look.texture != "plain":
        only_main = roles.point([255 * (value == ROLES["main"]) for value in range(256)])
        tile.paste(colours["second"], (0, 0), pattern(look.texture, size, only_main, rng))
    return tile, roles.point([255 * (value > 0) for value in range(256)])


def tint(look, role: str, rng: np.random.Generator) -> Colour:
    """The role's colour on this thing: slightly lighter or darker, with a small shift."""
    name = {"main": look.main, "second": look.second, "dark": "black"}[role]
    if name == "any":
        name = sorted(COLOURS)[rng.integers(len(COLOURS))]
    percent, shift = int(rng.integers(82, 119)), rng.integers(-16, 17, 3)
    red, green, blue = (
        min(255, max(0, value * percent // 100 + int(offset)))
        for value, offset in zip(COLOURS[name], shift, strict=True)
    )
    return red, green, blue


def outline_of(kind: str, numbers: tuple[int, ...]) -> list[tuple[int, int]]:
    """Corners in units of the silhouette; a ring runs along the outside, then back inside."""
    if kind == "poly":
        return list(zip(numbers[::2], numbers[1::2], strict=True))
    left, top, right, bottom = numbers
    whole = oval(left, top, right, bottom)
    if kind == "oval":
        return whole
    wall = max(4, (right - left) // 6)
    inner = oval(left + wall, top + wall, right - wall, bottom - wall)
    return [*whole, whole[0], inner[0], *reversed(inner)]


def oval(left: int, top: int, right: int, bottom: int) -> list[tuple[int, int]]:
    wide, high = right - left, bottom - top
    return [
        ((left + right) // 2 + wide * x // (2 * ONE), (top + bottom) // 2 + high * y // (2 * ONE))
        for x, y in CIRCLE
    ]


def corner(
    x: int, y: int, width: int, height: int, turn: tuple[int, int], mirrored: bool
) -> tuple[int, int]:
    """Unit coordinates (0 to 100) -> painted pixels of a tile twice as large as the thing."""
    across, down = (x - 50) * width, (y - 50) * height
    if mirrored:
        across = -across
    cosine, sine = turn
    return (
        width + (across * cosine - down * sine) // (100 * ONE),
        height + (across * sine + down * cosine) // (100 * ONE),
    )


def pattern(
    texture: str, size: tuple[int, int], allowed: Image.Image, rng: np.random.Generator
) -> Image.Image:
    """The mask of a texture's second colour, inside `allowed`."""
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    step = max(6, min(size) // (18 if texture == "stripes" else 12))
    for number, x in enumerate(range(int(rng.integers(step)) - step, size[0], step)):
        if texture == "stripes" and number % 2:
            pen.rectangle((x, 0, x + step - 1, size[1]), fill=255)
        for row, y in enumerate(range(0, size[1], step)):
            if texture == "dots":
                pen.ellipse(
                    (x + step // 5, y + step // 5, x + step * 4 // 5, y + step * 4 // 5), 255
                )
            elif texture == "checks" and (row + number) % 2:
                pen.rectangle((x, y, x + step - 1, y + step - 1), fill=255)
    return Image.composite(mask, Image.new("L", size, 0), allowed)
