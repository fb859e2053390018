"""What a study will cost: counts by hand, images, downloads, and where the speed comes from."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from conftest import ROOT

from labelgraph import __main__ as cli
from labelgraph.costs import (
    bill,
    dataset_sizes,
    networks,
    planning,
    regions,
    speeds,
    steptimes,
    storage,
    timing,
    work,
)
from labelgraph.costs.planning import Job
from labelgraph.costs.speeds import Line, Pace, Speeds
from labelgraph.costs.work import Count
from labelgraph.files.small import sha256, write_json
from labelgraph.jobs import provenance
from labelgraph.study.config import read_study, run_of

CONFIG = ROOT / "workflow/config"
SECOND = Pace(Line(1.0, 0.0), Line(1.0, 0.0), 0.0)  # whatever is computed


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    """In the repository, with nothing measured or trained before, and nothing left behind."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(bill, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(speeds, "MEASURED", tmp_path / "speeds.json")
    monkeypatch.setattr(work, "KNOWN", tmp_path / "multiply_adds.json")
    work.law.cache_clear()
    work.counted.cache_clear()


def book(study, **more):
    return read_study(CONFIG, {"study": study, **more})


def training(name, study="mini", **more):
    task, dataset, system = name.split("/")
    return book(study, **more).settings(run_of(study, task, dataset, system, 0)).training


def test_a_step_is_three_forward_passes_of_what_learns_and_one_of_the_rest():
    head, first, last = Count(10, 1, 0, 0, 0), Count(0, 100, 0, 0, 0), Count(0, 20, 0, 0, 0)
    whole = Count(0, 120, 0, 0, 0)
    assert work.Network(head, whole, last).forward(4) == 10 + 4 * 1 + 4 * 120
    assert work.Network(head, whole, last).step(4) == 3 * 14 + 4 * (100 + 3 * 20)
    assert work.Network(head, whole, whole).step(4) == 3 * (14 + 480)
    assert work.Network(head, first, work.NONE).step(1) == 3 * 11 + 100


def test_memory_of_a_step_has_weights_gradients_states_the_best_and_what_waits():
    network = work.Network(Count(0, 0, 10, 100, 1), Count(0, 0, 50, 0, 7), Count(0, 0, 20, 0, 7))
    learns = 30
    assert network.memory(4, "sgd") == 4 * (10 + 50 + 3 * learns) + 100 + 4 * 8
    assert network.memory(4, "adam") == 4 * (10 + 50 + 4 * learns) + 100 + 4 * 8


def test_the_encoder_is_the_sum_of_its_stages():
    whole, parts, width, grid = work.stages("resnet18", 64)
    assert (width, grid) == (512, 2)
    assert whole.each == sum(part.each for part in parts)
    assert whole.weights == sum(part.weights for part in parts)
    assert whole.each == pytest.approx(1.81e9 * (64 / 224) ** 2, rel=0.01)
    paper = training("partial-10/voc2007/partial_bce", "paper")
    assert paper.encoder.learns == "last_stage"
    network = work.network(paper, 20, 64)
    assert 0 < network.learnt.each < network.encoder.each


@pytest.mark.parametrize("method", ["baseline", "gm_mlic", "ssgrl"])
def test_few_labels_tell_the_cost_of_many(method):
    settings = training(f"full/voc2007/{method}").model
    block = work.without_fractions(json.dumps(settings))
    found = work.counted(method, block, 40, 32, 3)
    once, each, weights, *_ = work.few_labels(method, json.loads(block), 40, 32, 3)
    assert (found.once, found.each, found.weights) == (once, each, weights)


def test_variants_that_differ_in_a_fraction_are_counted_once():
    for name in ("ml_gcn", "ml_gcn@tau_02", "ml_gcn@p_08"):
        work.network(training(f"full/voc2007/{name}"), 20, 224)
    assert len(json.loads(work.KNOWN.read_text())) == 1


@pytest.mark.parametrize(
    ("study", "dataset", "size"),
    [
        ("paper", "voc2007", (5011, 4952, 20)),
        ("paper", "coco2014", (82081, 40137, 80)),
        ("paper", "nuswide", (161789, 107859, 81)),
        ("paper", "vg500", (98249, 10000, 500)),
        ("mini", "coco2014", (400, 300, 24)),
        ("mini", "vg500", (400, 300, 36)),
        ("mini", "scenes", (1400, 400, 20)),
    ],
)
def test_images_are_known_before_a_download(study, dataset, size, monkeypatch, tmp_path):
    chosen = book(study)
    monkeypatch.setattr(dataset_sizes, "PUBLISHED", ROOT / "workflow/published")
    monkeypatch.chdir(tmp_path)
    found = dataset_sizes.of_dataset(chosen, dataset)
    assert (found.train, found.report, found.labels) == size


