"""The contract of every method: a file in models/ is tested as soon as it is there."""

import pytest
import torch
from conftest import ROOT, batch, begin, build

from labelgraph import models
from labelgraph.files.yaml_reader import read_yaml
from labelgraph.train import checkpoint, few_shots, loop

CONFIG = read_yaml(ROOT / "workflow/config/methods.yaml")
SYSTEMS = [
    (method, variant)
    for method in models.available()
    for variant in ("", *CONFIG[method].get("variants", {}))
]
SYSTEMS += [(method, "shots") for method in models.available() if "shots" in CONFIG[method]]
ONE_BY_ONE = {("tdrg", "released")}  # refuses to score several images at once
each_method = pytest.mark.parametrize("method", models.available())
each_system = pytest.mark.parametrize(("method", "variant"), SYSTEMS)


def scores(model, inputs):
    blind = {key: value for key, value in inputs.items() if key not in ("target", "known")}
    with torch.no_grad():
        return model.eval()(blind)


def images_of(inputs, chosen):
    return {key: value[chosen] for key, value in inputs.items()}


def test_files_and_config_name_the_same_methods():
    assert models.available() == sorted(CONFIG)


@each_system
def test_one_finite_logit_for_each_image_and_label(method, variant):
    images = 1 if (method, variant) in ONE_BY_ONE else 3
    found = scores(build(method, variant=variant), batch(images))
    assert found.shape == (images, 5)
    assert found.isfinite().all()


@each_system
def test_every_parameter_learns(method, variant):
    model = build(method, variant=variant)
    if variant == "shots":
        few_shots.freeze(model, CONFIG[method]["shots"]["learns"])
    inputs = batch(images=6, labels=5)
    begin(model, 100, inputs)
    model.train()
    loop.loss_of(model, inputs).backward()
    idle = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    ]
    assert not idle, f"no gradient reaches {idle}"


@pytest.mark.parametrize(
    ("method", "variant"), [system for system in SYSTEMS if system not in ONE_BY_ONE]
)
def test_a_batch_is_its_images_one_by_one(method, variant):
    model, inputs = build(method, variant=variant), batch()
    alone = torch.cat([scores(model, images_of(inputs, [k])) for k in range(3)])
    torch.testing.assert_close(scores(model, inputs), alone, rtol=1e-4, atol=1e-5)


@each_method
@pytest.mark.parametrize(("images", "labels"), [(1, 1), (1, 5), (2, 1), (1, 500)])
def test_one_image_one_label_and_500_labels_work(method, images, labels):
    found = scores(build(method, labels), batch(images, labels))
    assert found.shape == (images, labels)
    assert found.isfinite().all()


@each_method
def test_unknown_labels_do_not_reach_the_loss(method):
    model, inputs = build(method).eval(), batch()
    other = inputs | {
        "target": torch.where(inputs["known"], inputs["target"], 1 - inputs["target"])
    }
    torch.manual_seed(0)
    first = loop.loss_of(model, inputs)
    torch.manual_seed(0)
    torch.testing.assert_close(first, loop.loss_of(model, other), rtol=0, atol=0)


@each_method
def test_the_loss_of_an_image_without_known_labels_is_finite(method):
    model, inputs = build(method).train(), batch()
    loss = loop.loss_of(model, inputs | {"known": torch.zeros(3, 5, dtype=torch.bool)})
    loss.backward()
    assert loss.isfinite()


@each_method
def test_a_checkpoint_can_store_the_model(method, tmp_path):
    state = checkpoint.own_state(build(method))
    checkpoint.Checkpoint(tmp_path).save(state, {"done": 0})
    assert checkpoint.Checkpoint(tmp_path).load()[0].keys() == state.keys()


def test_an_unknown_method_is_named():
    with pytest.raises(ValueError, match=r"no method 'mlgcn'.*ml_gcn"):
        models.build("mlgcn", None, None)
