"""What settings say of a recipe, in the words of recipes.csv."""

import pytest
from conftest import ROOT

from labelgraph.recipes import here
from labelgraph.study import recipes
from labelgraph.study.config import read_study, run_of


@pytest.fixture(scope="module")
def book():
    return read_study(ROOT / "workflow/config", {"study": "paper"})


def told(book, system, task="full", dataset="voc2007"):
    settings = book.settings(run_of("paper", task, dataset, system, 0))
    return {item: said(settings) for item, said in here.ITEMS.items()}


def test_the_recipe_of_ml_gcn(book):
    assert told(book, "ml_gcn") == {
        "optimizer": "SGD, momentum 0.9",
        "encoder's rate": "0.001",
        "head's rate": "0.01",
        "weight decay": "0.0001",
        "decay of biases and normalisation": "yes",
        "clipping": "10",
        "epochs": "100",
        "schedule": "x0.1 at 40, 80",
        "batch": "16",
        "precision": "bfloat16",
        "learned parts": "all",
        "batch normalisation": "batch statistics",
        "image size": "448",
        "test size": "448",
        "resize": "none",
        "training crops": "multi-scale, even draw",
        "mirroring": "half, left to right",
        "test view": "all of it, squashed",
        "checkpoint": "best epoch on tune images",
        "difficult objects": "positive in training, ignored in AP, negative in F1",
    }


@pytest.mark.parametrize(
    ("system", "task", "said"),
    [
        ("ml_gcn@released", "full", {"head's rate": "0.1", "schedule": "constant"}),
        ("ml_sgm", "full", {"schedule": "x0.1 at 30, 60, 90", "test view": "centre, 448 of 640"}),
        ("ml_sgm@test_576", "full", {"test size": "576", "test view": "centre, 576 of 640"}),
        (
            "ml_sgm@released",
            "full",
            {
                "clipping": "none",
                "schedule": "x0.9333 every epoch",
                "mirroring": "half, left to right; half, upside down",
                "training crops": "squares of 1, 0.9, 0.8, 0.6, 0.5 of a side, anywhere",
            },
        ),
        (
            "ssgrl",
            "full",
            {
                "optimizer": "Adam",
                "head's rate": "0.00001",
                "weight decay": "0",
                "schedule": "constant",
                "learned parts": "last stage and head",
                "mirroring": "none",
                "resize": "to a square",
                "test view": "centre, 576 of 640",
            },
        ),
        ("ssgrl", "partial-10", {"batch": "8", "test view": "all of it, squashed"}),
        ("add_gcn", "full", {"resize": "to a square", "schedule": "x0.1 at 30, 40"}),
    ],
)
def test_where_others_differ(book, system, task, said):
    found = told(book, system, task)
    assert {item: found[item] for item in said} == said


def test_the_second_stage_of_few_shots_names_what_learns(book):
    found = told(book, "kggr", "fewshot-1", "coco2014")
    assert found["learned parts"] == "classifier" and found["encoder's rate"] == "at rest"


def test_everything_about_training_can_be_told():
    assert set(recipes.TRAINING) == here.ITEMS.keys() - {"difficult objects"}
