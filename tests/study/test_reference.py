"""The reference page and the JSON schemas are those of the models, and fit the YAML files."""

import json

import jsonschema
import pytest
from conftest import ROOT

from labelgraph.files.yaml_reader import read_yaml
from labelgraph.study import reference

CONFIG = ROOT / "workflow/config"
FILES = [CONFIG / f"{name}.yaml" for name in reference.KINDS if name != "study"]
FILES += sorted((CONFIG / "studies").glob("*.yaml"))


def schema_of(path):
    name = "study" if path.parent.name == "studies" else path.stem
    return json.loads((CONFIG / f"schema/{name}.json").read_text())


def test_the_page_and_the_schemas_are_current():
    """`python -m labelgraph.study.reference` writes them."""
    for path, text in reference.files():
        assert (ROOT / path).read_text() == text, f"{path} is not what the models say"


def test_every_schema_is_named_by_a_file():
    assert {path.stem for path in (CONFIG / "schema").iterdir()} == {*reference.KINDS}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_names_its_schema_which_accepts_it(path):
    first = path.read_text().partition("\n")[0]
    assert first == reference.named_schema(path)
    assert (path.parent / first.partition("$schema=")[2]).is_file()
    content = json.loads(json.dumps(read_yaml(path)))  # its keys as JSON has them
    jsonschema.validate(content, schema_of(path))


@pytest.mark.parametrize(
    "change",
    [{"train": {"epoch": 3}}, {"train": {"lr": -1}}, {"seeds": []}, {"train": None}, {"gpus": 1}],
)
def test_a_schema_refuses_mistakes(change):
    path = CONFIG / "studies/mini.yaml"
    content = json.loads(json.dumps(read_yaml(path))) | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema_of(path))


def test_every_line_of_every_block_is_explained():
    for *_, models in reference.SECTIONS:
        for model in models:
            for name, field in model.model_fields.items():
                text = field.description or ""
                assert text[:1].isupper() or text[:1] in "`f", f"{model.__name__}.{name}"
                assert text.endswith((".", "…")), f"{model.__name__}.{name}"
