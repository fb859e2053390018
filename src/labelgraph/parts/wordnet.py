"""What WordNet says of two labels: whether one is a kind of the other, and how similar they are.

Names of other labels are in no relation. `wordnet_synsets.py` holds the synsets of these names and
all that lie above them, from WordNet 3.0.

Shapes: C labels.
"""

from functools import cache

import torch
from torch import Tensor

from labelgraph.parts import wordnet_synsets

# Labels of VOC 2007, MS-COCO and NUS-WIDE, and those of the drawn Visual Genome, whose sense is not
# the first one of a word of the same spelling: label, word, number of the sense.
CHOSEN = """
diningtable: dining_table 1, pottedplant: pot_plant 1, tvmonitor: television_receiver 1
potted plant: pot_plant 1, tv: television_receiver 1, stop sign: street_sign 1, sports ball: ball 1
wine glass: wineglass 1, cell phone: cellular_telephone 1, kite: kite 3, mouse: mouse 4
keyboard: computer_keyboard 1, microwave: microwave 2, toaster: toaster 2, toilet: toilet 2
hot dog: hot_dog 2, cake: cake 3, banana: banana 2, broccoli: broccoli 2, bowl: bowl 3
book: book 2, skis: ski 1
birds: bird 1, boats: boat 1, buildings: building 1, cars: car 1, castle: castle 2, clouds: cloud 2
coral: coral 4, flags: flag 1, flowers: flower 1, horses: horse 1, plants: plant 2
protest: protest 2, railroad: railroad 2, reflection: reflection 5, rocks: rock 1
running: running 2, sign: sign 4, snow: snow 2, sports: sport 1, sunset: sunset 2
swimmers: swimmer 2, tattoo: tattoo 2, tiger: tiger 2, water: water 2, whales: whale 2
bike: bike 2, lamp: lamp 2, light: light 2, pants: trouser 1, plate: plate 4, table: table 2
track: track 3
"""
FIRST = """
aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, dog, horse, motorbike, person
sheep, sofa, train
airplane, apple, backpack, baseball bat, baseball glove, bear, bed, bench, carrot, clock, couch, cup
dining table, donut, elephant, fire hydrant, fork, frisbee, giraffe, hair drier, handbag, knife
laptop, motorcycle, orange, oven, parking meter, pizza, refrigerator, remote, sandwich, scissors
sink, skateboard, snowboard, spoon, suitcase, surfboard, teddy bear, tennis racket, tie
toothbrush, traffic light, truck, umbrella, vase, zebra
airport, animal, beach, bridge, cityscape, computer, dancing, earthquake, elk, fire, fish, food, fox
frost, garden, glacier, grass, harbor, house, lake, leaf, map, military, moon, mountain, nighttime
ocean, plane, police, rainbow, road, sand, sky, soccer, statue, street, sun, surf, temple, tower
town, toy, tree, valley, vehicle, waterfall, wedding, window
boy, building, door, fence, girl, glasses, hat, man, pillow, pole, rock, shirt, shoe, sidewalk
wave, wheel, woman
"""


def senses() -> dict[str, tuple[str, int]]:
    """Label -> a word of WordNet and the number of its sense."""
    found = {name: (name.replace(" ", "_"), 1) for name in entries(FIRST)}
    for entry in entries(CHOSEN):
        label, _, sense = entry.partition(": ")
        word, number = sense.split()
        found[label] = word, int(number)
    return found


def entries(text: str) -> list[str]:
    return text.strip().replace("\n", ", ").split(", ")


SENSES = senses()


@cache
def hypernyms() -> dict[str, list[str]]:
    """Synset -> the next higher ones."""
    rows = [line.split() for line in wordnet_synsets.SYNSETS.strip().splitlines()]
    return {where: above for where, _, *above in rows}


@cache
def synset(label: str) -> str | None:
    rows = (line.split() for line in wordnet_synsets.SENSES.strip().splitlines())
    offsets = {(word, int(number)): where for word, number, where in rows}
    return offsets.get(SENSES.get(label))


@cache
def above(here: str) -> dict[str, int]:
    """The synset and all above it -> the number of steps on the shortest way there."""
    found, level, steps = {}, [here], 0
    while level:
        found |= {one: steps for one in level if one not in found}
        level = [one for lower in level for one in hypernyms()[lower] if one not in found]
        steps += 1
    return found


def depth(here: str) -> int:
    """The number of synsets on the shortest way to the highest one, both ends counted."""
    return 1 + max(steps for one, steps in above(here).items() if not hypernyms()[one])


def similarity(one: str, other: str) -> float:
    """Wu and Palmer: how deep the common part of their ways from the highest synset is, 0 to 1."""
    ways = above(one), above(other)
    best = 0.0
    for common in ways[0].keys() & ways[1].keys():
        shared = 2 * depth(common)
        best = max(best, shared / (shared + ways[0][common] + ways[1][common]))
    return best


def similarities(names: tuple[str, ...]) -> Tensor:
    """(C, C), symmetric; NaN for a label that is not in the table."""
    places = [synset(name) for name in names]
    found = torch.full((len(names), len(names)), torch.nan, dtype=torch.double)
    for row, one in enumerate(places):
        for column, other in enumerate(places[: row + 1]):
            if one and other:
                found[row, column] = found[column, row] = similarity(one, other)
    return found


def kinds_of(names: tuple[str, ...]) -> Tensor:
    """(C, C): whether label j is another synset above label i, so that i is a kind of j."""
    places = [synset(name) for name in names]
    found = [
        [bool(one and other != one and other in above(one)) for other in places] for one in places
    ]
    return torch.tensor(found)
