"""MLIC-KD-WSD against sums over single images, regions and labels, in all three stages."""

import math

import pytest
import torch
from conftest import label_space
from literal_cases import Given, cells, dot, linear, stir

from labelgraph.models import mlic_kd_wsd
from labelgraph.parts.losses import cross_entropy

GIVEN = {
    "hidden": 4, "dropout": 0.0, "rounds": [2, 4], "sharpness": 0.5, "softness": 5.0,
    "taught": True, "output": "student",
}  # fmt: skip
LABELS, WIDTH, SIDE = 3, 5, 7


def model_of(**changes):
    model = mlic_kd_wsd.build(label_space(LABELS), Given(WIDTH), **GIVEN | changes)
    return stir(model.double())


def batch(images=2):
    draw = torch.Generator().manual_seed(6)
    return {
        "image": torch.rand(images, WIDTH, SIDE, SIDE, generator=draw, dtype=torch.double),
        "target": (torch.rand(images, LABELS, generator=draw) < 0.5).double(),
        "known": torch.tensor([[True, True, False], [True, True, True]])[:images],
    }


def windows(image):
    """The mean feature of all windows of 1, 3, 5 and 7 cells, counted out.

    Samples stand symmetrically around the cells' centres, so that a window of whole cells inside
    the map weighs the cells on its edge and those just outside; both are summed here.
    """
    found = []
    for side in (1, 3, 5, 7):
        for top in range(SIDE - side + 1):
            for left in range(SIDE - side + 1):
                shares = [line(first, side) for first in (top, left)]
                total = sum(
                    shares[0][i] * shares[1][j] * image[:, i, j]
                    for i in range(SIDE)
                    for j in range(SIDE)
                )
                found.append(total)
    return found


def line(first, side):
    """The weight of each of 7 cells in the mean of 14 samples from `first` to `first` + `side`."""
    weights = [0.0] * SIDE
    for step in range(14):
        place = min(max(first + side * (step + 0.5) / 14 - 0.5, 0), SIDE - 1)
        low = min(int(place), SIDE - 2)
        weights[low] += (1 - (place - low)) / 14
        weights[low + 1] += (place - low) / 14
    return weights


def code(layers, x):
    return linear(layers[3], linear(layers[0], x).relu()).relu()


def detected(teacher, codes, sharpness):
    """Each label's sum over regions of both shares."""
    classes = [linear(teacher.classes, x) / sharpness for x in codes]
    regions = [linear(teacher.regions, x) / sharpness for x in codes]
    found = []
    for label in range(LABELS):
        total = sum(torch.exp(row[label]) for row in regions)
        found.append(
            sum(
                torch.exp(one[label]) / torch.exp(one).sum() * torch.exp(other[label]) / total
                for one, other in zip(classes, regions, strict=True)
            )
        )
    return found


def binary(p, y, least=0.0):
    return -(y * math.log(max(p, least)) + (1 - y) * math.log(max(1 - p, least)))


def by_hand(model, inputs, stage):
    total = 0.0
    for image, target, known in zip(
        inputs["image"], inputs["target"], inputs["known"], strict=True
    ):
        regions = windows(image)
        codes = [code(model.teacher.code, x) for x in regions]
        if stage == 1:
            own = [code(model.student.code, x) for x in regions]
            apart = [dot(a - b, a - b) for a, b in zip(codes, own, strict=True)]
            total = total + sum(apart) / (2 * len(regions))
            continue
        mean = sum(cells(image)) / SIDE**2
        scores = linear(model.student.classifier, code(model.student.code, mean))
        found = detected(model.teacher, codes, 1.0 if stage == 0 else 0.5)
        for label in range(LABELS):
            if not known[label]:
                continue
            p, y = found[label].item(), target[label].item()
            if stage == 0:
                total += binary(p, y, 1e-4)
                continue
            soft = torch.sigmoid(scores[label] * model.student.inverse[label]).item()
            total += binary(torch.sigmoid(scores[label]).item(), y) + binary(soft, p)
    total = total.item() if isinstance(total, torch.Tensor) else total
    return total / len(inputs["image"])


@pytest.mark.parametrize(("epoch", "stage"), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (9, 2)])
def test_each_stage_has_its_loss(epoch, stage):
    model, inputs = model_of().train(), batch()
    model.start_epoch(epoch, 1, iter([]))
    assert model.loss(inputs).item() == pytest.approx(by_hand(model, inputs, stage), rel=1e-9)


def learned(model, inputs, epoch):
    """The parts that get a gradient."""
    model.zero_grad()
    model.start_epoch(epoch, 1, iter([]))
    model.train().loss(inputs).backward()
    names = [name for name, value in model.named_parameters() if value.grad is not None]
    return {".".join(name.split(".")[:2]) for name in names}


def test_each_stage_teaches_its_part():
    model, inputs = model_of(), batch()
    teacher = {"teacher.code", "teacher.classes", "teacher.regions"}
    student = {"student.code", "student.classifier", "student.inverse"}
    assert learned(model, inputs, 0) == teacher
    assert learned(model, inputs, 2) == {"student.code"}
    assert learned(model, inputs, 4) == student
    assert learned(model, inputs, 0) == teacher  # as in a second training


def test_the_teacher_does_not_forget_at_random_while_it_teaches():
    model, inputs = model_of(dropout=0.5).train(), batch()
    model.start_epoch(4, 1, iter([]))
    model.loss(inputs)
    assert not model.teacher.training and model.student.training
    model.start_epoch(0, 1, iter([]))
    model.loss(inputs)
    assert model.teacher.training


def test_the_teachers_own_scores():
    model, inputs = model_of(output="teacher").eval(), batch()
    for image, found in zip(inputs["image"], model(inputs), strict=True):
        codes = [code(model.teacher.code, x) for x in windows(image)]
        expected = torch.stack(detected(model.teacher, codes, 1.0))
        torch.testing.assert_close(found.sigmoid(), expected, rtol=1e-9, atol=1e-9)


def test_probabilities_are_between_0_and_1_and_equal_regions_change_nothing():
    teacher = model_of().teacher
    codes = torch.rand(2, 9, 4, dtype=torch.double)
    found = teacher.probabilities(codes)
    assert ((found > 0) & (found < 1)).all()
    twice = teacher.probabilities(torch.cat([codes, codes], 1))
    torch.testing.assert_close(twice, found, rtol=1e-9, atol=1e-9)


def test_the_student_alone_learns_from_labels_only():
    model, inputs = model_of(taught=False).train(), batch()
    values = cross_entropy(model(inputs), inputs["target"]) * inputs["known"]
    torch.testing.assert_close(model.loss(inputs), values.sum() / 2)
    assert not hasattr(model, "teacher")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"output": "both"}, "output is 'both'"), ({"rounds": [4, 2]}, r"rounds are \[4, 2\]")],
)
def test_settings_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        model_of(**changes)
