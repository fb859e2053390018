"""One picture in memory, and all that a page shows of it."""

import io

import pytest
from run_cases import LABELS, calibrate, make_run, picture

from labelgraph.own import asking, reading


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run") / "seed0", "baseline")


def asked(folder, threshold):
    calibrate(folder, 1.0, threshold)
    stream = io.BytesIO()
    picture(1).save(stream, "PNG")
    return asking.Oracle(reading.read(folder)).ask(stream.getvalue())["labels"]


@pytest.mark.parametrize(("threshold", "chosen"), [(1e-9, LABELS), (1 - 1e-9, 0)])
def test_chosen_labels_are_explained_or_else_the_likeliest(folder, threshold, chosen):
    labels = asked(folder, threshold)
    assert sum(each["chosen"] for each in labels) == chosen
    explained = [number for number, each in enumerate(labels) if "heat" in each]
    assert explained and explained[0] == 0


def test_a_failed_request_does_not_block_the_next(folder):
    calibrate(folder, 1.0, 0.5)
    oracle = asking.Oracle(reading.read(folder))
    for _ in range(2):
        with pytest.raises(OSError, match="the picture is not an image"):
            oracle.ask(b"text")
    assert not oracle.turn.locked()
