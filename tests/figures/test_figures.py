"""Every kind of figure on made data: the same bytes twice, its words, sentences for nothing."""

import json
import re
from io import BytesIO

import figure_cases as cases
import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from labelgraph.figures import canvas, fields, image_choice, kinds, label_placement, plans, style
from labelgraph.figures.kinds import embedding
from labelgraph.jobs import sourcecode
from labelgraph.steps import plot
from labelgraph.study.config import read_study
from labelgraph.tables import tables

STUDIES = ("mini", "laptop", "paper")
each_kind = pytest.mark.parametrize("kind", kinds.available())
SAID = {  # besides what every figure says
    "sweep": ["threshold γ", "mAP (%)", "(a) in the paper: 95.2", "the method's own value", "0.9"],
    "proportions": ["known labels (%)", "VOC 2007, published", "VOC 2007, here", "System Two"],
    "dots": ["VOC 2007", "System Two", "57.5 ± 3.5", "50.0", "mAP (%)", "a layer alone"],
    "top_labels": ["System One, left", "System Two, right", "✓ dog", "✗ person"],
    "mistakes": ["diningtable, wrongly given", "bottle, missed", "+ given, but not shown"],
    "activation": [*cases.SYSTEMS.values()],
    "regions": ["weighted regions"],
    "retrieval": [*cases.SYSTEMS.values(), "1 of 2"],
    "embedding": [*cases.SYSTEMS.values(), "VOC 2007", *cases.LABELS],
}  # fmt: skip


def book(study="mini"):
    return read_study(ROOT / "workflow/config", {"study": study})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two folders with the same files in them."""
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "a_longer_name")]
    for folder in folders:
        cases.write(folder)
    return folders


def words(svg):
    """The text of an SVG whose letters are shapes: matplotlib leaves it in comments."""
    return re.findall(r"<!-- (.*?) -->", svg)


@pytest.fixture(scope="module")
def drawn(made):
    """Kind -> the files of its figure, each drawn once."""
    found = {}

    def files(kind):
        if kind not in found:
            with pytest.MonkeyPatch.context() as patch:
                found[kind] = draw(patch, made[0], cases.plan(kind))
        return found[kind]

    return files


def draw(monkeypatch, folder, figure):
    monkeypatch.chdir(folder)
    plot.command(["--figure", json.dumps(figure), "--output", "out/figure.svg"])
    return {path.suffix: path.read_bytes() for path in sorted((folder / "out").iterdir())}


def test_a_file_for_every_kind_and_a_kind_for_every_file():
    assert sorted(fields.KINDS) == kinds.available() == sorted(SAID) == sorted(cases.OWN)


@each_kind
def test_twice_in_two_folders_gives_the_same_bytes(kind, drawn, made, monkeypatch):
    first, second = drawn(kind), draw(monkeypatch, made[1], cases.plan(kind))
    assert first.keys() == {".svg", ".png", ".md"}
    assert first == second
    assert len(first[".png"]) < style.PNG_BYTES


@each_kind
def test_a_figure_says_what_it_shows(kind, drawn):
    found = drawn(kind)
    svg, text = found[".svg"].decode(), found[".md"].decode()
    said = words(svg)
    for word in SAID[kind]:
        assert word in said, said
    assert "<title>A caption</title>" in svg
    assert "dc:date" not in svg and "matplotlib" not in svg.lower().split("<defs")[0]
    for line in ("# A caption", "![made_", "a note of the study", "a protocol", "- a note of the"):
        assert line in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) > 2
    assert len({line.count("|") for line in table}) == 1


@each_kind
def test_the_image_alone_says_what_it_is_drawn_from(kind, made, monkeypatch):
    """Where a study draws its datasets, their titles say so."""
    titles = {"datasets": {"voc2007": "drawn, of VOC"}}
    svg = draw(monkeypatch, made[0], cases.plan(kind) | titles)[".svg"].decode()
    assert "drawn, of VOC" in " ".join(words(svg))


def beyond(figure):
    """Labels of ticks outside of the axes' limits, which are not drawn."""
    axes = [axis for each in figure.axes for axis in (each.xaxis, each.yaxis)]
    return [
        tick.label1
        for axis in axes
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    ]