def test_images_of_each_task():
    paper, size = book("paper"), dataset_sizes.Size(1000, 400, 80, "")

    def images(task, chosen=paper):
        share = dataset_sizes.share(chosen, run_of("paper", task, "coco2014", "ml_sgm", 0), size)
        return share.fit, share.tune, share.report

    assert images("full") == images("partial-30") == images("fewshot-base") == (950, 50, 400)
    assert images("fewshot-1") == (16, 0, 400)
    assert images("fewshot-5") == (80, 0, 400)
    assert images("full", book("paper", selection="report")) == (1000, 400, 400)


def test_passes_without_learning():
    assert planning.passes({"rounds": [10, 15]}, 20) == 2
    assert planning.passes({"rounds": [10, 15]}, 12) == 1
    assert planning.passes({"start": 5, "every": 5}, 20) == 3
    assert planning.passes({"start": 5}, 20) == 0


def job(name, seconds, kind="trainings"):
    return Job(kind, name, "ml_gcn", seconds, 0, 0, 0)


def test_jobs_share_devices_and_a_prediction_follows_its_training():
    jobs = [job("a", 5), job("b", 3), job("c", 2), job("a", 1, "predictions")]
    assert planning.makespan(jobs, 1) == 11
    assert planning.makespan(jobs, 2) == 6
    assert planning.makespan(jobs, 9) == 6


