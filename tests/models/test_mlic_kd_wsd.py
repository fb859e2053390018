"""MLIC-KD-WSD against a calculation by hand in all three stages; what each stage teaches."""

import numpy as np
import pytest
import torch
from conftest import label_space
from literal_cases import Given, slopes
from references import mlic_kd_wsd as slow

from labelgraph.models import mlic_kd_wsd

GIVEN = {
    "hidden": 4, "dropout": 0.0, "rounds": [2, 4], "sharpness": 0.5, "softness": 5.0,
    "taught": True, "output": "student",
}  # fmt: skip
LABELS, WIDTH = 3, 5
SETTINGS = {"samples": mlic_kd_wsd.SAMPLES, "tc": 0.5, "td": 0.5}
BY_HAND = {
    "teacher.code.0": "teacher.fc6", "teacher.code.3": "teacher.fc7",
    "teacher.classes": "teacher.classify", "teacher.regions": "teacher.detect",
    "student.code.0": "student.fc6", "student.code.3": "student.fc7",
    "student.classifier": "student.scores",
    "student.0": "student.fc6", "student.3": "student.fc7", "student.6": "student.scores",
}  # fmt: skip
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
FIRST = [0, 2, 4]  # epochs of the stages
STEEP = 30.0  # of the heads of a teacher that is sure of some labels


def model_of(seed=0, steep=1.0, **changes):
    model = mlic_kd_wsd.build(label_space(LABELS), Given(WIDTH), **GIVEN | changes).double()
    if hasattr(model, "teacher"):
        model.windows = (7 * model.windows).round() / 7  # sevenths in double precision
    draw = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        head = name.startswith(("teacher.classes", "teacher.regions"))
        scale = 0.6 * steep if head else 0.6
        value.data = scale * torch.randn(value.shape, generator=draw, dtype=torch.double)
    return model


def weights_of(model):
    """By the names of the calculation by hand."""
    found = {}
    for name, value in model.named_parameters():
        part, _, kind = name.rpartition(".")
        own = f"{BY_HAND[part]}.{kind}" if part in BY_HAND else "student.inverse_temperature"
        found[own] = value.detach().numpy()
    return found


def batch():
    """The second image has no label, the third an unknown one, which is not in its target."""
    draw = torch.Generator().manual_seed(6)
    return {
        "image": torch.rand(3, WIDTH, 7, 7, generator=draw, dtype=torch.double),
        "target": torch.tensor([[1, 0, 1], [0, 0, 0], [0, 1, 0]], dtype=torch.double),
        "known": torch.tensor([[True, True, True], [True, True, True], [True, True, False]]),
    }


@pytest.fixture(scope="module")
def regions():
    """Of the images of `batch`, by hand."""
    return [slow.regions_of(image, SETTINGS) for image in batch()["image"].numpy()]


def by_hand(model, regions, stage):
    weights = weights_of(model)
    image, target, known = (batch()[name].numpy() for name in ("image", "target", "known"))
    if stage == 0:
        return slow.teacher_loss(weights, regions, target, known)
    if stage == 1:
        return slow.feature_loss(weights, regions)
    labels = slow.label_loss(weights, image, target, known)
    return labels + slow.distil_loss(weights, image, regions, known, SETTINGS)


@pytest.mark.parametrize("steep", [1.0, STEEP])
@pytest.mark.parametrize(("epoch", "stage"), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (9, 2)])
def test_each_stage_has_the_loss_by_hand(regions, epoch, stage, steep):
    model = model_of(epoch, steep).train()
    model.start_epoch(epoch, 1, iter([]))
    found = model.loss(batch()).item()
    assert found == pytest.approx(by_hand(model, regions, stage), rel=1e-9, abs=1e-9)


def test_the_cases_have_probabilities_below_the_floor_and_above(regions):
    found = slow.teacher_probabilities(weights_of(model_of(0, STEEP)), regions)
    assert (found < slow.FLOOR).any() and (found > 0.1).any()


@pytest.mark.parametrize("stage", range(3))
def test_gradients_are_those_by_hand(regions, stage):
    model = model_of(stage).train()
    model.start_epoch(FIRST[stage], 1, iter([]))
    model.loss(batch()).backward()
    taught = [value for value in model.parameters() if value.grad is not None]
    found, expected = slopes(taught, lambda: by_hand(model, regions, stage))
    assert found == pytest.approx(expected, rel=1e-7) and abs(found) > 1e-3


@pytest.mark.parametrize(("height", "width"), [(7, 7), (4, 6)])
def test_regions_are_those_by_hand(height, width):
    """Also of a map that has other sizes than the lattice of regions."""
    image = torch.rand(1, 2, height, width, dtype=torch.double)
    found = model_of().regions(image)[0]
    expected = slow.regions_of(image[0].numpy(), SETTINGS)
    np.testing.assert_allclose(found.numpy(), expected, **CLOSE)


@pytest.mark.parametrize("side", [7, 14])
def test_the_largest_region_is_what_the_student_sees(side):
    image = torch.rand(1, 2, side, side, dtype=torch.double)
    found = model_of().regions(image)[0, -1]
    torch.testing.assert_close(found, image[0].mean((1, 2)), **CLOSE)


@pytest.mark.parametrize("seed", range(3))
def test_scores_of_the_student_and_of_its_teacher_are_those_by_hand(regions, seed):
    model, image = model_of(seed).eval(), batch()["image"]
    with torch.no_grad():
        expected = slow.logits(weights_of(model), image.numpy())
        np.testing.assert_allclose(model(batch()).numpy(), expected, **CLOSE)
    for steep in (1.0, STEEP):
        model = model_of(seed, steep, output="teacher").eval()
        with torch.no_grad():
            found = model(batch()).sigmoid().numpy()
        expected = slow.teacher_probabilities(weights_of(model), regions)
        np.testing.assert_allclose(found, expected.clip(slow.FLOOR, 1 - slow.FLOOR), **CLOSE)


def test_the_student_alone_learns_from_labels_only():
    model, inputs = model_of(taught=False).train(), batch()
    image, target, known = (inputs[name].numpy() for name in ("image", "target", "known"))
    expected = slow.logits(weights_of(model), image)
    np.testing.assert_allclose(model(inputs).detach().numpy(), expected, **CLOSE)
    expected = slow.label_loss(weights_of(model), image, target, known)
    assert model.loss(inputs).item() == pytest.approx(expected, rel=1e-9)
    assert not hasattr(model, "teacher")


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


def test_probabilities_are_between_0_and_1_and_equal_regions_change_nothing():
    teacher = model_of().teacher
    codes = torch.rand(2, 9, 4, dtype=torch.double)
    found = teacher.probabilities(codes)
    assert ((found > 0) & (found < 1)).all()
    twice = teacher.probabilities(torch.cat([codes, codes], 1))
    torch.testing.assert_close(twice, found, **CLOSE)


def test_the_temperature_of_each_label_starts_at_its_setting():
    model = mlic_kd_wsd.build(label_space(LABELS), Given(WIDTH), **GIVEN)
    torch.testing.assert_close(1 / model.student.inverse, torch.full((LABELS,), 5.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"output": "both"}, "output is 'both'"), ({"rounds": [4, 2]}, r"rounds are \[4, 2\]")],
)
def test_settings_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        model_of(**changes)
