"""What must hold of ASL, CSRA, ML-Decoder, Query2Label and TDRG, whatever their weights."""

import pytest
import torch
from conftest import batch, build, label_space
from literal_cases import Given, grid, stir, survive_mixed_precision
from torch.nn.functional import binary_cross_entropy_with_logits

from labelgraph.models import asl, csra, ml_decoder, tdrg
from labelgraph.parts.asymmetric import Focus

HEADS = ("asl", "csra", "ml_decoder", "query2label", "tdrg")
TARGET = torch.tensor([[1.0, 0, 0], [0, 1, 1]])
SMALL = {"width": 8, "heads": 2, "feedforward": 5}


def shuffled(image):
    """The positions of the grid in another order."""
    order = torch.randperm(image.shape[2] * image.shape[3])
    return image.flatten(2)[:, :, order].unflatten(2, image.shape[2:])


def test_asl_without_focus_is_the_sum_of_the_cross_entropy():
    logits = 3 * torch.randn(2, 3)
    found = Focus(0.0, 0.0, 0.0).entries(logits, TARGET)
    expected = binary_cross_entropy_with_logits(logits, TARGET, reduction="none")
    torch.testing.assert_close(found, expected)


def test_asl_does_not_count_a_no_below_the_margin():
    logits = torch.logit(torch.tensor([[0.04, 0.06, 0.049]]))
    found = Focus(0.0, 4.0, 0.05).entries(logits, torch.zeros(1, 3))
    assert (found == 0).tolist() == [[True, False, True]]


def test_asl_adds_up_images():
    settings = {"pooling": "average", "plus": 0.0, "minus": 4.0, "margin": 0.05}
    model = asl.build(label_space(3), Given(6), focus_learns=False, **settings)
    inputs = {"image": grid(2, 6), "target": TARGET, "known": torch.ones(2, 3).bool()}
    twice = {name: torch.cat([value, value]) for name, value in inputs.items()}
    torch.testing.assert_close(model.loss(twice), 2 * model.loss(inputs))


def test_csra_depends_on_the_direction_of_a_classifier_alone():
    model = stir(csra.build(label_space(3), Given(6), temperatures=[1, 99], share=0.5))
    before = model({"image": grid(2, 6)})
    with torch.no_grad():
        model.classifiers.weight *= torch.rand(6, 1) + 0.5
    torch.testing.assert_close(model({"image": grid(2, 6)}), before)


def test_csra_at_a_high_temperature_takes_the_maximum():
    maps = torch.rand(2, 3, 7)
    torch.testing.assert_close(csra.strongest(maps, 1e5), csra.strongest(maps, csra.MAXIMUM))


def test_csra_without_residual_is_linear_in_the_mean():
    model = csra.build(label_space(3), Given(6), temperatures=[1], share=0.0)
    image = grid(2, 6)
    mean = image.mean((2, 3), keepdim=True).expand_as(image)
    torch.testing.assert_close(model({"image": image}), model({"image": mean}))


def test_ml_decoder_reads_positions_in_any_order_and_never_learns_its_queries():
    model = build("ml_decoder").eval()
    image = batch()["image"]
    torch.testing.assert_close(model({"image": shuffled(image)}), model({"image": image}))
    assert "queries" not in dict(model.named_parameters())
    assert "queries" in model.state_dict()


@pytest.mark.parametrize(("labels", "queries", "shape"), [(5, 100, (5, 1)), (7, 3, (3, 3))])
def test_ml_decoder_shares_queries_among_labels(labels, queries, shape):
    settings = SMALL | {"dropout": 0.1, "plus": 0.0, "minus": 4.0, "margin": 0.05}
    model = ml_decoder.build(label_space(labels), Given(6), queries=queries, **settings)
    assert (model.groups.shape[0], model.groups.shape[2]) == shape
    assert model({"image": grid(2, 6)}).shape == (2, labels)


def test_query2label_sees_where_a_position_is():
    model = build("query2label").eval()
    image = batch()["image"]
    assert not torch.allclose(model({"image": shuffled(image)}), model({"image": image}))
    with torch.no_grad():
        mirrored = model({"image": image.flip(3)})
    assert not torch.allclose(mirrored, model({"image": image}))


def test_tdrg_as_released_scores_one_image_at_a_time():
    model, inputs = build("tdrg", variant="released").eval(), batch()
    assert model({"image": inputs["image"][:1]}).shape == (1, 5)
    with pytest.raises(ValueError, match="was given 3 images to score"):
        model(inputs)
    model.train()
    model.norm.eval()  # so that only attention looks at the other images
    first, other = (
        model({"image": torch.cat([inputs["image"][:2], last])})[:2]
        for last in (inputs["image"][2:], 1 - inputs["image"][2:])
    )
    assert (first - other).abs().max() > 1e-5


def test_tdrg_relates_labels_without_changing_its_transformer():
    model, inputs = build("tdrg"), batch()
    model.train().scores(inputs["image"]).semantic.sum().backward()
    assert all(value.grad is None for value in model.transformer.parameters())
    assert all(value.grad is None for value in model.scales.parameters())
    assert model.maps.weight.grad.any() and model.summary.weight.grad.any()


def test_tdrg_works_on_a_grid_smaller_than_its_kernel():
    settings = SMALL | {"nodes": 4, "layers": 1, "attention": "positions"}
    model = tdrg.build(label_space(3), Given(6), **settings)
    assert model({"image": grid(2, 6, 2, 1)}).isfinite().all()


def test_what_tdrgs_attention_may_go_over():
    with pytest.raises(ValueError, match=r"attention is 'images'.*positions"):
        tdrg.build(label_space(3), Given(6), **SMALL, nodes=4, layers=1, attention="images")


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="width is 8; its 3 heads need a multiple of 3"):
        tdrg.build(label_space(3), Given(6), **SMALL | {"heads": 3}, nodes=4, layers=1,
                   attention="positions")  # fmt: skip


@pytest.mark.parametrize("method", HEADS)
def test_mixed_precision_learns(method):
    survive_mixed_precision(build(method), batch())