def test_a_training_is_its_epochs_of_steps_and_judgements(monkeypatch):
    chosen = book("mini")
    run = run_of("mini", "full", "voc2007", "ml_gcn", 0)
    settings = chosen.settings(run).training.train
    costs = planning.Costs(chosen, Speeds("x", "y", SECOND, {}, 0.5, 2.0))
    costs.sizes["voc2007"] = dataset_sizes.Size(400, 300, 20, "")
    steps = -(-360 // settings.batch)
    assert costs.training(run).seconds == settings.epochs * (steps + 1)
    assert costs.prediction(run).seconds == -(-300 // 64)
    exact = run_of("mini", "full", "voc2007", "baseline", 0)
    batches = -(-400 // 64)  # the fit and tune images are read once, and one problem is solved
    assert costs.training(exact).seconds == batches + 1


def test_cheaper_choices_leave_fewer_runs():
    paper = book("paper", seeds=[3, 4], tables=["ml_sgm_III", "ml_sgm_V", "ml_sgm_VI"])
    choice = planning.chosen(paper, False, [])
    runs = choice.runs()
    assert {run.seed for run in planning.one_seed(paper, runs) if run.task == "full"} == {3}
    left = planning.few_proportions(paper, runs)
    tasks = {run.task for run in left if run.task.startswith("partial")}
    assert tasks == {"partial-10", "partial-50", "partial-90"}
    assert len(runs) - len(left) == sum(run.task.startswith("partial") for run in left) * 2
    episodes = planning.one_episode(paper, runs)
    assert {run.seed for run in episodes if run.task == "fewshot-5"} == {0}
    small = planning.smaller_images(paper)
    encoder = small.settings(
        run_of("paper", "full", "coco2014", "c_tran@size_576", 0)
    ).training.encoder
    assert (encoder.size, encoder.test_size) == (448, 448)


def test_methods_bring_the_runs_that_they_start_from():
    choice = planning.chosen(book("paper", tables=["ml_sgm_VI"]), False, ["kggr"])
    runs = choice.runs()
    assert {run.method for run in runs} == {"kggr"}
    assert "fewshot-base" in {run.task for run in runs}


def needs(study, names, **more):
    chosen = book(study, **more)
    runs = [run_of(study, "full", dataset, method, 0) for dataset, method in names]
    return {source.name for source in storage.downloads(chosen, runs)}


def test_downloads_are_those_of_the_datasets_words_and_weights():
    assert needs("mini", [("coco2014", "gm_mlic")]) == set()
    voc = {"voc2007_trainval", "voc2007_test", "glove_6b"}
    assert needs("laptop", [("voc2007", "gm_mlic")]) == voc
    assert needs("paper", [("voc2007", "ml_gcn")]) == voc | {"resnet101"}
    assert needs("mini", [("coco2014", "kssnet")]) == set()
    assert needs("mini", [("coco2014", "kssnet@conceptnet")]) == {"conceptnet_assertions"}
    detector = {"fasterrcnn_resnet50_fpn"}
    assert needs("paper", [("voc2007", "gm_mlic")]) == voc | {"resnet101"} | detector
    assert needs("paper", [("vg200", "ml_gcn"), ("nuswide", "ml_gcn")]) >= {
        *("vg_images_1", "nuswide_images"),
        "glove_6b",
    }


def test_a_local_copy_is_no_download():
    local = needs("laptop", [("voc2007", "ml_gcn")], local={"voc2007": "src"})
    assert local == {"glove_6b"}


def test_removed_models_take_the_room_of_those_at_work():
    jobs = [SimpleNamespace(kind="trainings", weights=weights) for weights in (1, 5, 3)]
    kept, removed = (
        storage.of_study(book("paper", models=models), [], jobs, {}, 2).parts["models"]
        for models in ("kept", "removed")
    )
    assert (kept, removed) == (9, 8)


def test_faster_rcnn_reads_more_pixels_than_the_encoder():
    first, both = (regions.faster_rcnn(800, kind) for kind in ("rpn", "instances"))
    assert first > work.stages("resnet101", 448)[0].each
    assert both - first == 1000 * (256 * 49 * 1024 + 1024**2 + 1024 * 5 * 91)


def entry(method, step, gflops=10.0):
    return {"method": method, "images_per_second": 3 * step, "gflops": gflops,
            "step_images_per_second": step, "peak_mb": 1.0}  # fmt: skip


def bench(monkeypatch, precision="bfloat16"):
    """`bench heads` on a GPU that has to be imagined."""
    found = [entry("resnet101", 100.0), entry("ml_gcn", 50.0)]
    monkeypatch.setattr(timing, "measure", lambda *_: found)
    monkeypatch.setattr(provenance, "hardware", lambda: {"gpu": "NVIDIA H900"})
    options = ["--device", "cuda", "--precision", precision, "--methods", "ml_gcn"]
    assert cli.main(["bench", "heads", *options, "--channels-last", "--json"]) == 0


def test_a_gpu_that_was_measured_is_used(monkeypatch, capsys):
    bench(monkeypatch)
    found = speeds.measured_gpu(book("paper"), None)
    assert found.device == "NVIDIA H900, bfloat16"
    assert found.pace("ml_gcn").step.seconds(3 * 10e9) == pytest.approx(1 / 50)
    assert found.pace("c_tran").step.seconds(3 * 10e9) == pytest.approx(1 / 100)
    assert found.pace("ml_gcn").forward.seconds(10e9) == pytest.approx(1 / 150)
    assert "100 images a second" in found.basis
    assert speeds.measured_gpu(book("paper"), "h900") == found
    assert speeds.measured_gpu(book("paper"), "a100") is None


def test_a_gpu_that_was_measured_with_another_number_format_is_not_used(monkeypatch, capsys):
    bench(monkeypatch, "float32")
    assert speeds.measured_gpu(book("paper"), None) is None


def test_published_speeds_scale_the_rest(monkeypatch):
    monkeypatch.setattr(speeds, "of_system", lambda _, system: 60e9 if system == "ssgrl" else 30e9)
    paper = book("paper")
    found = speeds.published(paper, None)
    assert found.usual.forward.seconds(30e9) == pytest.approx(1 / 68.2)
    assert speeds.spread(paper) == pytest.approx(68.2 / 52.4)  # ssgrl is slower, but costs more
    assert found.slow == pytest.approx(68.2 / 52.4)
    assert found.fast == pytest.approx(367 / 1200)
    assert "68.2" in found.basis and "nothing was measured" in found.basis
    full = replace(paper, size=paper.size.model_copy(update={"train": None}))
    assert speeds.published(full, None).fast == 1.0


def test_the_ends_of_a_gpu_of_others_are_its_mixed_and_its_full_precision(monkeypatch):
    monkeypatch.setattr(speeds, "spread", lambda _: 2.0)
    found = speeds.published(book("paper"), "A100")
    products = work.stages("resnet50", 224)[0].each
    seconds = found.usual.step.seconds(3 * products)
    assert seconds * found.fast == pytest.approx(1 / 2470)
    assert seconds * found.slow == pytest.approx(2 / 938)


def test_an_unknown_gpu_is_named(capsys):
    assert cli.main(["plan", "--config", "study=paper", "--gpu", "abacus"]) == 2
    assert "abacus" in capsys.readouterr().err


def test_a_line_goes_through_two_batches(monkeypatch):
    monkeypatch.setattr(steptimes, "quickest", lambda call: call() * (1 + call.args[0]))
    found = steptimes.line(lambda images: 5, lambda images: 2.0 * images)
    assert (found.fixed, found.each) == pytest.approx((1.0, 0.5))


def test_a_line_stays_between_its_points_where_products_hardly_grow_with_images(monkeypatch):
    monkeypatch.setattr(steptimes, "quickest", lambda call: call() * call.args[0])
    found = steptimes.line(lambda images: 1, lambda images: 1000.0 + images)
    assert found.fixed == 0.0
    for images in (8, 32):
        assert 8 < found.seconds(1000.0 + images) < 32


def test_a_method_is_timed_with_the_trainings_own_code():
    found = steptimes.of_method(training("full/voc2007/baseline"), 20)
    assert found.start >= 0
    assert found.step.seconds(1e6) > 0
    assert (
        steptimes.of_lines(
            steptimes.as_lines(Speeds("", "", SECOND, {"baseline": found}, 1.0, 1.0)), "x"
        ).pace("baseline")
        == found
    )


def test_the_bill_adds_up(monkeypatch, capsys):
    pace = Pace(Line(0.01, 1e-9), Line(0.003, 1e-9), 0.1)
    fixed = Speeds("a processor", "nothing real", pace, {}, 0.5, 2.0)
    monkeypatch.setattr(steptimes, "measured", lambda *_: fixed)
    options = ["--config", "study=mini", "tables=[gm_mlic_1]", "--methods", "baseline,ml_gcn"]
    assert cli.main(["plan", *options, "--json", "--gpus", "2", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["trainings"] == 9  # two baselines and a graph, three seeds each
    kinds = [line["hours"][0] for line in found["kinds"].values()]
    assert found["hours"] == pytest.approx([sum(kinds), sum(kinds) / 2, sum(kinds) * 2])
    one, two = found["days"]
    assert (one["devices"], two["devices"]) == (1, 2)
    assert one["days"][0] == pytest.approx(found["hours"][0] / 24)
    assert one["days"][0] / 2 <= two["days"][0] < one["days"][0]
    assert [line["name"] for line in found["tables"]] == ["gm_mlic_1"]
    assert {line["name"] for line in found["methods"]} == {"baseline", "ml_gcn"}
    (saved,) = found["savings"]
    assert saved["what"] == "one seed" and saved["trainings"] == 3
    text = bill.text(found)
    assert text.startswith("mini: 9 trainings, ") and "gm_mlic_1" in text


def test_trainings_made_here_are_compared_with_their_estimates(monkeypatch, tmp_path):
    monkeypatch.setattr(bill, "RUNS", tmp_path)
    jobs = [job("a", 30.0), job("b", 10.0), job("c", 99.0)]
    assert bill.checked(jobs, "cpu_seconds") is None
    for name, seconds in (("a", 15.0), ("b", 5.0)):
        run = tmp_path / name
        run.mkdir()
        (run / "history.csv").write_text(name)
        met = {**provenance.UNKNOWN, "cpu_seconds": seconds, "history": sha256(run / "history.csv")}
        write_json(run / provenance.CIRCUMSTANCES, met)
    (tmp_path / "c").mkdir()  # trained elsewhere and pulled: nothing is known of what it took
    (tmp_path / "c/history.csv").write_text("c")
    found = bill.checked(jobs, "cpu_seconds")
    assert (found["trainings"], found["ratio"], found["methods"]) == (2, 2.0, {"ml_gcn": 2.0})
    assert "the 2 trainings of these" in bill.comparison(found)


def test_nothing_to_train_is_said(capsys):
    options = ["--config", "study=mini", "tables=[gm_mlic_1]", "--methods", "laso"]
    assert cli.main(["plan", *options]) == 2
    assert "trains nothing" in capsys.readouterr().err


def test_what_a_table_needs_is_its_systems():
    assert networks.setup(book("paper"))["size"] == 448
    choice = planning.chosen(book("paper", tables=["gm_mlic_1"]), False, [])
    systems = {run.system for run in choice.tables["gm_mlic_1"]}
    ours = {"baseline", "baseline@max", "ml_gcn@binary", "ssgrl", "gm_mlic"}
    assert systems == ours | {"cnn_rnn", "rnn_attention", "hcp", "tsgcn"}  # and quoted systems
