"""SARB against its description: which features are blended, with what, and what is learnt."""

import pytest
import torch
from conftest import batch, build, label_space
from literal_cases import Given, agree, stir, survive_mixed_precision
from transfer_cases import (
    IMAGES,
    KNOWN,
    LABELS,
    TARGET,
    contrast,
    entropy,
    inputs,
    known_entropy,
    label_features,
    logits_of,
    mean,
    yes,
)

from labelgraph.models.sarb import clusters, sarb

SETTINGS = {
    "width": 4,
    "hidden": 5,
    "steps": 2,
    "gain": 1.0,
    "start": 5,
    "every": 5,
    "prototypes": 2,
}
DRAWN = torch.tensor([[0.1, 0.2, 0.3, 0.9], [0.0, 0.4, 0.5, 0.1], [0.2, 0.6, 0.7, 0.1]])
CHOSEN = [[3], [2], [1]]  # the choice of DRAWN among the unknown labels with prototypes: all but 0


def model_of(alpha=0.6, beta=0.7):
    model = stir(sarb.build(label_space(LABELS), Given(6), **SETTINGS, contrast=0.05))
    draw = torch.Generator().manual_seed(8)
    model.prototypes.copy_(torch.randn(model.prototypes.shape, generator=draw))
    model.shown.copy_(torch.tensor([False, True, True, True]))
    model.alpha.data.fill_(alpha)
    model.beta.data.fill_(beta)
    return model.eval()


@pytest.fixture
def draws(monkeypatch):
    """The draws of a batch: DRAWN decides the label, and the second prototype is used."""
    rand = torch.rand

    def given(*shape, **options):
        return DRAWN.clone() if shape == (DRAWN.shape,) else rand(*shape, **options)

    monkeypatch.setattr(torch, "rand", given)
    monkeypatch.setattr(torch, "randint", lambda *shape, **_: torch.tensor(1))


def blended(model, given, kind):
    """Mean cross-entropy of one blend, label by label."""
    seen = [label_features(model.trunk, image) for image in given["image"]]
    values = []
    for image in range(IMAGES):
        features, targets = list(seen[image]), dict(enumerate(TARGET[image]))
        counted = [label for label in range(LABELS) if KNOWN[image][label]]
        for label in range(LABELS):
            partner = IMAGES - 1 - image
            if kind == "image" and not KNOWN[image][label] and yes(partner, label):
                share, other = model.alpha, seen[partner][label]
            elif kind == "prototype" and label in CHOSEN[image]:
                share, other = model.beta, model.prototypes[label, 1]
            else:
                continue
            features[label] = share * seen[image][label] + (1 - share) * other
            targets[label] = 1 - share
            counted.append(label)
        logits = logits_of(model.trunk, features)
        values += [entropy(logits[label], targets[label]) for label in counted]
    return mean(values), len(values)


@pytest.mark.parametrize("epoch", [1, 5])
def test_loss_and_gradients_are_those_of_the_description(epoch, draws):
    model, given = model_of(), inputs()
    model.epochs.start(epoch, 10)
    torch.manual_seed(0)
    fast = model.loss(given)
    torch.manual_seed(0)
    seen = [label_features(model.trunk, image) for image in given["image"]]
    slow = known_entropy([logits_of(model.trunk, states) for states in seen])
    slow = slow + 0.05 * contrast(seen, given)
    if epoch == 5:
        (images, many), (prototypes, more) = (
            blended(model, given, kind) for kind in ("image", "prototype")
        )
        assert (many, more) == (6 + 2, 6 + 3), "known entries, and those that are blended"
        slow = slow + images + prototypes
    agree(model, fast, slow)


def test_images_are_blended_by_hand():
    """Three images, two labels, one number each: the first and the last are partners."""
    model = model_of(alpha=0.75)
    seen = torch.tensor([[[1.0], [2.0]], [[5.0], [6.0]], [[-3.0], [10.0]]])
    target = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    known = torch.tensor([[1, 0], [0, 1], [0, 1]]) > 0
    features, soft, counted = model.between_images(seen, target, known)
    expected = [[[1.0], [0.75 * 2 + 0.25 * 10]], [[5.0], [6.0]], [[0.75 * -3 + 0.25 * 1], [10.0]]]
    torch.testing.assert_close(features, torch.tensor(expected))
    assert soft.tolist() == [[1.0, 0.25], [0.0, 1.0], [0.25, 1.0]]
    assert counted.tolist() == [[True, True], [False, True], [True, True]]


