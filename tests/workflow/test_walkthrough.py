"""docs/own_pictures.md, executed as it stands, on small made pictures."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT
from PIL import Image, ImageDraw
from test_workflow import copy_of

from labelgraph.__main__ import main
from labelgraph.commands import _verbs

GUIDE = (ROOT / "docs/own_pictures.md").read_text()
COMMANDS = re.findall(r"^    uv run (.*)$", GUIDE, re.M)
WALK = len(re.findall(r"^    uv run ", GUIDE[: GUIDE.index("## More")], re.M))
COLOURS = {"sun": "yellow", "sea": "blue", "rose": "red"}


def draw(folder: Path, number: int, shown: list[str]) -> None:
    """Discs of the labels' colours on a ground of its own, in each label's folder."""
    chance = np.random.default_rng(number)
    ground = Image.fromarray(chance.integers(60, 190, (5, 6, 3), np.uint8))
    image = ground.convert("L").convert("RGB").resize((96, 72), Image.Resampling.BICUBIC)
    canvas = ImageDraw.Draw(image)
    for place, name in enumerate(shown):
        left, top = 4 + 46 * place + chance.integers(0, 6), chance.integers(2, 30)
        canvas.ellipse((left, top, left + 38, top + 38), fill=COLOURS[name])
    for name in shown or ["none"]:
        (folder / name).mkdir(parents=True, exist_ok=True)
        image.save(folder / name / f"{number}.png")


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """A checkout beside a folder of pictures; what each command of the walk said."""
    checkout = copy_of(tmp_path_factory.mktemp("checkout"))
    shutil.copy(ROOT / ".gitignore", checkout)
    (checkout / "results/tables").mkdir(parents=True)
    shutil.copy(ROOT / "results/records.jsonl", checkout / "results")
    shutil.copytree(ROOT / "results/tables/mini", checkout / "results/tables/mini")
    for command in ("init -q", "add -A", "-c user.name=T -c user.email=t@localhost commit -qm all"):
        subprocess.run(["git", *command.split()], cwd=checkout, check=True)
    names = list(COLOURS)
    for number in range(36):
        several = [names[number % 3], names[(number + 1) % 3]] if number % 4 == 0 else []
        draw(checkout / "pictures", number, several or [names[number % 3]] * (number % 6 != 5))
    shutil.copy(checkout / "pictures" / "sun" / "3.png", checkout / "photo.jpg")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    said = []
    for command in COMMANDS[:WALK]:
        done = subprocess.run(
            shlex.split(command), cwd=checkout, env=os.environ | {"PATH": path},
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        said.append((done.stdout, done.stderr))
    return checkout, said


def test_the_walk(walked):
    checkout, said = walked
    checked, predicted = said[0][0], said[2][0]
    assert "No problem found." in checked
    entry = yaml.safe_load((checkout / "pictures.yaml").read_text())
    shown = yaml.safe_load(re.search(r"```yaml\n(.*?)```", GUIDE, re.S)[1])
    shown["datasets"]["pictures"]["folder"] = str((checkout / "pictures").resolve())
    assert entry == shown
    table = (checkout / "results/tables/own/own_pictures.md").read_text()
    rows = re.findall(r"^\| (.+?) \| here \| (\S+) ", table, re.M)
    pooled = [f"EfficientNet-Lite0, linear ({name} pooling)" for name in ("average", "max")]
    assert [name for name, _ in rows[:3]] == [*pooled, "ML-GCN"]
    assert len(rows) == 7
    values = [float(value.strip("*")) for _, value in rows]
    assert np.median(values) > 80  # three colours are told apart
    assert "The labels have no word vectors here" in table
    assert re.fullmatch(r"photo\.jpg: sun \d+ %\n", predicted)
    assert [path.name for path in (checkout / "seen").iterdir()] == ["photo-sun.jpg"]
    run = checkout / "results/runs/own/full/pictures/ml_gcn/seed0"
    assert json.loads((run / "calibration.json").read_text())["images"] > 0


def test_the_end_names_the_table_the_best_run_and_the_command(walked):
    """The walk predicts with that run, and with no other."""
    checkout, said = walked
    ending, taken = said[1][1], said[2][1]
    assert "Table: results/tables/own/own_pictures.md\n" in ending
    best, image = re.search(
        r"uv run labelgraph predict (\S+) (\S+) --save seen$", ending, re.M
    ).groups()
    assert image == "photo.jpg" and (checkout / best / "model.safetensors").exists()
    assert f"labelgraph predict: {best}: " in taken and "of 7 runs" in taken
    assert re.search(r"\(Rule: train\): results/runs/own/full/pictures/ml_sgm/seed0/", ending)
    scores = json.loads((checkout / best / "scores.json").read_text())
    assert f"mAP {100 * scores['map']['non_interpolated']:.1f} [" in ending


def test_git_and_other_studies_are_left_alone(walked):
    checkout, said = walked
    assert "mini" not in said[1][1].split("Config MD5")[1]
    assert "results/records.jsonl" not in said[1][1]
    assert (checkout / "results/own_records.jsonl").exists()
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    status = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    changed = {line[3:].split("/")[0] for line in status.stdout.splitlines()}
    assert changed == {"pictures", "pictures.yaml", "photo.jpg", "seen"}


def test_verbs_know_the_table(walked, monkeypatch, capsys):
    monkeypatch.chdir(walked[0])
    table, given = "results/tables/own/own_pictures.csv", ["--configfile", "pictures.yaml"]
    assert main(["trace", table, "--row", "ML-GCN", "--column", "CF1 top3", *given]) == 0
    assert f"{table}: ML-GCN, CF1_top3, reproduced" in capsys.readouterr().out
    assert main(["trace", table, "--row", "ML-GCN", "--column", "mAP"]) == 2
    assert "shows your own data; pass their settings with --configfile" in capsys.readouterr().err
    assert main(["list", "datasets", *given]) == 0
    assert capsys.readouterr().out == "pictures  pictures\n"
    assert main(["list", "tables", "--json", *given]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)] == ["own_pictures"]
    assert main(["compare", table, table]) == 0
    assert main(["compare", "results/tables/own", "published"]) == 2
    assert (
        "own_pictures of results/tables/own is a table of your own data" in capsys.readouterr().err
    )
    assert main(["verify", "results/tables", *given]) == 0
    assert "made by this code with these settings" in capsys.readouterr().out


def test_every_other_command_is_one_that_labelgraph_knows():
    parser = _verbs.parser("")
    others = [command for command in COMMANDS[WALK:] if "labelgraph" in command]
    assert len(others) >= 4
    for command in others:
        parser.parse_args(shlex.split(command.split("labelgraph ")[1]))


def test_options_and_readers_are_those_that_there_are():
    known = yaml.safe_load((ROOT / "workflow/config/own_data.yaml").read_text())
    rows = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*) \|$", GUIDE, re.M))
    assert rows.keys() == known["options"].keys()
    for reader, text in rows.items():
        options = {*known["options"][reader], *known["required"].get(reader, [])} - {"draw"}
        named = {word.partition(":")[0] for word in re.findall(r"`([a-z_]+)[:`]", text)}
        assert options <= named, reader