@each_kind
def test_no_words_of_the_image_cover_others(kind, made, monkeypatch):
    monkeypatch.chdir(made[0])
    with style.look():
        figure = kinds.draw(cases.plan(kind)).figure
        style.FigureCanvasAgg(figure).draw()
        shown = [
            text
            for text in figure.findobj(style.matplotlib.text.Text)
            if text.get_text().strip() and text.get_visible() and text not in beyond(figure)
        ]
        boxes = [text.get_window_extent().padded(-1) for text in shown]
        for place, (text, box) in enumerate(zip(shown, boxes, strict=True)):
            over = [other.get_text() for other, there in zip(shown, boxes, strict=True)
                    if other is not text and box.overlaps(there)]  # fmt: skip
            assert not over, (place, text.get_text(), over)


@each_kind
def test_nothing_small_and_nothing_outside(kind, made, monkeypatch):
    """Words of 7 points or more, all of them on the paper, which is no wider than a page."""
    monkeypatch.chdir(made[0])
    with style.look():
        figure = kinds.draw(cases.plan(kind)).figure
        style.FigureCanvasAgg(figure).draw()
        width, height = figure.get_size_inches() * figure.dpi
        assert figure.get_figwidth() <= style.PAGE
        for text in figure.findobj(style.matplotlib.text.Text):
            if text.get_text() and text.get_visible():
                assert text.get_fontsize() >= style.SMALL
                low, high = text.get_window_extent().get_points()
                assert min(low) >= -1 and high[0] <= width + 1 and high[1] <= height + 1, text


def test_photographs_are_small_and_real(drawn):
    found = drawn("top_labels")
    assert found[".svg"].count(b"data:image/jpeg") == 4
    assert b"data:image/png" not in found[".svg"]
    with Image.open(BytesIO(found[".png"])) as image:
        assert image.mode == "RGB" and len(image.getcolors(1 << 24)) > 1000
        assert not {"Software", "Creation Time"} & image.info.keys()


def test_the_users_settings_of_matplotlib_do_not_matter(drawn, made, monkeypatch):
    monkeypatch.setitem(style.matplotlib.rcParams, "lines.linewidth", 9)
    assert draw(monkeypatch, made[0], cases.plan("sweep")) == drawn("sweep")
    assert style.matplotlib.rcParams["lines.linewidth"] == 9


def test_a_curve_without_a_value_is_a_sentence(made, monkeypatch):
    points = [cases.point(0.1, 3), cases.point(0.5, 3)]
    figure = cases.plan("sweep", curves=[cases.CURVE | {"points": points}])
    assert "no label of VOC 2007" in words(draw(monkeypatch, made[0], figure)[".svg"].decode())


def test_dots_are_sorted_by_their_means_and_a_missing_one_is_last(drawn):
    table = [line for line in drawn("dots")[".md"].decode().splitlines() if line.startswith("| ")]
    assert table[2:] == [
        "| System Two | 57.50 | 3.54 |",
        "| A linear layer with a long name (average pooling) | 50.00 |  |",
        "| System Three |  |  |",
    ]


def test_dots_without_any_value_are_an_empty_panel(made, monkeypatch):
    rows = {row: {"voc2007": ["scores3.json"]} for row in cases.OWN["dots"]["rows"]}
    found = draw(monkeypatch, made[0], cases.plan("dots", rows=rows))
    assert "| System Two |  |  |" in found[".md"].decode()
    assert "±" not in "".join(words(found[".svg"].decode()))


def test_dots_are_planned_from_the_scores_of_the_table():
    here = book()
    entry = plans.of_study(here)["ml_sgm_control"]
    plan = plans.plan(here, "ml_sgm_control", entry)
    scores = tables.recipe(here, "ml_sgm_control")["scores"]
    wanted = sorted(path for places in scores.values() for each in places.values() for path in each)
    assert plans.inputs(plan) == wanted and len(wanted) == 78  # of six rows one seed
    assert len(plan["rows"]) == 17 and plan["reference"] == plan["plain"][0]
    assert len(plan["plain"]) == 2  # the linear layer, with average and with maximum pooling


