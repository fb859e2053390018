"""Costs counted by hand, and the shape of what is measured; never how fast."""

import json
import math

import pytest
import torch
from conftest import ROOT
from torch import nn

from labelgraph import __main__ as cli
from labelgraph.costs import counting as costs
from labelgraph.costs import networks, timing
from labelgraph.encoders import encoder as encoders
from labelgraph.study.config import read_study
from labelgraph.tables import rendering, tables

SMALL = {"encoder": "resnet18", "size": 64, "labels": 6}
HERE = {"batch": 1, "repeats": 1, "threads": 1, "device": "cpu", "precision": "float32"}
HERE |= {"channels_last": False}
KEYS = {"method", "forward_ratio", "step_ratio", "params_m", "gflops", "peak_mb"}
BOOK = read_study(ROOT / "workflow/config", {})


def by_name(entries):
    return {entry["method"]: entry for entry in entries}


@pytest.fixture(scope="module")
def counted():
    torch.manual_seed(0)
    systems = [*BOOK.methods, "ml_sgm@no_matching"]
    return by_name(costs.count(SMALL, networks.settings(BOOK, systems)))


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.linear = nn.Linear(4, 5)

    def forward(self, batch):
        return self.linear(self.convolution(batch["image"]).mean((2, 3)))


def test_products_and_parameters_of_two_layers_by_hand():
    model, batch = Layers(), {"image": torch.rand(2, 3, 10, 12)}
    convolution = 2 * (8 * 10) * 4 * (3 * 9)  # images, positions, outputs, inputs
    assert costs.products(model, batch) == convolution + 2 * 4 * 5
    assert costs.parameters([model]) == 4 * 27 + 4 + 4 * 5 + 5
    assert costs.parameters([model.linear, model.convolution]) == costs.parameters([model])


def test_products_of_attention_are_seen():
    x = torch.rand(1, 2, 7, 3)
    with costs.Products() as products, torch.no_grad():
        nn.functional.scaled_dot_product_attention(x, x, x)
    assert products.total() == 2 * (2 * 7 * 7 * 3)


def test_products_within_a_method():
    model, batch = Layers(), {"image": torch.rand(1, 3, 3, 3)}
    with costs.Products() as products, torch.no_grad():
        products.within("last", model.linear, "forward")
        model(batch)
        model(batch)
    assert products.inside == {"last": 2 * 4 * 5}
    assert products.total() == 2 * (4 * 5 + 4 * 27)


def test_baseline_is_its_encoder_and_a_layer(counted):
    encoder, baseline = counted["resnet18"], counted["baseline"]
    own = sum(weight.numel() for weight in encoders.build("resnet18", None, "all").parameters())
    assert encoder["params_m"] * 1e6 == pytest.approx(own)
    assert (baseline["params_m"] - encoder["params_m"]) * 1e6 == pytest.approx(6 * 512 + 6)
    assert (baseline["gflops"] - encoder["gflops"]) * 1e9 == pytest.approx(6 * 512)


def test_encoder_products_do_not_depend_on_how_they_are_counted(counted):
    encoder = encoders.build("resnet18", None, "all")
    batch = costs.inputs(SMALL, 1, torch.device("cpu"))
    model = costs.build("baseline", {"pooling": "max"}, costs.label_space(6), encoder)
    assert costs.products(model, batch) == pytest.approx(counted["baseline"]["gflops"] * 1e9)


def test_modules_of_ml_sgm_add_up_to_the_whole(counted):
    names = ["resnet18", *(f"ml_sgm/{part}" for part in ("CSAC", "Encoder", "GCL", "Decoder"))]
    for key in ("params_m", "gflops"):
        sums = [counted[name][key] for name in names]
        assert sums == sorted(sums)
        assert len(set(sums)) == len(sums)
        assert sums[-1] == pytest.approx(counted["ml_sgm"][key], rel=1e-12)


def test_a_variant_has_its_own_costs(counted):
    assert counted["ml_sgm@no_matching"]["gflops"] < counted["ml_sgm"]["gflops"]


def test_table_viii_of_ml_sgm_has_the_printed_size():
    setup = networks.setup(BOOK)
    assert setup == {"encoder": "resnet101", "size": 448, "labels": 80}
    found = by_name(costs.count(setup, networks.settings(BOOK, ["ml_sgm"])))
    assert found["resnet101"]["params_m"] == pytest.approx(42.51, rel=0.001)
    assert found["resnet101"]["gflops"] == pytest.approx(31.53, rel=0.02)
    assert found["ml_sgm"]["params_m"] == pytest.approx(57.65, rel=0.06)
    assert found["ml_sgm"]["gflops"] <= 36.11


