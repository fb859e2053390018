"""Durand's loss, entry by entry, and what it becomes when all labels are known."""

import pytest
import torch
from conftest import batch, build, label_space
from literal_cases import Given, agree, grid, stir
from torch.nn.functional import binary_cross_entropy_with_logits

from labelgraph.models import partial_bce

PROPORTION = [-4.45, 5.45, 1.0]


def model_of(normalisation="image", pooling="average"):
    settings = {"pooling": pooling, "normalisation": normalisation, "proportion": PROPORTION}
    return stir(partial_bce.build(label_space(4), Given(6), **settings))


def inputs(known):
    images = len(known)
    target = torch.tensor([[1, 0, 0, 1], [0, 0, 1, 0], [1, 1, 0, 0]], dtype=torch.float)
    return {"image": grid(images, 6), "target": target[:images], "known": torch.tensor(known) > 0}


def entries(model, given):
    """(image, its known share, its known entries' cross-entropies): one score after the other."""
    for image, target, known in zip(given["image"], given["target"], given["known"], strict=True):
        cells = image.flatten(1).unbind(1)
        pooled = sum(cells) / len(cells)
        found = []
        for label in range(4):
            weight, bias = model.classifier.weight[label], model.classifier.bias[label]
            shown = torch.sigmoid((weight * pooled).sum() + bias)
            if known[label]:
                found.append(-torch.log(shown if target[label] == 1 else 1 - shown))
        yield sum(known).item() / 4, found


SOME = [[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]]  # the second image has no known label


def test_the_loss_is_equation_17():
    model, given = model_of(), inputs(SOME)
    losses = [
        (-4.45 * share + 5.45) / 4 * sum(found, torch.zeros(()))
        for share, found in entries(model, given)
    ]
    agree(model, model.loss(given), sum(losses) / 3)


def test_over_the_batch_every_known_entry_counts_the_same():
    model, given = model_of("batch"), inputs(SOME)
    every = [value for _, found in entries(model, given) for value in found]
    assert len(every) == 4
    agree(model, model.loss(given), sum(every) / 4)


@pytest.mark.parametrize("normalisation", partial_bce.NORMALISATIONS)
def test_with_all_labels_known_it_is_binary_cross_entropy(normalisation):
    model, given = model_of(normalisation), inputs([[1] * 4] * 3)
    expected = binary_cross_entropy_with_logits(model(given), given["target"])
    agree(model, model.loss(given), expected)


@pytest.mark.parametrize(("share", "weight"), [(1, 4.3375), (2, 3.225), (3, 2.1125), (4, 1.0)])
def test_images_with_fewer_known_labels_count_more(share, weight):
    model, given = model_of(), inputs([[1] * share + [0] * (4 - share)])
    _, found = next(entries(model, given))
    torch.testing.assert_close(model.loss(given), weight * sum(found) / 4)


def test_ml_sgm_has_the_same_weights():
    """Eq. 17 is in both entries of methods.yaml, which must stay equal."""
    found = build("ml_sgm", variant="partial").objective
    assert found.proportion == build("partial_bce").proportion == PROPORTION
    given = batch()
    logits = torch.linspace(-2, 2, 15).view(3, 5)
    model = build("partial_bce")
    model.forward = lambda _: logits
    torch.testing.assert_close(
        found(logits, given["target"], given["known"]), model.loss(given), rtol=0, atol=0
    )