def test_a_dataset_that_is_not_run_is_a_sentence(made, monkeypatch):
    figure = cases.plan("proportions")
    figure["source"] = figure["source"] | {"scores": {}}
    said = words(draw(monkeypatch, made[0], figure)[".svg"].decode())
    assert "This study does not" in said and "VOC 2007, published" in said


def test_no_mistake_is_a_sentence(made, monkeypatch):
    wanted = {"label": "dog", "kind": "false_positive", "count": 99}
    monkeypatch.chdir(made[0])
    report = image_choice.read("targets.npz", {"one": "one.npz"})
    column = report.labels.index("dog")
    report.probability["one"][:, column] = 0.1
    from labelgraph.figures.kinds import mistakes

    assert mistakes.worst(report, "one", wanted) == []
    monkeypatch.setattr(mistakes.image_choice, "read", lambda *_: report)
    figure = cases.plan("mistakes", mistakes=[wanted | {"count": 2}])
    assert mistakes.NONE in words(draw(monkeypatch, made[0], figure)[".svg"].decode())


def test_images_that_do_not_exist_are_a_sentence(made, monkeypatch):
    monkeypatch.chdir(made[0])
    rule = {"rule": "first", "count": 4, "labels": 7}
    with pytest.raises(ValueError, match=r"^made_top_labels: no reported image of voc2007 has 7"):
        kinds.draw(cases.plan("top_labels", images=rule))


@pytest.fixture
def report():
    target = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, -1, 1]])
    first = np.full((4, 3), 0.5)
    second = first + [[0.1, 0.1, 0], [0, 0, 0], [-0.2, -0.2, -0.2], [0.3, -0.5, 0.3]]
    names = np.array(["a", "b", "c", "d"])
    return image_choice.Report(names, ["x", "y", "z"], target, {"one": first, "two": second})


def test_rules_by_hand(report):
    rule = {"rule": "first", "count": 2, "labels": 2}
    assert image_choice.choose({}, report) == [0, 1, 2, 3]
    assert image_choice.choose(rule, report) == [0, 2]
    assert image_choice.choose(rule | {"count": 9, "most": 2}, report) == [0, 3]
    # mean gaps over the labels shown: a 0.1, c -0.2, d 0.3 (its difficult label is none of them)
    gap = rule | {"rule": "largest_gap"}
    assert image_choice.choose(gap, report) == [3, 2]
    assert image_choice.choose(gap | {"count": 3}, report) == [3, 2, 0]
    # as many as there are, also where their number is odd
    assert image_choice.choose(gap | {"count": 4, "labels": 3}, report) == [2]
    assert image_choice.choose(gap | {"count": 4}, report) == [3, 2, 0]
    assert image_choice.choose(gap | {"labels": 4}, report) == []
    assert "2 labels or more" in image_choice.in_words(rule, {})


def test_images_stand_in_the_order_of_their_names(made, monkeypatch):
    monkeypatch.chdir(made[0])
    found = image_choice.read("targets.npz", {"one": "one.npz"})
    assert found.images.tolist() == sorted(cases.IMAGES.tolist())


def test_words_cover_neither_each_other_nor_leave_the_page():
    draw = np.random.default_rng(3)
    points, page = draw.random((25, 2)) * [5.8, 2.8] + 0.1, np.array([6.0, 3.0])
    corners = label_placement.place(points, [0.5] * 25, 0.1, page)
    highs = corners + [0.5, 0.1]
    assert (corners >= -1e-9).all() and (highs <= page + 1e-9).all()
    over = np.minimum(highs[:, None], highs) - np.maximum(corners[:, None], corners)
    assert ((over > 1e-9).all(2).sum() - 25) <= 2  # one pair at most
    assert not ((points[:, None] > corners) & (points[:, None] < highs)).all(2).any()