def test_tables_show_counts_that_exist(counted):
    for name in ("ml_sgm_VIII", "ml_sgm_IX"):
        entry = BOOK.tables[name]
        wanted = {*tables.systems(entry).values(), *entry.get("counted", {}).values()}
        assert wanted - {"resnet101"} <= {*networks.everyone(BOOK), *counted}


def test_memory_of_a_step_by_hand():
    """A product keeps its result until it is dropped; a view needs nothing."""
    x = torch.zeros(1000)
    with timing.Alive([x]) as alive:
        y = x + 1
        z = y.view(10, 100)
        del y
        assert alive.now == 8000
        del z
        assert alive.now == 4000
        x.add_(1)
    assert alive.peak == 8000


def test_what_is_measured_has_every_number():
    names = ["baseline", "ml_sgm", "gm_mlic"]
    told = []
    found = timing.measure(SMALL | HERE, networks.settings(BOOK, names), told.append)
    assert [entry["method"] for entry in found] == ["resnet18", *names]
    assert told == names
    assert found[0]["forward_ratio"] == found[0]["step_ratio"] == 1.0
    for entry in found:
        assert entry.keys() >= KEYS | {"images_per_second", "step_images_per_second"}
        assert all(
            math.isfinite(entry[key]) and entry[key] > 0 for key in entry.keys() - {"method"}
        )
        assert entry["peak_mb"] > 12 * entry["params_m"]  # weights, gradients, momentum
    text = timing.markdown(SMALL | HERE, {"processor": "a processor"}, found)
    assert "a processor" in text
    assert all(f"| {name} |" in text for name in names)


def test_the_first_of_a_turn_changes():
    order = []
    timing.pairs(lambda: order.append(1), lambda: order.append(2), 3, torch.device("cpu"))
    assert order == [1, 2, 2, 1, 1, 2]


def test_ratios_are_medians_of_turns():
    times = {"forward": [(1.0, 2.0), (2.0, 2.0), (4.0, 12.0)], "step": [(1.0, 1.5)]}
    assert timing.summary(times, batch=4) == {
        "forward_ratio": 2.0,
        "step_ratio": 1.5,
        "images_per_second": 2.0,
        "step_images_per_second": pytest.approx(4 / 1.5),
    }


def test_the_verb_prints_a_list(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    small = ["--encoder", "resnet18", "--size", "64", "--labels", "4", "--batch", "1"]
    small += ["--repeats", "1", "--methods", "ml_gcn"]
    assert cli.main(["bench", "heads", *small, "--json"]) == 0
    assert [entry["method"] for entry in json.loads(capsys.readouterr().out)] == [
        "resnet18",
        "ml_gcn",
    ]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no GPU"):
        timing.measure(SMALL | HERE | {"device": "cuda"}, {}, print)


@pytest.mark.parametrize("names", ["nobody", "ml_gcn@nothing"])
def test_an_unknown_method_is_named(names, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert cli.main(["bench", "heads", "--methods", names]) == 2
    assert names.partition("@")[2] or names in capsys.readouterr().err


@pytest.fixture
def shown(tmp_path):
    """The table as rows of cells: no run, and costs of one network."""

    def cells(name, costs):
        (tmp_path / "costs.json").write_text(json.dumps(costs))
        table = tables.recipe(BOOK, name) | {"scores": {}, "costs": str(tmp_path / "costs.json")}
        published = [tables.read_published(ROOT / f"workflow/published/{file}.csv")
                     for file in ("ml_sgm", "systems")]  # fmt: skip
        found = tables.cells(table, *published)
        text = rendering.markdown(table, found, {})
        return found.set_index(["row", "column"]), text

    return cells


def test_table_viii_shows_modules(shown):
    found, text = shown("ml_sgm_VIII", [{"method": "ml_sgm/CSAC", "params_m": 4.325, "gflops": 1}])
    assert [*found.loc["+CSAC", "params_m"]] == ["42.52", "4.325000", "", "", "reproduced"]
    assert [*found.loc["+GCL", "params_m"]] == ["57.62", "", "", "", "quoted"]
    assert "|  | here | 4.33 | 1.00 |" in text
    assert "**" not in text  # fewer are not marked as worse


@pytest.mark.parametrize(
    ("cost", "speed"),
    [({}, ["", "quoted"]), ({"images_per_second": 2}, ["2.000000", "reproduced"])],
)
def test_table_ix_has_a_speed_where_it_was_measured(shown, cost, speed):
    known = {"method": "ml_sgm@no_matching", "params_m": 3.0, "gflops": 1.0} | cost
    found, _ = shown("ml_sgm_IX", [known])
    row = found.loc["Our w/o ILMS", "images_per_second"]
    assert [row["published"], row["reproduced"], row["status"]] == ["63.5", *speed]
    assert found.loc["Our w/o ILMS", "params_m"]["reproduced"] == "3.000000"
    assert found.loc["Our w/o ILMS", "mAP"]["published"] == "82.6"
