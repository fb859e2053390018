"""Word vectors in GloVe's text format: words are close if their things look alike or co-occur.

A vector is a sum of directions: one for the silhouette, one for each colour, one for each scene
that shows the thing, and one for the word itself. The arithmetic is in whole numbers up to the
last step, so that every machine writes the same text.
"""

from collections import defaultdict

import numpy as np

from labelgraph.scenes.looks import LOOKS, look_name
from labelgraph.scenes.worlds import SCENES, label_names, scenes

FAMILY, COLOUR, SCENE, OWN = 5, 2, 6, 5  # weights of the directions
ONSETS = ("br", "cl", "dr", "gr", "pl", "st", "tr", *"bcdfgklmnprstvz")
VOWELS = ("ai", "ea", "ou", *"aeiou")
UNIT = 10_000  # four decimals
# the words of label names that are written without spaces
PIECES = {"diningtable": "dining table", "pottedplant": "potted plant", "tvmonitor": "tv monitor"}


def text(*, seed: int, dimensions: int, others: int) -> str:
    """One line per word: all words of all label names, then `others` words without a meaning."""
    origins = word_labels()
    vectors = {word: vector(labels, seed, dimensions) for word, labels in sorted(origins.items())}
    rng = np.random.default_rng([seed, 1])
    filler = made_up(rng, others, set(vectors))
    vectors |= {word: 8 * noise(rng, dimensions) for word in filler}
    return "".join(f"{word} {line(values)}\n" for word, values in vectors.items())


def word_labels() -> dict[str, list[str]]:
    """Each word with the labels that it names or helps to name."""
    origins: dict[str, list[str]] = defaultdict(list)
    for label in sorted({name for world in SCENES for name in label_names(world)}):
        for word in {*label.split(), *PIECES.get(label, label).split()}:
            origins[word].append(label)
    return origins


def vector(labels: list[str], seed: int, dimensions: int) -> np.ndarray:
    """The mean of the labels' sums of directions: (dimensions,) int64."""
    total = np.zeros(dimensions, np.int64)
    for label in labels:
        look = LOOKS[look_name(label)]
        total += FAMILY * direction(f"family {look.family}", seed, dimensions)
        total += COLOUR * direction(f"colour {look.main}", seed, dimensions)
        total += OWN * direction(f"thing {look_name(label)}", seed, dimensions)
        shares = scene_shares(look_name(label))
        for scene, share in shares.items():
            weight = SCENE * share
            total += weight * direction(f"scene {scene}", seed, dimensions) // sum(shares.values())
    return total // len(labels) + direction(f"word {labels[0]}", seed, dimensions)


def scene_shares(look: str) -> dict[str, int]:
    """How often each scene shows a look, over all datasets."""
    shares: dict[str, int] = defaultdict(int)
    for world in SCENES:
        for scene in scenes(world):
            for label, percent in scene.labels.items():
                if look_name(label) == look:
                    shares[scene.name] += scene.share * percent
    return shares


def direction(name: str, seed: int, dimensions: int) -> np.ndarray:
    return noise(np.random.default_rng([seed, 0, *name.encode()]), dimensions)


def noise(rng: np.random.Generator, dimensions: int) -> np.ndarray:
    """Bell-shaped whole numbers around 0 with a deviation of about 400: (dimensions,)."""
    return rng.integers(-400, 401, (3, dimensions)).sum(axis=0)


def made_up(rng: np.random.Generator, count: int, taken: set[str]) -> list[str]:
    """Distinct words that can be pronounced but mean nothing."""
    words: dict[str, None] = {}
    while len(words) < count:
        syllables = int(rng.integers(2, 4))
        word = "".join(
            ONSETS[rng.integers(len(ONSETS))] + VOWELS[rng.integers(len(VOWELS))]
            for _ in range(syllables)
        )
        if word not in taken:
            words[word] = None
    return list(words)


def line(values: np.ndarray) -> str:
    """The values with four decimals, formatted in whole numbers only."""
    return " ".join(
        f"{'-' if value < 0 else ''}{abs(value) // UNIT}.{abs(value) % UNIT:04d}"
        for value in values.tolist()
    )