@pytest.mark.parametrize("count", [20, 80])
def test_labels_that_are_all_alike_are_moved_apart_so_that_their_words_fit(count):
    page = np.array([3.3, 2.8]) if count == 20 else np.array([6.9, 4.8])
    heaps = np.where(np.arange(count)[:, None] % 2, [0.15, 0.15], page - 0.15)  # two corners
    points = embedding.apart(heaps, page)
    assert (points >= embedding.INSIDE - 1e-9).all()
    assert (points <= page - embedding.INSIDE + 1e-9).all()
    corners = label_placement.place(points, [0.4] * count, 0.1, page)
    highs = corners + [0.4, 0.1]
    over = np.minimum(highs[:, None], highs) - np.maximum(corners[:, None], corners)
    assert (over > 0.01).all(2).sum() == count  # each covers itself alone
    far = np.array([[0.3, 0.3], [2.0, 2.0]])
    assert (embedding.apart(far, page) == far).all()


def test_a_width_is_never_below_that_of_the_drawn_words():
    with style.look():
        page = style.new(3.0, 3.0)
        style.FigureCanvasAgg(page)
        for size in (style.SMALL, style.NORMAL):
            for text in ("chair, diningtable, person", "✓ pottedplant", "WWW", "illicit", "ÄÖ"):
                drawn = page.text(0, 0, text, fontsize=size).get_window_extent().width
                assert drawn / style.DPI <= canvas.inches(text, size) + 0.01, text


def test_words_are_cut_to_their_place():
    assert canvas.shortened("dog", 1.0) == "dog"
    short = canvas.shortened("a very long label indeed", 0.5)
    assert short.endswith("…") and canvas.inches(short) <= 0.5
    lines = canvas.wrapped(["person", "diningtable", "pottedplant", "tvmonitor"], 1.1, 2)
    assert len(lines) == 2 and all(canvas.inches(line) <= 1.1 for line in lines)
    assert lines[-1].endswith("+1")


@pytest.mark.parametrize("study", STUDIES)
def test_every_figure_names_runs_that_exist(study):
    """Planning asks for the settings of each run, and knows all of its files."""
    here = book(study)
    chosen = plans.of_study(here)
    drawn_only = set() if study == "mini" else {"ml_sgm_control"}
    assert chosen.keys() == here.figures.keys() - drawn_only
    for name, entry in chosen.items():
        planned = plans.plan(here, name, entry)
        assert json.loads(json.dumps(planned)) == planned
        files = plans.inputs(planned)
        assert files == sorted(set(files)) and files
        assert not [path for path in files if path.startswith("/")]


def test_figures_are_chosen_by_a_list_and_keep_what_the_study_changes():
    config = ROOT / "workflow/config"
    whole, some = (
        book(),
        read_study(config, {"figures": ["ml_gcn_5", "ml_sgm_8"]}),
    )
    found = plans.of_study(some)
    assert list(found) == ["ml_gcn_5", "ml_sgm_8"]
    assert all(found[name] == plans.of_study(whole)[name] for name in found)
    assert plans.of_study(read_study(config, {"figures": []})) == {}
    with pytest.raises(ValueError, match=r"figures.yaml has no 'ml_gcn_9'; it has \['ml_gcn_5'"):
        plans.of_study(read_study(config, {"figures": ["ml_gcn_9"]}))
    with pytest.raises(ValueError, match="study laptop runs none of the datasets of the figure"):
        plans.of_study(read_study(config, {"study": "laptop", "figures": ["ml_sgm_control"]}))


def test_every_figure_of_the_papers_is_there():
    numbers = {"ml_sgm": "5 6 7 8 9 V", "gm_mlic": "3 4 5", "ml_gcn": "5 6 7 tsne", "ia_gcn": "3"}
    wanted = {f"{paper}_{number}" for paper, text in numbers.items() for number in text.split()}
    assert wanted <= book().figures.keys()


