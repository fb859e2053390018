"""What occurs together in each dataset, and where things stand to one another.

A scene line reads: name, its share in percent, then `label percent` pairs: how often a picture of
that scene shows the label.
"""

from typing import NamedTuple

SCENES = {
    "voc2007": """
street 24: person 50, car 70, bus 30, motorbike 30, bicycle 22
station 7: train 90, person 55, bicycle 22
farm 13: sheep 65, cow 75, bird 25, dog 15
riding 10: horse 90, person 85, dog 25
living 18: sofa 75, tvmonitor 60, pottedplant 55, cat 55, dog 20, person 30
dining 13: diningtable 90, bottle 70, chair 75, person 45
sea 9: boat 85, bird 60, person 35
airport 6: aeroplane 90, car 35, bus 20
""",
    "coco2014": """
street 20: person 60, car 75, traffic light 60, bus 30, stop sign 30, motorcycle 25, backpack 30
station 6: truck 85, person 40, bicycle 65, backpack 25
beach 9: surfboard 75, kite 50, person 70, boat 45, bird 45, umbrella 35
snow 7: snowboard 65, skis 55, person 80, backpack 35
park 9: frisbee 70, dog 65, person 60, umbrella 35, bird 35, bicycle 20
farm 9: sheep 65, cow 75, horse 20
riding 5: horse 90, person 80
safari 6: zebra 75, elephant 50, giraffe 55, bird 25
dining 13: dining table 85, pizza 50, wine glass 60, fork 65, knife 50, chair 65, person 35
kitchen 9: microwave 60, oven 70, cup 50, spoon 55, bowl 60, broccoli 45, carrot 50, bottle 35
living 11: couch 80, tv 65, vase 40, potted plant 50, cup 25, person 25
office 6: laptop 80, keyboard 65, cup 45, chair 60, bottle 20
""",
    "nuswide": """
street 17: cars 75, buildings 70, street 60, person 55, sign 40, window 45, vehicle 45
coast 15: sky 65, ocean 75, sand 55, person 45, boats 40, rocks 35, beach 25
wild 14: mountain 75, lake 60, sky 60, clouds 65, tree 50, snow 30, rocks 30
farm 11: grass 80, horses 50, cow 50, animal 60, house 40, tree 45
garden 12: flowers 75, leaf 60, garden 50, grass 40, birds 35, house 25
harbor 8: water 75, boats 65, bridge 60, tower 40, birds 30, clouds 30, fish 25
evening 7: sunset 80, sun 60, ocean 35, clouds 60, plane 40
home 10: cat 55, dog 50, window 55, plants 50, person 40, animal 40
rail 6: railroad 85, train 75, vehicle 55, road 25, sign 25
""",
    "visual_genome": """
street 20: man 60, woman 40, car 70, building 65, window 55, road 60, sign 40, light 40, wheel 50,\
 pole 45, sidewalk 45, shirt 40, pants 30, bus 25
station 7: train 85, track 85, pole 50, sky 40, window 45, fence 40, light 25
beach 11: man 50, woman 35, sand 70, ocean 60, wave 55, surfboard 60, sky 55, umbrella 30, girl 25,\
 bird 30, boat 25
park 11: tree 75, grass 70, bench 55, boy 40, girl 40, dog 40, bike 40, hat 35, shoe 30, leaf 40
farm 9: cow 65, sheep 40, grass 75, fence 65, sky 50, tree 50, house 35
riding 6: horse 85, man 55, hat 55, fence 50, boy 25, grass 40
safari 6: giraffe 55, zebra 55, elephant 40, tree 55, rock 50, water 40
snow 6: snow 85, mountain 65, man 45, boy 35, hat 40, pants 40, sky 45
table 13: table 80, plate 75, cup 55, pizza 40, fork 55, knife 45, food 55, bowl 35, woman 40,\
 chair 50, glasses 25
room 11: sofa 45, bed 50, pillow 65, lamp 60, book 45, cat 45, window 45, clock 35, door 40,\
 laptop 30
""",
}  # fmt: skip

# (looks A, looks B, percent): a picture that shows A shows B too, in any scene that B is part of
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

# (A, where, B): where A stands when both are there; of two that look alike, B tells which it is
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
    ("traffic light", "above", "car"), ("stop sign", "right", "car"), ("plant", "left", "television"),
    ("bird", "on", "tree"), ("boat", "on", "water"), ("leaf", "below", "flower"),
)  # fmt: skip


class Scene(NamedTuple):
    name: str
    share: int
    labels: dict[str, int]


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
