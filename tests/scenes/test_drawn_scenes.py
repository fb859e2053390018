"""Drawn scenes: their planted structure, its absence in the control, looks and words."""

import json

import numpy as np
import pytest

from labelgraph.files.small import fingerprint
from labelgraph.inputs import word_vectors
from labelgraph.scenes import (
    drawing,
    looks,
    place,
    plan,
    render,
    shapes,
    words,
    worlds,
)
from labelgraph.steps import draw

each_layout = pytest.mark.parametrize("layout", drawing.LAYOUTS)


def test_the_pixels_of_a_scene_stay_the_same():
    """If the digest changes, every drawn dataset and every result on it changes."""
    rng = plan.generator(3, plan.PICTURE, 0)
    area = place.frame(160, rng)
    labels = sorted(looks.LOOKS)
    things = place.place(labels, area, rng, structure=True, size=90, crowds=10)
    picture, shown = render.render(things, area, rng, clutter=12, noise=6, repainted=30)
    digest = fingerprint(pixels=np.asarray(picture), boxes=np.array([x[2:] for x in shown]))
    assert digest.startswith("79edbbce112d3df3")


def association(layout: str, structure: bool) -> float:
    """Mean over labels of the largest |correlation| with another label, 1,000 images."""
    count = len(worlds.label_names(layout))
    matrix = plan.label_matrix(
        layout, count, range(1000), seed=1, structure=structure, empty=0, stray=6
    )
    related = np.abs(np.corrcoef(matrix.T))
    np.fill_diagonal(related, 0)
    return related.max(0).mean()


@each_layout
def test_labels_occur_together_unless_this_is_the_control(layout):
    assert association(layout, structure=True) > 0.3
    assert association(layout, structure=False) < 0.12


@each_layout
def test_few_labels_are_frequent_and_many_are_rare(layout):
    count = len(worlds.label_names(layout))
    matrix = plan.label_matrix(layout, count, range(1000), seed=1, structure=True, empty=0, stray=6)
    shown = np.sort(matrix.sum(0))
    assert shown[-1] > 5 * shown[count // 4] and shown[0] > 10


@each_layout
@pytest.mark.parametrize("labels", [1, 5])
def test_scenes_that_show_none_of_a_few_labels_are_left_out(layout, labels):
    matrix = plan.label_matrix(layout, labels, range(50), seed=1, structure=True, empty=0, stray=0)
    assert matrix.any(1).all()


@each_layout
def test_the_control_shows_each_label_equally_often(layout):
    count = len(worlds.label_names(layout))
    both = [
        plan.label_matrix(layout, count, range(300), seed=1, structure=given, empty=0, stray=6)
        for given in (True, False)
    ]
    assert (both[0].sum(0) == both[1].sum(0)).all() and (both[0] != both[1]).any()


@pytest.mark.parametrize(("structure", "least", "most"), [(True, 0.8, 1.0), (False, 0.0, 0.45)])
def test_riders_are_above_their_horses_unless_this_is_the_control(structure, least, most):
    """The share of riders whose middle is above, and within the width of, the horse."""
    above = []
    for index in range(200):
        rng = plan.generator(1, plan.PICTURE, index)
        area = place.frame(288, rng)
        things = place.place(["horse", "person"], area, rng, structure=structure, size=70, crowds=0)
        horse, person = (
            min((t for t in things if t.label == label), key=lambda t: t.group)
            for label in ("horse", "person")
        )
        across = person.left + person.width // 2 - horse.left
        higher = person.top + person.height // 2 < horse.top + horse.height // 2
        above.append(higher and 0 <= across <= horse.width)
    assert least <= np.mean(above) <= most


@pytest.mark.parametrize(("first", "where", "second"), worlds.RELATIONS)
def test_what_a_thing_stands_on_is_placed_first(first, where, second):
    everything = place.placing_order(sorted(looks.LOOKS))
    assert place.placing_order([first, second]) == [second, first]
    target = place.relation(first, looks.LOOKS)[1]
    assert everything.index(target) < everything.index(first), where


def test_every_label_and_every_relation_has_a_look():
    for layout in drawing.LAYOUTS:
        for label in worlds.label_names(layout):
            assert shapes.parts(looks.LOOKS[looks.look_name(label)].family)
    named = [(first, second) for first, _, second in worlds.RELATIONS]
    named += [(first, second) for first, second, _ in worlds.IMPLIES]
    assert {name for pair in named for name in pair} <= looks.LOOKS.keys()


def test_every_label_has_a_vector_and_similar_words_are_close(tmp_path):
    index, root = tmp_path / "words.json", tmp_path / "glove"
    text = json.dumps({"seed": 0, "dimensions": 300, "others": 50})
    arguments = ["--dataset", draw.WORDS, "--settings", text, "--root", str(root)]
    draw.command([*arguments, "--index", str(index), "--jobs", "1"])
    options = {"aliases": words.PIECES, "multiword": "mean", "case": "lower", "missing": "refused"}
    names = tuple(
        sorted({name for layout in drawing.LAYOUTS for name in worlds.label_names(layout)})
    )
    vectors, report = word_vectors.embed(names, root / draw.WORDS_FILE, options)
    assert vectors.shape == (len(names), 300)
    assert not any(entry["missing"] for entry in report.values())
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    near = {name: unit[names.index(name)] for name in ("horse", "cow", "sheep", "laptop")}
    assert near["horse"] @ near["cow"] > near["horse"] @ near["laptop"] + 0.2
    assert near["cow"] @ near["sheep"] > near["sheep"] @ near["laptop"] + 0.2
