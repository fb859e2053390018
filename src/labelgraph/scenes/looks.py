"""What each thing looks like: silhouette, two colours, texture and size.

Things that are hard to tell apart share a silhouette and have similar colours; only their position
or the other things in the image show which one it is. Width and height are in percent of the
image's long side. The colour `any` is drawn at random for each thing.
"""

from typing import NamedTuple

COLOURS = {
    "brown": (134, 90, 56), "umber": (108, 72, 48), "tan": (182, 144, 100),
    "sand": (214, 190, 142), "grey": (136, 136, 138), "slate": (96, 104, 116),
    "white": (228, 228, 224), "cream": (230, 218, 188), "black": (52, 50, 54),
    "red": (196, 54, 48), "brick": (164, 78, 62), "orange": (226, 130, 48),
    "amber": (226, 172, 58), "yellow": (232, 208, 78), "green": (78, 138, 68),
    "moss": (104, 130, 62), "teal": (60, 136, 130), "blue": (58, 96, 176),
    "navy": (48, 62, 116), "sky": (138, 182, 218), "violet": (126, 84, 156),
    "pink": (222, 142, 160), "skin": (220, 178, 148),
}  # fmt: skip

TABLE = """
horse quadruped brown black plain 40 36
cow quadruped umber black plain 40 35
dog sitter tan brown plain 22 26
cat sitter tan brown plain 20 25
sheep fleece cream black plain 26 22
goat fleece sand umber plain 24 21
zebra quadruped white black stripes 38 35
giraffe tall amber umber dots 32 46
elephant quadruped grey slate plain 46 38
fox sitter orange white plain 20 24
animal quadruped tan umber plain 20 18
bird bird slate amber plain 15 13
fish fish sky slate plain 17 11
person person any skin plain 20 42
man person navy skin plain 19 42
boy person blue skin plain 14 29
woman dressed violet skin plain 19 42
girl dressed pink skin plain 14 29
car car any sky plain 42 22
vehicle car grey sky plain 20 10
bus bus any sky plain 48 27
train bus any sky plain 52 27
truck truck brick sky plain 46 27
bicycle bicycle teal black plain 32 23
motorbike bicycle slate black plain 32 23
boat boat white cream plain 36 28
ship boat cream sand plain 40 30
plane plane white slate plain 46 26
surfboard board amber white plain 40 11
snowboard board orange white plain 38 11
skis skis red slate plain 40 11
kite kite red yellow plain 18 22
frisbee round violet pink plain 12 6
umbrella umbrella red pink plain 28 26
backpack bag moss tan plain 16 20
bag bag brown tan plain 14 16
bottle bottle green white plain 8 20
vase vase teal white plain 10 20
cup cup white blue plain 10 10
glass glass sky white plain 9 17
bowl bowl cream teal plain 18 9
fork fork grey slate plain 5 16
knife knife grey brown plain 5 16
spoon spoon grey slate plain 5 16
plate round white grey plain 24 9
pizza slice amber red plain 20 18
food slice tan moss plain 18 15
broccoli crown green moss dots 13 13
carrot wedge orange green plain 7 17
chair chair brown umber plain 22 34
bench bench brown tan plain 36 22
sofa sofa brick tan plain 48 26
bed bed cream white plain 54 32
table table tan brown plain 56 26
pillow panel white cream plain 14 10
television screen black slate plain 28 22
microwave oven white black plain 26 15
oven oven grey black plain 28 28
laptop laptop grey sky plain 24 19
keyboard keys white grey plain 27 9
window panel cream sky plain 17 20
door door brown umber plain 18 34
book book violet cream plain 15 13
clock round cream black plain 11 11
lamp lamp amber cream plain 14 26
light lights slate amber plain 9 24
traffic light lights black red plain 11 28
stop sign sign red white plain 18 32
sign sign amber white plain 16 28
pole lamp grey slate plain 10 38
fence fence white cream plain 46 16
plant potted moss brick plain 20 27
tree tree green moss plain 32 44
flower flower pink yellow plain 12 19
leaf leaf moss green plain 11 14
grass strip green moss stripes 90 20
sky strip sky white plain 96 20
cloud cloud white cream plain 34 15
sun round amber yellow plain 13 13
sunset strip orange amber stripes 96 18
water strip teal sky stripes 90 20
ocean strip blue sky stripes 92 22
lake strip teal slate stripes 76 18
wave cloud sky white stripes 38 14
sand strip sand tan dots 90 20
road strip slate grey plain 92 18
sidewalk strip grey white checks 84 14
snow strip white sky dots 92 22
mountain mountain slate white plain 62 32
rock rocks grey slate plain 30 17
building building brick sky plain 34 46
house house cream brick plain 36 34
tower tower tan brick plain 18 48
bridge bridge grey brown plain 62 26
track rails brown slate plain 58 22
shirt shirt blue white plain 20 19
pants trousers navy black plain 13 21
hat hat brown black plain 16 10
shoe shoe black grey plain 12 8
wheel round black grey plain 12 12
hair crown umber black plain 14 12
glasses keys black sky plain 12 6
"""

# label -> look: the datasets have different names for the same thing
SAME = {
    "aeroplane": "plane", "airplane": "plane", "motorcycle": "motorbike", "tvmonitor": "television",
    "tv": "television", "diningtable": "table", "dining table": "table", "couch": "sofa",
    "pottedplant": "plant", "potted plant": "plant", "plants": "plant", "birds": "bird",
    "boats": "boat", "buildings": "building", "cars": "car", "clouds": "cloud", "horses": "horse",
    "flowers": "flower", "garden": "plant", "railroad": "track", "rocks": "rock", "street": "road",
    "wine glass": "glass", "beach": "sand", "bike": "bicycle",
}  # fmt: skip


class Look(NamedTuple):
    family: str
    main: str
    second: str
    texture: str
    width: int
    height: int


def read_table(table: str) -> dict[str, Look]:
    looks = {}
    for line in table.strip().splitlines():
        *name, family, main, second, texture, width, height = line.split()
        looks[" ".join(name)] = Look(family, main, second, texture, int(width), int(height))
    return looks


LOOKS = read_table(TABLE)


def look_name(label: str) -> str:
    """The look that a label of any dataset has."""
    return SAME.get(label, label)