def test_a_figure_needs_its_own_kind_and_no_other():
    source = ROOT / "src/labelgraph"
    for kind in kinds.available():
        files = sourcecode.closure(source / "steps/plot.py") | sourcecode.closure(
            source / f"figures/kinds/{kind}.py"
        )
        names = {path.stem for path in files if path.parent.name == "kinds"} - {"__init__"}
        assert names == {kind}
        assert not [path for path in files if path.parent.name in ("models", "parts")]


def test_an_edit_touches_one_figure_only():
    here = book()
    before = {name: plans.plan(here, name, e) for name, e in plans.of_study(here).items()}
    here.figures["ml_gcn_7"]["caption"] += " Changed."
    after = {name: plans.plan(here, name, e) for name, e in plans.of_study(here).items()}
    assert [name for name in before if before[name] != after[name]] == ["ml_gcn_7"]


def test_a_point_lies_where_the_settings_of_its_run_are():
    here = book()
    entry = plans.of_study(here)["ml_sgm_8"]
    curves = {c["symbol"]: c for c in plans.plan(here, "ml_sgm_8", entry)["curves"]}
    assert [point["x"] for point in curves["γ"]["points"]] == [0.1, 0.2, 0.3, 0.5, 0.7]
    assert curves["γ"]["chosen"] == 0.5
    assert [point["label"] for point in curves["k"]["points"]] == ["1", "2", "3", "4"]
    assert [len(point["scores"]) for point in curves["k"]["points"]] == [1, 3, 1, 1]
    own = curves["γ"]["points"][3]["scores"]
    assert all("/ml_sgm/" in path for path in own)


MISTAKES = {
    "kind": ("ml_gcn_7", {"kind": "pie"}, r"kind is 'pie', not one of \['sweep'"),
    "key": ("ml_gcn_7", {"colour": "red"}, r"figures.ml_gcn_7 has unknown keys \['colour'\]"),
    "rule": ("ml_gcn_7", {"queries": {"rule": "best", "count": 1, "labels": 1}}, "'best', not one"),
    "view": ("ml_sgm_7", {"systems": ["ml_gcn", "ml_sgm"]}, r"shows maps of ml_gcn, .*'features'"),
    "count": ("ml_sgm_6", {"systems": ["ml_sgm"]}, "this kind of figure takes 2"),
    "name": ("ml_sgm_6", {"figure": "66"}, "name it ml_sgm_66"),
    "reference": ("ml_sgm_control", {"reference": "laso"}, "reference is 'laso'; expected one of"),
    "rows": ("ml_sgm_control", {"table": "ml_sgm_II"}, "ml_sgm_II, which has rows of a paper"),
    "variant": ("ml_sgm_6", {"systems": ["ml_sgm@x", "baseline"]}, "has no variant 'x'"),
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_a_wrong_line_is_named(what):
    name, change, message = MISTAKES[what]
    here = book()
    here.figures[name].update(change)
    with pytest.raises(ValueError, match=message):
        for figure, entry in plans.of_study(here).items():
            plans.plan(here, figure, entry)


def test_a_curve_needs_numbers():
    changes = {"methods": {"ml_gcn": {"model": {"threshold": None}}}}
    changed = read_study(ROOT / "workflow/config", changes)
    told = r"ml_gcn: model\.threshold is null; a curve needs numbers"
    with pytest.raises(ValueError, match=told):
        plans.plan(changed, "ml_gcn_5", changed.figures["ml_gcn_5"])


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("ml_sgm_6", {"images": 3}, "images is 3; it takes lines of KEY: VALUE"),
        ("ml_sgm_8", {"seeds": 0}, "seeds is 0; expected a whole number, 1 or more"),
        ("ml_sgm_6", {"datasets": ["nope"]}, r"datasets\[0\] is 'nope'; expected one of voc2007"),
        ("ml_sgm_6", {"top": "x", "caption": None}, r"caption is null.*\n.*top is 'x'"),
    ],
)
def test_wrong_values_of_a_figure_are_named_all_at_once(name, lines, message):
    here = read_study(ROOT / "workflow/config", {"figures": {name: lines}})
    with pytest.raises(ValueError, match=f"figures.{name}: {message}"):
        plans.of_study(here)
