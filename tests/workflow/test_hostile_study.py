"""Data in which every name is an attack, from the folder to a prediction.

Nothing of it runs, nothing breaks, and everything is shown as it is spelled.
"""

import csv
import html
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT
from markdown_it import MarkdownIt
from PIL import Image, ImageDraw
from test_workflow import copy_of

from labelgraph.__main__ import main

RUN = "$(touch PWNED) `touch PWNED`"  # leaves a file in the checkout if a shell runs it
LABELS = (
    "$(touch PWNED)",
    "<script>touch PWNED</script>",
    "a|b*c_d^e~f#g $x$",
    "-rf",
    "{word} {0} %s",
    'it\'s "x"; touch PWNED',
    "שלום 🐈 100%",
)
PARTS = (f"train {RUN} 'x' <b>", f"-test; {{word}}| {RUN}")
FILE = f"all {RUN}.yaml"
TITLE = f"<script>x</script> {RUN} {{word}} | % _ \\ **b**"


def picture(number: int, label: int) -> Image.Image:
    """A disc of the label's colour on a background of random colours."""
    chance = np.random.default_rng(number)
    image = Image.fromarray(chance.integers(60, 190, (5, 6, 3), np.uint8)).resize((64, 48))
    colour = tuple(np.random.default_rng(label).integers(0, 256, 3).tolist())
    ImageDraw.Draw(image).ellipse((4, 4, 40, 40), fill=colour)
    return image


def pictures_of_a_table(folder: Path) -> None:
    """Hostile labels, parts and file names in a table, in folders of such names."""
    images = folder / f"pics {RUN} <i>"
    images.mkdir(parents=True)
    with (folder / f"labels {RUN}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "labels", "part"])
        for number in range(56):
            label = number % 7
            name = f"-{number} {RUN} <i>'{{z}}'.png"
            picture(number, label).save(images / name)
            shown = f"{LABELS[label]};;{LABELS[(label + 1) % 7]}" if number % 2 else LABELS[label]
            writer.writerow([f"{images.name}/{name}", shown, PARTS[number % 3 == 2]])


def pictures_in_folders(folder: Path) -> None:
    """The same names, of folders: one for each part, in these one for each label."""
    for number in range(42):
        place = folder / PARTS[number % 3 == 2] / LABELS[number % 7]
        place.mkdir(parents=True, exist_ok=True)
        picture(number, number % 7).save(place / f"{number} {RUN}.png")


def boxes_of(folder: Path) -> list[dict]:
    images = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))]
    return [{"file_name": name, "bbox": [4, 4, 36, 36], "score": 0.9} for name in images]


class Study:
    """A checkout beside the folders, in which commands run as for a user."""

    def __init__(self, place: Path):
        self.place, self.checkout = place, copy_of(place / "checkout")
        paths = [str(Path(sys.executable).parent), os.environ["PATH"]]
        self.environment = os.environ | {"PATH": os.pathsep.join(paths)}

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.checkout, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def model(self) -> str:
        return "results/runs/own/full/table/baseline/seed0"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    place = tmp_path_factory.mktemp("hostile")
    (place / "checkout").mkdir()
    made, settings = Study(place), {"study": "own", "datasets": {}, "boxes": {}}
    for name, make in {"table": pictures_of_a_table, "folders": pictures_in_folders}.items():
        folder = place / f"{name} it's {RUN} {{word}} & <b> 100% | ~x"
        make(folder)
        made.run("labelgraph", "check-data", str(folder), "--write", f"{name}.yaml")
        guessed = yaml.safe_load((made.checkout / f"{name}.yaml").read_text(encoding="utf-8"))
        (entry,) = guessed["datasets"].values()
        boxes = place / f"-boxes {RUN} {{word}} <b> 'q' %|{name}.json"
        boxes.write_text(json.dumps(boxes_of(folder)))
        vectors = place / f"words {RUN} {{word}} <b> {name}.txt"
        vectors.write_text("touch " + " ".join(["0.1"] * 300) + "\n")
        entry |= {"title": TITLE, "vectors": str(vectors)}
        if name == "table":  # what is guessed are signs that these labels have, too
            entry["options"]["separator"] = ";;"
        settings["datasets"][name] = entry
        settings["boxes"][name] = str(boxes)
    settings |= {
        "own_table": {"rows": ["baseline", "ia_gcn"], "caption": f"{{title}} {RUN}"},
        "sizes": {448: 64},
        "train": {"epochs": 1},
    }
    (made.checkout / FILE).write_text(yaml.safe_dump(settings, allow_unicode=True))
    checked = made.run("labelgraph", "check-data", FILE)
    assert all(checked.count(label) >= 2 for label in LABELS)
    targets = ["results/tables", "results/figures", "results/report"]
    made.run("snakemake", "--cores", "2", *targets, "--configfile", FILE)
    yield made
    assert not [*place.rglob("PWNED*")]


