"""Places the things of one image: sizes, positions and relations, in whole pixels."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from labelgraph.scenes.looks import LOOKS, look_name
from labelgraph.scenes.worlds import RELATIONS

UPPER = {"sky", "cloud", "sun", "sunset", "kite", "bird", "plane", "mountain"}
LOWER = {"grass", "water", "ocean", "lake", "sand", "road", "sidewalk", "snow", "track"}
CROWDED = {"person", "bird", "sheep", "cow", "kite", "umbrella"}
CROWD_ROWS, CROWD_COLUMNS = 2, 5


class Thing(NamedTuple):
    """One drawn thing. Things of one `group` share an annotation: a crowd."""

    label: str
    group: int
    crowd: bool
    left: int
    top: int
    width: int
    height: int


class Frame(NamedTuple):
    width: int
    height: int


def frame(long_side: int, rng: np.random.Generator) -> Frame:
    """Three of four images are wide; the short side is 3/4 or 2/3 of the long one."""
    parts, whole = ((3, 4), (2, 3))[rng.integers(2)]
    short_side = long_side * parts // whole
    wide = rng.integers(4) > 0
    return Frame(long_side, short_side) if wide else Frame(short_side, long_side)


def place(
    labels: Sequence[str],
    area: Frame,
    rng: np.random.Generator,
    *,
    structure: bool,
    size: int,
    crowds: int,
) -> list[Thing]:
    """All things, largest first. `size`: percent of the usual; `crowds`: percent of the labels."""
    anchors: dict[str, Thing] = {}
    things: list[Thing] = []
    for label in placing_order(labels):
        look = look_name(label)
        where = relation(look, anchors) if structure else None
        for _ in range(copies(look, rng)):
            thing = measure(label, len(things), area, size, rng)
            thing = stand(thing, where, anchors, area, rng, structure)
            anchors.setdefault(look, thing)
            things.append(thing)
        if look in CROWDED and rng.integers(100) < crowds:
            things[-1] = things[-1]._replace(crowd=True)
    spread = [part for thing in things for part in (crowd(thing) if thing.crowd else [thing])]
    return sorted(spread, key=lambda thing: (-thing.width * thing.height, thing.group))


def placing_order(labels: Sequence[str]) -> list[str]:
    """Things that others stand on come first."""
    present = {look_name(label) for label in labels}
    return sorted(labels, key=lambda label: (depth(look_name(label), present), label))


def depth(look: str, present: set[str]) -> int:
    """How many things are stacked below this one: 1 for a cup on a table."""
    found = relation(look, present)
    return 1 + depth(found[1], present) if found else 0


def relation(look: str, present: Collection[str]) -> tuple[str, str] | None:
    """The first relation of `look` to something present: (where, to what)."""
    for first, where, second in RELATIONS:
        if first == look and second in present:
            return where, second
    return None


def copies(look: str, rng: np.random.Generator) -> int:
    several = (1, 1, 1, 1, 1, 1, 1, 2, 2, 3)[rng.integers(10)]
    return 1 if LOOKS[look].width > 40 else several


def measure(label: str, group: int, area: Frame, size: int, rng: np.random.Generator) -> Thing:
    """A thing of random size, without a place. One in five is far away."""
    look = LOOKS[look_name(label)]
    percent = size * int(rng.integers(65, 136)) // 100
    if rng.integers(5) == 0:
        percent = percent * 6 // 10
    side = max(area)
    width, height = (max(6, side * part * percent // 10_000) for part in look[-2:])
    return Thing(label, group, False, 0, 0, width, height)


def stand(
    thing: Thing,
    where: tuple[str, str] | None,
    anchors: dict[str, Thing],
    area: Frame,
    rng: np.random.Generator,
    structure: bool,
) -> Thing:
    """The thing with its position, by its anchor or free; up to a sixth of it may be cut off."""
    if where:
        x, y = beside(thing, where[0], anchors[where[1]], rng)
    else:
        x = int(rng.integers(-thing.width // 6, max(1, area.width - thing.width * 5 // 6)))
        low, high = -thing.height // 6, max(1, area.height - thing.height * 5 // 6)
        look = look_name(thing.label)
        third = (high - low) // 3
        if structure and look in UPPER:
            high = low + third
        elif structure and look in LOWER:
            low = high - third
        y = int(rng.integers(low, max(low + 1, high)))
    x = min(max(x, -thing.width // 6), area.width - thing.width * 5 // 6)
    y = min(max(y, -thing.height // 6), area.height - thing.height * 5 // 6)
    return thing._replace(left=x, top=y)


def beside(thing: Thing, where: str, anchor: Thing, rng: np.random.Generator) -> tuple[int, int]:
    """Left and top of a thing that stands on, above, below, left or right of the anchor."""
    slack = max(1, abs(anchor.width - thing.width) // 2)
    x = anchor.left + (anchor.width - thing.width) // 2 + int(rng.integers(-slack, slack + 1))
    level = anchor.top + anchor.height - thing.height + int(rng.integers(-4, 5))
    gap = int(rng.integers(0, 8))
    places = {
        "on": (x, anchor.top + anchor.height // 4 - thing.height),
        "above": (x, anchor.top - thing.height - gap),
        "below": (x, anchor.top + anchor.height - thing.height // 4 + gap),
        "left": (anchor.left - thing.width * 5 // 6 - gap, level),
        "right": (anchor.left + anchor.width * 5 // 6 + gap, level),
    }
    return places[where]


def crowd(thing: Thing) -> list[Thing]:
    """Rows of small copies in the place of one thing."""
    width = max(6, thing.width * 2 // CROWD_COLUMNS)
    height = max(6, thing.height * 2 // CROWD_COLUMNS)
    return [
        thing._replace(
            left=thing.left + column * width * 2 // 3,
            top=thing.top + row * height * 2 // 3,
            width=width,
            height=height,
        )
        for row in range(CROWD_ROWS)
        for column in range(CROWD_COLUMNS)
    ]
