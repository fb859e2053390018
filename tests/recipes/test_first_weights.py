"""The scheme of weights is told from the weights."""

import re

import pytest
import torch
from torch import nn

from labelgraph.recipes import first_weights

DRAWS = {
    "uniform ±1/sqrt(inputs)": lambda x: nn.init.uniform_(x, -(60**-0.5), 60**-0.5),
    "uniform ±1/sqrt(outputs)": lambda x: nn.init.uniform_(x, -(90**-0.5), 90**-0.5),
    "uniform ±sqrt(6/(inputs + outputs))": nn.init.xavier_uniform_,
    "normal with variance 1/inputs": lambda x: nn.init.normal_(x, 0, 60**-0.5),
    "normal with variance 2/inputs": lambda x: nn.init.kaiming_normal_(x, nonlinearity="relu"),
    "normal with variance 1": nn.init.normal_,
    "zero": nn.init.zeros_,
    "uniform ±2/sqrt(inputs)": lambda x: nn.init.uniform_(x, -2 / 60**0.5, 2 / 60**0.5),
    "normal with deviation 3/sqrt(inputs)": lambda x: nn.init.normal_(x, 0, 3 / 60**0.5),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_scheme_is_recognised(name):
    torch.manual_seed(1)
    found = first_weights.scheme(DRAWS[name](torch.empty(90, 60)))
    assert re.sub(r"\d\.\d+/", lambda times: f"{float(times[0][:-1]):.0f}/", found) == name


def test_a_mixture_is_not_taken_for_either():
    x = torch.randn(90, 60).cosh()
    assert first_weights.scheme(x).startswith("neither uniform nor normal, standard deviation ")


def test_torchs_own_layers_are_alike_and_others_are_named():
    torch.manual_seed(0)
    model = nn.ModuleDict({"encoder": nn.Linear(50, 50), "a": nn.Linear(40, 50)})
    model["b"], model["norm"] = nn.Linear(50, 40), nn.LayerNorm(2000)
    assert first_weights.text(model) == "uniform ±1/sqrt(inputs)"
    model["table"] = nn.Embedding(60, 30)
    nn.init.normal_(model["table"].weight)
    assert first_weights.text(model) == "uniform ±1/sqrt(inputs); table: normal with variance 1"
    assert first_weights.text(nn.ModuleDict({"encoder": model})) == "no matrix of its own"


def test_of_many_names_the_ends_are_left():
    names = ["blocks.0.pair.second", "blocks.0.update.second", "blocks.1.pair.second", "reduce"]
    assert first_weights.shortened(names) == "blocks ... second, reduce"
    others = ["a.b.c.d.first", "a.b.e.first", "a.b", "a.2.c"]
    assert first_weights.shortened(others) == "a.b ... first, a.b, a ... c"
    assert first_weights.shortened(names[:2]) == "blocks.0.pair.second, blocks.0.update.second"
