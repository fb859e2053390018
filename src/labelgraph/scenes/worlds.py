"""Which labels occur together in each dataset, and how things are arranged.

A scene's line has its name, its percentage of the images, then `label percent` pairs: how often an
image of that scene shows the label.
"""

from functools import cache
from typing import NamedTuple

SCENES = {
    "voc2007": """
street 30: person 70, car 90, bus 40, motorbike 40, bicycle 30
station 5: train 90, person 75, bicycle 30
farm 9: sheep 90, cow 90, bird 35, dog 20
riding 6: horse 90, person 90, dog 35
living 23: sofa 90, tvmonitor 80, pottedplant 75, cat 75, dog 25, person 40
dining 14: diningtable 90, bottle 90, chair 90, person 60
sea 9: boat 90, bird 80, person 45
airport 4: aeroplane 90, car 45, bus 25
""",
    "coco2014": """
street 22: person 80, car 90, traffic light 80, bus 40, stop sign 40, motorcycle 35, backpack 40
station 3: truck 90, person 55, bicycle 90, backpack 35
beach 11: surfboard 90, kite 70, person 90, boat 60, bird 60
snow 7: snowboard 90, skis 75, person 90, backpack 45
park 8: frisbee 90, dog 90, person 80, bird 45, bicycle 25
farm 5: sheep 90, cow 90, horse 25
riding 4: horse 90, person 90
safari 3: zebra 90, giraffe 75, bird 35
dining 13: dining table 90, pizza 70, wine glass 80, fork 90, knife 70, chair 90, person 45
kitchen 8: microwave 80, oven 90, cup 70, spoon 75, bowl 80, broccoli 60
living 10: couch 90, tv 90, vase 55, potted plant 70, cup 35, person 35
office 6: laptop 90, keyboard 90, cup 60, chair 80
""",
    "nuswide": """
street 22: cars 90, buildings 90, street 80, person 75, sign 55, window 60, vehicle 60
coast 19: sky 90, ocean 90, sand 75, person 60, boats 55, rocks 45, beach 35
wild 15: mountain 90, lake 80, sky 80, clouds 90, tree 70, snow 40, rocks 40
farm 9: grass 90, horses 70, cow 70, animal 80, house 55, tree 60
garden 12: flowers 90, leaf 80, garden 70, grass 55, birds 45, house 35
harbor 6: water 90, boats 90, bridge 80, tower 55, birds 40, clouds 40, fish 35
evening 6: sunset 90, sun 80, ocean 45, clouds 80, plane 55
home 8: cat 75, dog 70, window 75, plants 70, person 55, animal 55
rail 3: railroad 90, train 90, vehicle 75, road 35, sign 35
""",
    "visual_genome": """
street 25: man 80, woman 55, car 90, building 90, window 75, road 80, sign 55, light 55,\
 wheel 70, pole 60, sidewalk 60, shirt 55, pants 40, bus 35
station 4: train 90, track 90, pole 70, sky 55, window 60, fence 55, light 35
beach 12: man 70, woman 45, sand 90, ocean 80, wave 75, surfboard 80, sky 75, umbrella 40,\
 girl 35, bird 40, boat 35
park 11: tree 90, grass 90, bench 75, boy 55, girl 55, dog 55, bike 55, hat 45, shoe 40, leaf 55
farm 7: cow 90, sheep 55, grass 90, fence 90, sky 70, tree 70, house 45
riding 4: horse 90, man 75, hat 75, fence 70, boy 35, grass 55
safari 4: giraffe 75, zebra 75, elephant 55, tree 75, rock 70, water 55
snow 5: snow 90, mountain 90, man 60, boy 45, hat 55, pants 55, sky 60
table 16: table 90, plate 90, cup 75, pizza 55, fork 75, knife 60, food 75, bowl 45, woman 55,\
 chair 70, glasses 35
room 12: sofa 60, bed 70, pillow 90, lamp 80, book 60, cat 60, window 60, clock 45, door 55,\
 laptop 40
""",
}  # fmt: skip

# (look A, look B, percent): how often an image that shows A shows B too, in scenes that include B
IMPLIES = (
    ("table", "chair", 80),
    ("horse", "person", 60),
    ("fork", "knife", 60),
    ("bed", "pillow", 80),
    ("plate", "fork", 60),
    ("surfboard", "wave", 60),
    ("car", "wheel", 70),
    ("sun", "cloud", 60),
)

# (A, where, B): the position of A if both are present; B shows which of two similar things A is
RELATIONS = (
    ("person", "on", "horse"), ("man", "on", "horse"), ("person", "on", "motorbike"),
    ("boy", "on", "bicycle"), ("bottle", "on", "table"), ("cup", "on", "table"),
    ("plate", "on", "table"), ("pizza", "on", "table"), ("glass", "on", "table"),
    ("bowl", "on", "oven"), ("fork", "left", "pizza"), ("fork", "left", "plate"),
    ("knife", "right", "plate"), ("spoon", "right", "bowl"), ("cat", "on", "sofa"),
    ("cat", "on", "bed"), ("dog", "left", "sofa"), ("dog", "left", "person"),
    ("pillow", "on", "bed"), ("pillow", "on", "sofa"), ("chair", "right", "table"),
    ("laptop", "on", "table"), ("keyboard", "below", "laptop"), ("vase", "on", "television"),
    ("hat", "above", "man"), ("hat", "above", "boy"), ("shirt", "on", "woman"),
    ("kite", "above", "person"), ("umbrella", "above", "person"), ("backpack", "left", "person"),
    ("frisbee", "above", "dog"), ("wheel", "below", "car"), ("bird", "above", "boat"),
    ("sun", "above", "ocean"), ("train", "above", "track"), ("cloud", "above", "mountain"),
    ("traffic light", "above", "car"), ("stop sign", "right", "car"),
    ("plant", "left", "television"), ("bird", "on", "tree"), ("boat", "on", "water"),
    ("leaf", "below", "flower"),
)  # fmt: skip


class Scene(NamedTuple):
    name: str
    share: int
    labels: dict[str, int]


@cache
def scenes(world: str) -> tuple[Scene, ...]:
    lines = SCENES[world].strip().splitlines()
    return tuple(read_scene(line) for line in lines)


def read_scene(line: str) -> Scene:
    head, _, body = line.partition(":")
    name, share = head.split()
    pairs = (pair.rsplit(" ", 1) for pair in body.split(","))
    return Scene(name, int(share), {label.strip(): int(percent) for label, percent in pairs})


def label_names(world: str) -> tuple[str, ...]:
    """Every label of a dataset's scenes, alphabetically."""
    return tuple(sorted({label for scene in scenes(world) for label in scene.labels}))
