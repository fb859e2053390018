"""The part of WordNet that relates labels, and how it is cut out of WordNet's files."""

import importlib.util
import runpy

import pytest
import torch
from conftest import ROOT

from labelgraph.parts import wordnet
from labelgraph.scenes import worlds

SCRIPT = ROOT / "benchmarks/wordnet_table.py"
NOTICE = "".join(f"  {line} some notice\n" for line in range(1, 30))
INDEX = """\
thing n 1 0 1 0 00000001
beast n 2 1 @ 2 0 00000009 00000002
hound n 1 1 @ 1 0 00000003
rex n 1 1 @ 1 0 00000004
"""
DATA = """\
00000001 03 n 01 thing 0 001 ~ 00000002 n 0000 | all there is
00000002 03 n 02 beast 0 creature 0 002 @ 00000001 n 0000 ~ 00000003 n 0000 | it | lives
00000003 03 n 01 hound 0 001 @ 00000002 n 0000 | it barks
00000004 03 n 01 rex 0 002 @i 00000003 n 0000 @ 00000001 n 0000 | one of them
00000009 03 n 01 beast 1 001 @ 00000001 n 0000 | a rude person
"""


def test_every_label_of_the_datasets_has_a_synset():
    assert [name for name in wordnet.SENSES if wordnet.synset(name) is None] == []
    drawn = {name for world in worlds.SCENES for name in worlds.label_names(world)}
    assert drawn <= wordnet.SENSES.keys()
    assert len(wordnet.SENSES) > 180


def test_similarity_is_wu_and_palmers():
    dog, cat, hydrant = map(wordnet.synset, ("dog", "cat", "fire hydrant"))
    # carnivores are the 12th from the top, and dog and cat two steps below them
    assert wordnet.similarity(dog, cat) == wordnet.similarity(cat, dog) == 24 / (24 + 2 + 2)
    assert wordnet.similarity(dog, dog) == 1
    assert wordnet.similarity(dog, hydrant) < 0.4


def test_a_name_that_is_not_in_the_table_is_in_no_relation():
    names = ("dog", "animal", "gizmo", "dog")
    found = wordnet.similarities(names)
    assert found[2].isnan().all() and found[:, 2].isnan().all()
    torch.testing.assert_close(found, found.T, equal_nan=True)
    above = wordnet.kinds_of(names)
    assert above.nonzero().tolist() == [[0, 1], [3, 1]]


def test_synonyms_are_alike_and_none_is_a_kind_of_the_other():
    names = ("sofa", "couch")
    assert wordnet.similarities(names).min() == 1
    assert not wordnet.kinds_of(names).any()


@pytest.fixture
def script(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("wordnet_table", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "index.noun").write_text(NOTICE + INDEX)
    (tmp_path / "data.noun").write_text(NOTICE + DATA)
    monkeypatch.setattr(module, "TARGET", tmp_path / "table.py")
    monkeypatch.setattr(module, "SENSES", {"Rex": ("rex", 1), "animal": ("beast", 2)})
    monkeypatch.setattr("sys.argv", ["wordnet_table.py", str(tmp_path)])
    return module


def test_the_table_has_the_chosen_senses_and_all_above_them(script):
    script.main()
    table = runpy.run_path(str(script.TARGET))
    assert "some notice" in table["__doc__"]
    assert table["SENSES"].split("\n")[1:-1] == ["beast 2 00000002", "rex 1 00000004"]
    assert table["SYNSETS"].split("\n")[1:-1] == [
        "00000001 thing",
        "00000002 beast 00000001",
        "00000003 hound 00000002",
        "00000004 rex 00000003 00000001",
    ]