def test_prototypes_are_blended_by_hand(draws):
    """Label 0 has no prototype; all labels of the third image are known."""
    model = model_of(beta=0.5)
    model.prototypes.copy_(torch.arange(32).view(4, 2, 4) * 1.0)
    seen, target = torch.zeros(3, 4, 4), torch.ones(3, 4)
    known = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 1], [1, 1, 1, 1]]) > 0
    features, soft, counted = model.with_prototypes(seen, target, known)
    expected = torch.zeros(3, 4, 4)
    expected[0, 3] = torch.tensor([28.0, 29, 30, 31]) / 2
    torch.testing.assert_close(features, expected)
    assert soft.tolist() == [[1, 1, 1, 0.5], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert counted.tolist() == (known | (soft < 1)).tolist()


def test_a_share_of_one_teaches_nothing_about_unknown_labels(draws):
    model, given = model_of(alpha=1.0, beta=1.0), inputs()
    for blend in (model.between_images, model.with_prototypes):
        seen = model.trunk.label_features(given["image"])
        features, soft, counted = blend(seen, given["target"], given["known"])
        torch.testing.assert_close(features, seen)
        assert torch.equal(counted, given["known"])
        assert torch.equal(soft[counted], given["target"][counted])


def test_shares_stay_between_0_and_1():
    model, given = model_of(alpha=1.3, beta=-0.2), inputs()
    model.loss(given)
    assert (model.alpha.item(), model.beta.item()) == (1.0, 0.0)


def test_with_all_labels_known_it_is_three_times_the_plain_loss():
    model, given = model_of(), inputs()
    given["known"] = torch.ones_like(given["known"])
    model.epochs.start(1, 1)
    torch.manual_seed(0)
    before = model.loss(given)
    model.epochs.start(5, 1)
    torch.manual_seed(0)
    plain = torch.nn.functional.binary_cross_entropy_with_logits(model(given), given["target"])
    torch.testing.assert_close(model.loss(given), before + 2 * plain)


def test_prototypes_are_centres_of_the_known_positives_found_at_their_epochs():
    model, given = model_of(), inputs()
    nothing = model.prototypes.clone()
    parts = [{key: value[rows] for key, value in given.items()} for rows in ([0, 1], [2])]
    with torch.no_grad():
        for epoch in (4, 6):
            model.start_epoch(epoch, 1, iter(parts))
            assert torch.equal(model.prototypes, nothing)
        model.start_epoch(10, 1, iter(parts))
    assert model.shown.tolist() == [True, True, True, False]
    seen = [label_features(model.trunk, image) for image in given["image"]]
    two = torch.stack([seen[0][0], seen[1][0]])  # label 0 is a known yes of two images
    torch.testing.assert_close(model.prototypes[0].sum(0), two.sum(0), rtol=1e-5, atol=1e-5)
    for label, image in ((1, 1), (2, 2)):  # and these of one each
        for prototype in model.prototypes[label]:
            torch.testing.assert_close(prototype, seen[image][label], rtol=1e-5, atol=1e-5)
    assert torch.equal(model.prototypes[3], nothing[3])


def test_centres_of_three_clusters_are_their_means():
    heaps = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    draw = torch.Generator().manual_seed(3)
    points = (heaps[:, None] + torch.randn(3, 20, 2, generator=draw)).flatten(0, 1)
    found = clusters.centres(points[torch.randperm(60, generator=draw)], 3)
    expected = points.view(3, 20, 2).mean(1)
    nearest = torch.cdist(expected, found).argmin(1)
    assert sorted(nearest.tolist()) == [0, 1, 2]
    torch.testing.assert_close(found[nearest], expected)


def test_centres_of_few_or_equal_points():
    points = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert clusters.centres(points, 3).tolist() == [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]
    assert clusters.centres(torch.ones(6, 2), 3).tolist() == [[1.0, 1.0]] * 3


def test_scores_are_those_of_the_trunk():
    model, given = model_of(), inputs()
    slow = [logits_of(model.trunk, label_features(model.trunk, image)) for image in given["image"]]
    torch.testing.assert_close(model(given), torch.stack(slow), rtol=1e-5, atol=1e-5)


def test_mixed_precision_learns():
    model = build("sarb")
    model.prototypes.normal_()
    model.shown.fill_(True)
    survive_mixed_precision(model, batch())
