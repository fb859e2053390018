"""Views of a model show the values that it computes with, and do not change it."""

import pytest
import torch
from conftest import batch, build

from labelgraph import models
from labelgraph.figures import fields
from labelgraph.predict import inspection
from labelgraph.predict.inspection import _reading as reading

VIEWS = [(method, view) for method in inspection.available() for view in fields.views(method)]
SHAPES = {  # of 3 images, 5 labels, maps of 4 x 5 cells and 6 boxes
    "maps": {"maps": (3, 5, 4, 5), "boxes": (3, 5, 4)},
    "features": {"features": (3, 24)},
    "labels": {"vectors": (None, 5, None)},
    "regions": {"boxes": (3, 6, 4), "before": (3, 6, 5), "after": (3, 6, 5), "factor": (3, 6)},
}


def shown(method, view, variant="", **inputs):
    model = build(method, variant=variant).eval()
    with torch.inference_mode():
        return model, inspection.find(method, view)(model, batch() | inputs)


def test_every_file_belongs_to_a_method_and_every_view_is_described():
    assert set(inspection.available()) <= set(models.available())
    assert {view for _, view in VIEWS} == set(SHAPES)
    assert {kind.view for kind in fields.KINDS.values()} - {""} == set(SHAPES)
    for view in SHAPES:
        assert f"    {view} " in inspection.__doc__


@pytest.mark.parametrize(("method", "view"), VIEWS)
def test_a_view_has_its_shapes_and_changes_no_score(method, view):
    model = build(method).eval()
    with torch.inference_mode():
        before = model(batch())
        found = inspection.find(method, view)(model, batch())
        assert torch.equal(model(batch()), before)
    assert found.keys() == SHAPES[view].keys()
    for key, shape in SHAPES[view].items():
        assert found[key].isfinite().all()
        assert all(w in (None, s) for w, s in zip(shape, found[key].shape, strict=True)), key


def test_the_instances_of_ml_sgm_are_boxes_of_its_maps():
    model, found = shown("ml_sgm", "maps")
    with torch.inference_mode():
        instances = model.find(model.encoder(batch()["image"]))
    chosen = instances.logits.argsort(dim=1, descending=True, stable=True)[:, : model.find.limit]
    boxes = found["boxes"].gather(1, chosen[..., None].expand(-1, -1, 4))
    torch.testing.assert_close(boxes, instances.boxes[:, 1:], rtol=0, atol=0)
    torch.testing.assert_close(found["maps"].amax((2, 3)), instances.logits.sigmoid())


def test_features_and_classifiers_make_the_scores():
    for method in ("ml_gcn", "baseline"):
        model, features = shown(method, "features")
        _, labels = shown(method, "labels")
        with torch.inference_mode():
            scores = features["features"] @ labels["vectors"][0].T
            bias = model.classifier.bias if method == "baseline" else 0
            torch.testing.assert_close(scores + bias, model(batch()))


def test_the_maps_of_the_plain_network_add_up_to_its_scores():
    model, found = shown("baseline", "maps")
    with torch.inference_mode():
        maps = reading.linear_maps(batch()["image"], model.classifier.weight)
        torch.testing.assert_close(maps.mean((2, 3)) + model.classifier.bias, model(batch()))
    assert torch.equal(found["maps"], maps.clamp(min=0))


def test_a_box_encloses_the_largest_part_above_the_share():
    maps = torch.zeros(1, 1, 4, 5)
    maps[0, 0, 1:3, 2:4] = 1.0
    maps[0, 0, 0, 0] = 0.9  # a smaller part
    maps[0, 0, 3, 4] = 0.2  # touches the large one, but is too weak
    box = reading.located(maps, 0.2)["boxes"][0, 0]
    torch.testing.assert_close(box, torch.tensor([0.4, 0.25, 0.8, 0.75]))


@pytest.mark.parametrize("method", ["ml_sgm", "gm_mlic"])
def test_label_nodes_are_what_the_decoder_reads(method):
    """Without matching edges the decoder scores pairs of nodes: here with the view's labels."""
    model, found = shown(method, "labels", "no_matching")
    decode = model.network.decode
    scored = []
    handle = model.network.register_forward_hook(lambda *given: scored.append(given[2]))
    instances = []
    last = model.network.blocks[-1].update_instances
    other = last.register_forward_hook(lambda *given: instances.append(given[2]))
    with torch.inference_mode():
        model(batch())
        one, both = decode.input_weights()
        of_labels = torch.nn.functional.linear(found["vectors"], both, decode.first.bias)
        of_instances = torch.nn.functional.linear(instances[0], one)
        expected = decode.second((of_instances[:, :, None] + of_labels[:, None]).relu())
    handle.remove()
    other.remove()
    torch.testing.assert_close(scored[0], expected.squeeze(-1))


def test_label_nodes_depend_on_the_image_if_instances_send_messages():
    _, found = shown("ml_sgm", "labels")
    assert len(found["vectors"]) == 3
    assert not torch.equal(found["vectors"][0], found["vectors"][1])


def test_weighted_regions_are_those_that_ia_gcn_classifies(monkeypatch):
    model, found = shown("ia_gcn", "regions")
    classified = []
    own = model.score_regions
    monkeypatch.setattr(
        model,
        "score_regions",
        lambda rough, graph: (classified.append(rough), own(rough, graph))[1],
    )
    with torch.inference_mode():
        model(batch())
    torch.testing.assert_close(found["after"], classified[0])
    empty = (found["boxes"] == 0).all(-1)
    assert empty.any() and not found["factor"][empty].any()
    neutral = found["factor"] == 1
    torch.testing.assert_close(found["before"][neutral], found["after"][neutral])


NOTHING = [
    ("ml_sgm", "maps", "no_activation", "no activation maps"),
    ("ml_sgm", "maps", "released", "no activation maps"),
    ("ml_sgm", "labels", "bl_casc", "no label nodes"),
    ("ia_gcn", "regions", "com_sco", "does not weight its regions"),
]


@pytest.mark.parametrize(("method", "view", "variant", "message"), NOTHING)
def test_a_variant_without_a_view_is_named(method, view, variant, message):
    with pytest.raises(ValueError, match=message):
        shown(method, view, variant)


def test_a_method_without_views_is_named():
    with pytest.raises(ValueError, match="nothing can be shown of dsdl; inspection/ has"):
        inspection.find("dsdl", "maps")
