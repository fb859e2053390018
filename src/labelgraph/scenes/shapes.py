"""Silhouettes: the parts of each family of things, on a grid of 100 by 100 units, y downwards.

One part per line: role, kind, numbers. Roles are colours: `main`, `second`, `dark`. A `poly` lists
its corners, an `oval` and a `ring` the corners of their frame.
"""

from functools import cache

LEGS = "dark poly 34 62 48 62 46 100 36 100\ndark poly 52 62 66 62 64 100 54 100\n"
WHEELS = "dark oval 12 62 36 94\ndark oval 64 62 88 94\n"
POLE = "dark poly 46 30 54 30 54 100 46 100\n"
TABLE_LEGS = "dark poly 8 20 18 20 18 100 8 100\ndark poly 82 20 92 20 92 100 82 100\n"

FAMILIES = {
    "quadruped": "main poly 20 58 29 58 28 98 21 98\nmain poly 33 60 41 60 40 98 34 98\n"
    "main poly 60 60 68 60 68 98 61 98\nmain poly 72 56 80 56 79 98 73 98\n"
    "main oval 12 32 84 70\nmain poly 66 50 78 14 92 18 84 58\nmain oval 74 6 100 30\n"
    "second poly 14 42 3 68 9 70 18 50\nsecond poly 78 10 81 -2 87 8",
    "tall": "main poly 16 58 23 58 22 100 17 100\nmain poly 29 60 36 60 35 100 30 100\n"
    "main poly 46 60 53 60 52 100 47 100\nmain poly 58 56 65 56 64 100 59 100\n"
    "main oval 10 42 68 68\nmain poly 54 52 74 6 84 8 68 58\nmain oval 70 0 98 14",
    "fleece": "dark poly 28 66 34 66 34 98 28 98\ndark poly 66 66 72 66 72 98 66 98\n"
    "main oval 10 26 48 72\nmain oval 30 20 70 74\nmain oval 50 26 88 74\nsecond oval 78 18 100 46",
    "sitter": "main poly 22 92 8 60 14 56 34 82\nmain oval 24 40 76 100\nmain oval 28 8 74 48\n"
    "second poly 30 18 34 -2 46 12\nsecond poly 56 12 68 -2 72 18\n"
    "dark oval 38 22 44 28\ndark oval 58 22 64 28",
    "bird": "dark poly 42 66 46 66 46 96 42 96\ndark poly 54 66 58 66 58 96 54 96\n"
    "main poly 4 40 30 46 28 64\nmain oval 18 34 78 72\nmain oval 62 14 92 44\n"
    "second poly 90 26 104 32 90 36\nsecond poly 28 46 62 42 34 74",
    "fish": "second poly 26 50 0 24 4 78\nmain oval 16 22 96 78\ndark oval 78 38 86 48\n"
    "second poly 44 24 60 4 66 26",
    "person": LEGS + "second poly 30 30 22 62 28 64 36 40\nsecond poly 70 30 78 62 72 64 64 40\n"
    "main poly 30 26 70 26 66 66 34 66\nsecond oval 37 0 63 26",
    "dressed": "second poly 40 70 47 70 46 100 41 100\nsecond poly 53 70 60 70 59 100 54 100\n"
    "second poly 36 30 20 56 26 60 40 40\nsecond poly 64 30 80 56 74 60 60 40\n"
    "main poly 38 26 62 26 80 76 20 76\ndark oval 34 -2 66 26\nsecond oval 39 2 61 26",
    "car": "main poly 2 52 18 48 32 24 68 24 82 48 98 54 98 78 2 78\n"
    "second poly 24 48 36 30 48 30 48 48\nsecond poly 53 48 53 30 66 30 76 48\n" + WHEELS,
    "bus": "main poly 2 8 98 8 98 80 2 80\nsecond poly 8 18 28 18 28 44 8 44\n"
    "second poly 36 18 56 18 56 44 36 44\nsecond poly 64 18 84 18 84 44 64 44\n" + WHEELS,
    "truck": "main poly 2 6 62 6 62 80 2 80\nsecond poly 64 32 88 32 98 56 98 80 64 80\n" + WHEELS,
    "bicycle": "dark ring 2 46 42 98\ndark ring 58 46 98 98\n"
    "main poly 20 74 36 34 40 34 26 74\nmain poly 36 38 68 32 68 38 38 44\n"
    "main poly 66 20 72 20 82 74 76 74\nsecond poly 28 28 46 28 46 34 28 34",
    "motorbike": "dark ring 2 48 40 98\ndark ring 60 48 98 98\nmain poly 18 70 30 40 70 40 82 70\n"
    "second poly 26 32 54 32 54 42 26 42\nmain poly 66 20 73 20 84 72 76 72",
    "boat": "dark poly 48 6 52 6 52 64 48 64\nmain poly 2 60 98 60 82 92 18 92\n"
    "second poly 54 10 54 54 88 54\nsecond poly 46 18 46 54 18 54",
    "board": "main oval 0 38 100 62\nsecond poly 10 48 90 48 90 52 10 52",
    "skis": "main poly 0 34 96 30 100 24 100 36 0 42\nsecond poly 0 62 96 58 100 52 100 64 0 70",
    "plane": "second poly 46 50 26 96 36 96 62 52\nmain oval 4 38 98 62\n"
    "second poly 8 46 0 14 10 14 22 44\nsecond poly 50 44 36 14 44 14 62 44",
    "kite": "dark poly 48 72 52 72 60 100 56 100\nmain poly 50 0 84 36 50 76 16 36\n"
    "second poly 50 0 84 36 50 36",
    "bottle": "second poly 40 0 60 0 60 12 40 12\nmain poly 41 10 59 10 61 32 72 44 72 100 28 100"
    " 28 44 39 32\nsecond poly 28 58 72 58 72 80 28 80",
    "vase": "main poly 36 0 64 0 60 20 82 52 66 100 34 100 18 52 40 20\n"
    "second poly 20 46 80 46 82 58 18 58",
    "cup": "second ring 60 24 100 78\nmain poly 8 8 76 8 68 100 16 100\n"
    "second poly 10 30 74 30 72 44 11 44",
    "glass": "second poly 46 56 54 56 54 92 46 92\nsecond poly 26 90 74 90 74 100 26 100\n"
    "main poly 22 0 78 0 68 46 54 60 46 60 32 46",
    "bowl": "second poly 32 84 68 84 68 100 32 100\nmain poly 2 20 98 20 84 66 66 88 34 88 16 66\n"
    "second oval 2 8 98 32",
    "fork": "second poly 45 40 55 40 57 100 43 100\nmain poly 30 0 37 0 37 22 46 22 46 0 54 0"
    " 54 22 63 22 63 0 70 0 66 44 34 44",
    "knife": "second poly 42 56 58 56 58 100 42 100\nmain poly 42 0 58 12 58 58 42 58",
    "spoon": "second poly 45 38 55 38 57 100 43 100\nmain oval 30 0 70 46",
    "chair": "dark poly 22 60 30 60 30 100 22 100\ndark poly 70 60 78 60 78 100 70 100\n"
    "main poly 20 0 34 0 34 56 20 56\nmain poly 20 48 82 48 82 64 20 64",
    "sofa": "main poly 12 16 88 16 88 60 12 60\nmain poly 0 40 100 40 100 88 0 88\n"
    "second poly 16 46 48 46 48 66 16 66\nsecond poly 52 46 84 46 84 66 52 66",
    "bench": "dark poly 14 50 22 50 22 100 14 100\ndark poly 78 50 86 50 86 100 78 100\n"
    "main poly 4 10 96 10 96 24 4 24\nmain poly 4 44 96 44 96 58 4 58",
    "bed": "dark poly 2 10 10 10 10 98 2 98\nmain poly 6 44 98 44 98 84 6 84\n"
    "second oval 10 28 38 50\ndark poly 92 60 98 60 98 98 92 98",
    "table": TABLE_LEGS + "main poly 0 8 100 8 100 28 0 28\nsecond poly 0 24 100 24 100 30 0 30",
    "screen": "dark poly 40 80 60 80 66 100 34 100\nmain poly 0 4 100 4 100 82 0 82\n"
    "second poly 8 12 92 12 92 74 8 74",
    "laptop": "main poly 14 4 86 4 86 66 14 66\nsecond poly 22 12 78 12 78 58 22 58\n"
    "dark poly 14 66 86 66 100 96 0 96",
    "oven": "main poly 0 2 100 2 100 98 0 98\nsecond poly 10 26 68 26 68 86 10 86\n"
    "dark oval 78 30 92 44\ndark oval 78 56 92 70",
    "panel": "main poly 4 4 96 4 96 96 4 96\nsecond poly 14 14 86 14 86 86 14 86",
    "door": "main poly 20 0 80 0 80 100 20 100\nsecond poly 30 10 70 10 70 46 30 46\n"
    "dark oval 66 52 74 60",
    "book": "main poly 4 10 50 18 50 92 4 84\nsecond poly 50 18 96 10 96 84 50 92",
    "keys": "main poly 0 20 100 20 100 80 0 80\nsecond poly 8 32 92 32 92 40 8 40\n"
    "second poly 8 48 92 48 92 56 8 56\nsecond poly 24 64 76 64 76 72 24 72",
    "potted": "second poly 26 62 74 62 66 100 34 100\nmain oval 8 20 48 60\nmain oval 50 16 92 60\n"
    "main oval 28 0 72 56",
    "tree": "dark poly 44 54 56 54 58 100 42 100\nmain oval 4 22 56 66\nmain oval 44 20 96 66\n"
    "main oval 22 0 78 52",
    "flower": "dark poly 47 46 53 46 53 100 47 100\nmain oval 30 0 58 30\nmain oval 52 14 82 44\n"
    "main oval 40 34 70 62\nmain oval 16 18 46 48\nsecond oval 38 20 60 42",
    "leaf": "main poly 50 0 76 26 82 56 54 88 20 60 24 28\nsecond poly 48 10 52 10 54 100 48 100",
    "round": "main oval 2 2 98 98\nsecond oval 24 24 76 76",
    "crown": "second poly 38 54 62 54 58 100 42 100\nmain oval 8 14 48 58\nmain oval 52 14 92 58\n"
    "main oval 28 2 72 60",
    "wedge": "main poly 50 0 60 20 58 100 42 100 40 20\nsecond poly 40 0 60 0 56 14 44 14",
    "slice": "main poly 4 12 96 12 50 100\nsecond poly 0 2 100 2 98 16 2 16\n"
    "dark oval 30 24 46 40\ndark oval 54 38 68 52",
    "lights": POLE + "main poly 28 0 72 0 72 62 28 62\nsecond oval 38 4 62 22\n"
    "second oval 38 23 62 41\nsecond oval 38 42 62 60",
    "sign": POLE + "main poly 32 0 68 0 92 22 92 44 68 64 32 64 8 44 8 22\n"
    "second poly 20 26 80 26 80 40 20 40",
    "lamp": POLE + "main poly 26 0 74 0 90 40 10 40\nsecond oval 40 34 60 48",
    "umbrella": "dark poly 48 40 52 40 52 96 48 96\nmain poly 0 48 10 20 34 4 66 4 90 20 100 48\n"
    "second poly 34 48 50 4 66 48",
    "bag": "second ring 26 0 74 50\nmain poly 10 28 90 28 96 98 4 98\nsecond poly 24 54 76 54 76 66"
    " 24 66",
    "shirt": "main poly 30 4 70 4 100 34 84 50 74 38 74 98 26 98 26 38 16 50 0 34\n"
    "second poly 40 4 60 4 50 24",
    "trousers": "main poly 22 0 78 0 84 100 58 100 50 36 42 100 16 100\nsecond poly 22 0 78 0 78 10"
    " 22 10",
    "hat": "main poly 26 56 32 10 68 10 74 56\nmain oval 0 46 100 84\nsecond poly 26 44 74 44 74 56"
    " 26 56",
    "shoe": "main poly 6 14 40 14 50 48 96 62 98 82 6 82\nsecond poly 4 80 98 80 98 94 4 94",
    "building": "main poly 10 0 90 0 90 100 10 100\nsecond poly 20 12 42 12 42 36 20 36\n"
    "second poly 58 12 80 12 80 36 58 36\nsecond poly 20 50 42 50 42 74 20 74\n"
    "second poly 58 50 80 50 80 74 58 74",
    "house": "main poly 10 40 90 40 90 100 10 100\nsecond poly 0 44 50 0 100 44\n"
    "dark poly 42 64 60 64 60 100 42 100",
    "tower": "main poly 30 18 70 18 78 100 22 100\nsecond poly 24 20 50 -2 76 20\n"
    "dark poly 44 34 56 34 56 52 44 52",
    "bridge": "main poly 0 30 100 30 100 46 0 46\ndark poly 14 10 22 10 22 96 14 96\n"
    "dark poly 78 10 86 10 86 96 78 96\nsecond poly 18 10 50 30 82 10 82 16 50 36 18 16",
    "fence": "main poly 0 26 100 26 100 38 0 38\nmain poly 0 62 100 62 100 74 0 74\n"
    "second poly 10 4 20 4 20 98 10 98\nsecond poly 45 4 55 4 55 98 45 98\n"
    "second poly 80 4 90 4 90 98 80 98",
    "rails": "dark poly 10 30 16 30 12 100 4 100\ndark poly 84 30 90 30 96 100 88 100\n"
    "main poly 4 40 96 40 96 50 4 50\nmain poly 2 60 98 60 98 70 2 70\n"
    "main poly 0 80 100 80 100 90 0 90",
    "strip": "main poly 0 30 24 20 48 32 72 22 100 30 100 92 76 84 50 94 24 84 0 92",
    "cloud": "main oval 0 30 52 86\nmain oval 22 8 76 78\nmain oval 48 28 100 86",
    "mountain": "main poly 0 98 34 12 56 60 70 36 100 98\nsecond poly 25 36 34 12 43 32",
    "rocks": "main poly 0 96 10 52 38 40 56 96\nmain poly 42 96 54 46 84 44 100 96\n"
    "second poly 54 46 84 44 66 64",
}


@cache
def parts(family: str) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    """Role, kind and numbers of each part, in the order in which they are painted."""
    lines = (line.split() for line in FAMILIES[family].splitlines())
    return tuple((role, kind, tuple(map(int, numbers))) for role, kind, *numbers in lines)