def test_parts_are_those_of_the_data(study):
    for name in ("table", "folders"):
        index = study.checkout / f"data/inputs/own/{name}/features"
        shown = [len(json.loads(path.read_text())["images"]) for path in index.glob("*plain.json")]
        assert shown == [len(boxes_of((study.checkout / "data/raw/own" / name).resolve()))]


def test_tables_show_names_as_written(study):
    for name in ("table", "folders"):
        file = study.checkout / f"results/tables/own/own_{name}.md"
        page = MarkdownIt("gfm-like", {"linkify": False}).render(file.read_text())
        assert html.unescape(re.search("<h1>(.*)</h1>", page)[1]) == f"{TITLE} {RUN}"
        assert not re.search(
            r"<(?!/?(h1|table|thead|tbody|tr|th|td|p|strong|em|ul|li|code)\b"
            r'|a href="\.\./recipes\.md#\w+">|/a>)',
            page,
        )


@pytest.mark.skipif(not shutil.which("lualatex"), reason="needs LuaLaTeX")
def test_tables_compile(study, tmp_path):
    text = (study.checkout / "results/tables/own/own_table.tex").read_text()
    head = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
    (tmp_path / "t.tex").write_text(f"{head}\n{text}\n\\end{{document}}\n")
    command = ["lualatex", "-no-shell-escape", "-halt-on-error", "-interaction=batchmode", "t.tex"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0


def test_pages_show_names_as_written(study):
    pages = [*(study.checkout / "results/report/own").rglob("*.html")]
    assert len(pages) > 4
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script>touch" not in text and "<script>x" not in text and "<b> " not in text
    shown = html.unescape((study.checkout / "results/report/own/index.html").read_text())
    assert TITLE in shown


@pytest.fixture
def asked(study, monkeypatch, capsys):
    """Runs `labelgraph ...` in the checkout and returns its output."""
    monkeypatch.chdir(study.checkout)

    def ask(*words: str) -> str:
        assert main([*words]) == 0
        return capsys.readouterr().out

    return ask


def test_predictions_name_labels_as_they_are_spelled(study, asked):
    photo = next((study.checkout / "data/raw/own/table").resolve().rglob("*.png"))
    said = asked("predict", study.model(), str(photo), "--json", "--save", f"seen {RUN}")
    (found,) = json.loads(said)
    assert {each["label"] for each in found["labels"]} == {*LABELS}
    assert found["image"] == str(photo)
    shown = asked("predict", study.model(), str(photo))
    assert shown.startswith(f"{photo}: ")


def test_a_cell_can_be_traced_to_its_run(asked):
    cell = ["results/tables/own/own_table.csv", "--row", "IA-GCN", "--column", "mAP"]
    said = asked("trace", *cell, "--configfile", FILE)
    assert "results/runs/own/full/table/ia_gcn/seed0" in said


def test_serve_names_what_it_serves(study):
    pytest.importorskip("uvicorn")
    command = ["labelgraph", "serve", study.model(), "--port", "0"]
    with subprocess.Popen(
        command, cwd=study.checkout, env=study.environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            address = server.stdout.readline().split()[0]
            image = next((study.checkout / "data/raw/own/table").resolve().rglob("*.png"))
            headers = {"X-Labelgraph": "picture", "Content-Type": "application/octet-stream"}
            request = urllib.request.Request(address + "predict", image.read_bytes(), headers)
            with urllib.request.urlopen(request, timeout=60) as answer:
                found = json.loads(answer.read())
        finally:
            server.terminate()
    assert {each["label"] for each in found["labels"]} == {*LABELS}


def test_the_card_of_an_exported_model(study, asked):
    pytest.importorskip("onnxruntime")
    asked("export", study.model(), f"model {RUN}.onnx")
    card = next(study.checkout.glob("model*.md"))
    page = MarkdownIt("gfm-like", {"linkify": False}).render(card.read_text(encoding="utf-8"))
    assert "<script>" not in page
    cells = [html.unescape(text) for text in re.findall(r"<td[^>]*>(.*?)</td>", page)]
    assert {*LABELS} <= {*cells}


def test_every_rule_quotes_its_parameters():
    """Rules write their command in one way; see `step` in common.smk."""
    for path in (ROOT / "workflow/rules").rglob("*.smk"):
        text = path.read_text()
        commands = re.findall(r"^ +shell:\s+(.*)", text, re.M)
        assert all(re.match(r"step\(", command) for command in commands), path
        assert not re.search(r"^ +(run|script|notebook|wrapper):|\bshell\(", text, re.M), path
