"""Wrong settings are named, with the valid choices, before anything starts."""

import shutil
from dataclasses import replace

import pytest
import yaml
from conftest import ROOT

from labelgraph.files.yaml_reader import read_yaml
from labelgraph.study.config import over, read_study, run_of
from labelgraph.study.entries import Defaults, Method, SomeTrain, Study
from labelgraph.study.merging import BEGINS
from labelgraph.study.validation import validated
from labelgraph.tables import tables

CONFIG = ROOT / "workflow/config"
RUN = run_of("mini", "full", "voc2007", "ml_gcn@binary", 1)
LAST = {"last_stages": 2, "normalisation": "rests"}  # of `encoder.learns`


@pytest.fixture(scope="module")
def book():
    return read_study(CONFIG, {})


def edited(book, size=None, methods=None, defaults=None):
    """The book with other lines in its files; null takes a block away."""
    entries = {
        name: Method.model_validate(laid(book.methods[name], change))
        for name, change in (methods or {}).items()
    }
    study = laid(book.size, size or {})
    study["methods"] = {
        name: {key: block for key, block in change.items() if block is not None}
        for name, change in study["methods"].items()
    }
    return replace(
        book,
        size=Study.model_validate(study),
        defaults=Defaults.model_validate(laid(book.defaults, defaults or {})),
        methods=book.methods | entries,
    )


def laid(block, change):
    found = over(block.lines(), change)
    return {key: line for key, line in found.items() if line is not None}


def trained(book, task="full", system="ml_gcn@binary", dataset="voc2007"):
    return book.settings(run_of("mini", task, dataset, system, 1)).training


def test_a_variant_has_the_last_word_and_a_study_the_one_before(book):
    found = trained(book)
    assert found.model["graph"] == "binary"
    assert found.train.optimizer == book.size.train.optimizer == "adamw"
    assert found.train.momentum == book.defaults.train.momentum
    assert RUN.folder == "mini/full/voc2007/ml_gcn@binary/seed1"


def test_a_block_partial_counts_in_partial_tasks_and_after_what_it_stands_in(book):
    own = {"partial": {"train": {"lr": 0.5, "epochs": 7, "drop_at": []}}}
    size = {"train": {"lr": 0.6}, "partial": {"train": {"batch": 3}}}
    with_epochs = edited(book, {"partial": None, "methods": {"laso": size}}, {"laso": own})
    full, few, many = (
        trained(with_epochs, task, "laso").train for task in ("full", "partial-10", "partial-90")
    )
    assert few == many
    # the study, which comes later, sets the epochs of all tasks; the method's word on it is lost
    assert few == full.model_copy(update={"batch": 3})
    lines = {key: line for key, line in book.size.train.lines().items() if key != "epochs"}
    bare = replace(
        with_epochs, size=with_epochs.size.model_copy(update={"train": SomeTrain(**lines)})
    )
    assert trained(bare, "partial-10", "laso").train.epochs == 7


def test_judging_is_no_part_of_what_training_depends_on(book):
    before, after = (
        each.settings(RUN) for each in (book, edited(book, defaults={"score": {"threshold": 0.7}}))
    )
    assert after.training == before.training
    assert after.scoring.threshold == 0.7 != before.scoring.threshold


@pytest.mark.parametrize("study", sorted(path.stem for path in (CONFIG / "studies").glob("*.yaml")))
def test_every_run_of_every_study_has_settings(study):
    book = read_study(CONFIG, {"study": study})
    for run in tables.runs(book, tables.of_study(book)):
        assert book.settings(run).training.seed == run.seed


@pytest.mark.parametrize(
    ("block", "key", "wrong", "message"),
    [
        ("train", "epoch", 3, r"train has unknown keys \['epoch'\]; known are .*'epochs'"),
        (
            "train",
            "epochs",
            "many",
            r"train\.epochs is 'many'; expected a whole number from 1 to 100000",
        ),
        ("train", "epochs", 0, r"train\.epochs is 0; expected a whole number from 1"),
        ("train", "momentum", True, r"train\.momentum is True; expected a share from 0 to 1"),
        ("train", "batch", 10**12, r"train\.batch is 10{12}; expected .* to 100000"),
        ("train", "clip", -1, r"train\.clip is -1; expected a number above 0 or null"),
        ("train", "optimizer", "lion", r"train\.optimizer is 'lion'; expected one of sgd, adam"),
        ("partial", "trian", {}, r"partial has unknown keys \['trian'\]; known are .*'train'"),
    ],
)
def test_a_wrong_line_is_named(block, key, wrong, message):
    with pytest.raises(ValueError, match=f"--config: {message}"):
        read_study(CONFIG, {block: {key: wrong}})


@pytest.mark.parametrize(
    ("block", "key", "wrong", "message"),
    [
        ("encoder", "weights", "a <b>.pth", r"Snakemake reads \['<', '>'\] in a path"),
        ("encoder", "weights", "no.pth", r"encoder\.weights is 'no\.pth', which is not a file"),
        (
            "encoder",
            "learns",
            "all",
            r"encoder\.cached needs encoder\.learns: nothing, or a number",
        ),
        (
            "encoder",
            "learns",
            LAST | {"last_stages": 9},
            r"last_stages is 9; efficientnet_lite0 has 8",
        ),
        ("model", "treshold", 0.4, r"model has unknown keys \['treshold'\]; known are .*threshold"),
    ],
)
def test_a_line_that_does_not_fit_the_others_is_named(book, block, key, wrong, message):
    change = {block: {key: wrong}}
    other = edited(book, methods={"ml_gcn": change}) if block == "model" else edited(book, change)
    with pytest.raises(ValueError, match=f"ml_gcn@binary on voc2007: .*{message}"):
        other.settings(RUN)


def test_all_mistakes_are_reported_at_once():
    given = {"train": {"epochs": 0, "lr": -1, "lrr": 1}, "gpu": "x", "methods": {"mlgcn": {}}}
    with pytest.raises(ValueError) as error:
        read_study(CONFIG, given)
    assert sorted(line.split(";")[0] for line in str(error.value).splitlines()) == [
        "--config: gpu is 'x'",
        "--config: methods has unknown keys ['mlgcn']",
        "--config: train has unknown keys ['lrr']",
        "--config: train.epochs is 0",
        "--config: train.lr is -1",
    ]


def test_mistakes_of_all_entries_of_a_file_are_reported_at_once(tmp_path):
    shutil.copytree(CONFIG, tmp_path / "config")
    path = tmp_path / "config/methods.yaml"
    entries = yaml.safe_load(path.read_text())
    del entries["ml_gcn"]["title"]
    entries["ssgrl"]["variants"]["released"]["encoder"] = {"learns": "some"}
    path.write_text(yaml.safe_dump(entries))
    with pytest.raises(ValueError) as error:
        read_study(tmp_path / "config", {})
    assert str(error.value).splitlines() == [
        "methods.yaml: ml_gcn lacks ['title']",
        "methods.yaml: ssgrl.variants.released.encoder.learns is 'some'; expected one of all,"
        " last_stage, nothing, or lines of KEY: VALUE",
    ]


def test_a_run_names_all_its_contradictions(book):
    change = {"train": {"schedule": "step", "drop_at": [10, 50], "epochs": 20}}
    wrong = {"model": {"treshold": 1, "hidden": "x"}, "train": {"epochs": 20}}
    with pytest.raises(ValueError) as error:
        edited(book, change | {"methods": {"ml_gcn": wrong}}).settings(RUN)
    lines = [line.removeprefix("mini: ml_gcn@binary on voc2007: ").split(";")[0]
             for line in str(error.value).splitlines()]  # fmt: skip
    assert lines == [
        "model has unknown keys ['treshold']",
        "model.hidden is 'x'",
        "train.drop_at [50] never comes: train.epochs is 20",
    ]


@pytest.mark.parametrize(("key", "value"), [("weights", None), ("name", "resnet18")])
@pytest.mark.parametrize("place", ["method", "partial"])
def test_no_method_has_an_encoder_of_its_own_where_features_are_cached(book, key, value, place):
    """The features are computed once, with the study's encoder."""
    line = {"encoder": {key: value}}
    change = {"partial": line} if place == "partial" else line
    other = edited(book, {"methods": {"ml_gcn": change}})
    task = "partial-10" if place == "partial" else "full"
    shown = "null" if value is None else repr(value)
    told = rf"ml_gcn on voc2007: encoder\.{key} is {shown}, but cached features are computed once"
    with pytest.raises(ValueError, match=told):
        trained(other, task, "ml_gcn")
    alone = edited(other, {"methods": {"ml_gcn": {"encoder": {"cached": False}}}})
    assert getattr(trained(alone, task, "ml_gcn").encoder, key) == value


def test_the_whole_study_may_have_another_encoder(book):
    other = edited(book, {"encoder": {"weights": None}})
    assert trained(other).encoder.weights is None is other.usual.encoder.weights


def test_the_footnote_names_the_rows_that_differ(book):
    """A method's own `select` and image sides are what its runs did."""
    rows = [("A", "ml_gcn"), ("B", "ssgrl"), ("C", "baseline")]
    runs = [(title, run_of("mini", "full", "voc2007", system, 0)) for title, system in rows]
    plain = "Encoder EfficientNet-Lite0, 224 pixels; the last epoch is kept; seed 0."
    assert book.circumstances(runs, [0]) == plain
    change = {"methods": {"ml_gcn": {"train": {"select": "best"}}}}
    kept = "A: the checkpoint is chosen on the tune images."
    assert edited(book, change).circumstances(runs, [0]) == f"{plain} {kept}"
    again = [(title, replace(run, seed=1)) for title, run in runs]
    found = edited(book, {"encoder": {"weights": None}}).circumstances([*runs, *again], [0, 1])
    assert found.startswith("Encoder EfficientNet-Lite0 without pretrained weights, 224 pixels;")
    assert found.endswith("; seeds 0, 1.")
    change["methods"]["baseline"] = {"encoder": {"test_size": 576}}
    found = edited(book, change).circumstances(runs, [0])
    assert found == f"{plain} {kept} C: 288 pixels."
    assert edited(book, change).circumstances(runs[:1], [0]) == (
        "Encoder EfficientNet-Lite0, 224 pixels; the checkpoint is chosen on the tune images;"
        " seed 0."
    )


def test_a_drop_that_never_comes_is_named(book):
    change = {"train": {"schedule": "step", "drop_at": [10, 50], "epochs": 20}}
    with pytest.raises(ValueError, match=r"drop_at \[50\] never comes: train.epochs is 20"):
        edited(book, change | {"methods": {"ml_gcn": {"train": {"epochs": 20}}}}).settings(RUN)


@pytest.mark.parametrize(
    ("method", "key", "value", "message"),
    [
        ("sst_pl", "start", 9, r"model\.start \[9\] never comes: train\.epochs is 8"),
        ("curriculum", "rounds", [4, 8], r"model\.rounds \[8\] never comes: train\.epochs is 8"),
    ],
)
def test_something_that_begins_too_late_is_named(book, method, key, value, message):
    change = {"model": {key: value}, "train": {"epochs": 8}, "partial": None}
    with pytest.raises(ValueError, match=message):
        trained(edited(book, {"methods": {method: change}, "partial": None}), "partial-10", method)


def test_a_missing_model_setting_is_named(book):
    model = {key: book.methods["ml_gcn"].model[key] for key in ("pooling", "graph", "hidden")}
    bare = book.methods["ml_gcn"].model_copy(update={"model": model | {"layers": 2}})
    other = replace(book, methods=book.methods | {"ml_gcn": bare})
    with pytest.raises(ValueError, match=r"model lacks \['neighbour_weight', 'threshold'\]"):
        other.settings(RUN)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"study": "minni"},
            r"there is no .*minni\.yaml; .* has \['evening', 'laptop', 'mini', 'own', 'paper', ",
        ),
        ({"epochs": 3}, r"--config has unknown keys \['epochs'\]; known are .*'train'"),
        ({"like": "laptop"}, r"--config: like is 'laptop'; it may stand in the file of a study"),
    ],
)
def test_a_wrong_command_line_is_named(given, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_study(CONFIG, given)


def exact(**encoder):
    given = {"encoder": encoder, "methods": {"baseline": {"train": {"optimizer": "exact"}}}}
    book = read_study(CONFIG, {"study": "laptop", **given})
    return book.settings(run_of("laptop", "full", "voc2007", "baseline", 0)).training


def test_an_optimum_is_solved_for_only_where_no_stage_learns():
    assert exact().encoder.rests and exact(learns=LAST | {"last_stages": 0}).encoder.rests
    with pytest.raises(ValueError, match=r"exact needs encoder\.cached: true and learns"):
        exact(learns=LAST)


def test_stages_that_learned_before_few_shots_stay_part_of_the_encoder(book):
    run = run_of("mini", "fewshot-1", "coco2014", "kggr", 0)
    found = edited(book, {"encoder": {"learns": LAST}}).settings(run).training
    assert found.encoder.learns.lines() == LAST
    assert book.settings(run).training.encoder.learns == "nothing"


def of_files(folder, **files):
    """A study from files that are like mini, or like another."""
    shutil.copytree(CONFIG, folder / "config")
    (folder / "published").mkdir()
    shutil.copy(CONFIG.parent / "published/recipes.csv", folder / "published")
    for name, lines in files.items():
        (folder / f"config/studies/{name}.yaml").write_text(yaml.safe_dump(lines))
    return read_study(folder / "config", {"study": next(iter(files))})


def test_a_study_like_another_lists_its_differences(tmp_path, book):
    lines = {"like": "mini", "title": "short", "note": "Short.", "train": {"epochs": 2}}
    lines |= {"methods": {"ml_gcn": {"train": {"lr": 0.5}}}, "seeds": [7]}
    size, other = of_files(tmp_path, short=lines).size, book.size
    assert size.train == other.train.model_copy(update={"epochs": 2})
    before = other.methods["ml_gcn"]
    assert size.methods["ml_gcn"].lines() == before.lines() | {
        "train": before.train.lines() | {"lr": 0.5}
    }
    assert size.methods["ssgrl"] == other.methods["ssgrl"] and size.drawn == other.drawn
    assert (size.seeds, size.title, size.note, size.remarks) == ([7], "short", "Short.", {})
    laptop = read_study(CONFIG, {"study": "laptop"}).size
    assert (
        laptop.remarks
        and not of_files(tmp_path / "2", short=lines | {"like": "laptop"}).size.remarks
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ({"like": "minni"}, r"x\.yaml: like is 'minni'; expected one of .*laptop, mini"),
        ({"like": "x"}, r"x\.yaml: like is 'x'; expected one of evening"),
        ({"like": "evening"}, "like is evening, which is like another study itself"),
        ({"like": "mini"}, r"x\.yaml lacks \['note', 'title'\]"),
        ({"like": "mini", "trian": {}}, r"x\.yaml has unknown keys \['trian'\]"),
    ],
)
def test_a_study_that_can_be_like_no_other_is_named(tmp_path, lines, message):
    with pytest.raises(ValueError, match=message):
        of_files(tmp_path, x=lines)


def test_evening_is_laptop_with_two_stages_that_learn():
    """The same settings of every method, apart from epochs and what makes the encoder learn."""
    evening, laptop = (read_study(CONFIG, {"study": name}) for name in ("evening", "laptop"))
    methods = {run.method for run in tables.runs(evening, [*evening.size.tables])}
    for method in sorted(methods - {"very_deep"}):
        found, like = (
            book.settings(run_of(book.study, "full", "voc2007", method, 0)).training
            for book in (evening, laptop)
        )
        changed = {"study": "evening", "encoder": found.encoder}
        moved = {name: found.model[name] for name in BEGINS & found.model.keys()}
        own = {"encoder_lr": 0.0001, "epochs": 4}
        if method in ("baseline", "partial_bce"):
            rate = {"baseline": 0.015, "partial_bce": 0.005}[method]
            own |= {"optimizer": "adamw", "lr": rate, "weight_decay": 0.3}
        changed |= {"train": like.train.model_copy(update=own), "model": like.model | moved}
        assert found == like.model_copy(update=changed)
        assert found.encoder.learns.lines() == LAST
        assert found.encoder.spread == (like.encoder.spread or 1.0)  # a method's own line wins


def test_a_study_runs_the_tasks_that_it_names():
    book = read_study(CONFIG, {"study": "evening", "tasks": ["full", "partial-50"]})
    runs = tables.runs(book, tables.of_study(book))
    assert {run.task for run in runs} == {"full", "partial-50"}
    scores = tables.recipe(book, "ml_sgm_V")["scores"]
    assert {place for row in scores.values() for place in row} == {"partial-50/voc2007"}
    with pytest.raises(
        ValueError, match=r"runs none of the datasets in its tasks of \['ml_sgm_V'\]"
    ):
        tables.of_study(read_study(CONFIG, {"study": "evening", "tasks": ["full"]}))
    with pytest.raises(
        ValueError, match=r"tasks names \['partial-0'\]; it may name full, partial-1"
    ):
        tables.of_study(read_study(CONFIG, {"study": "evening", "tasks": ["full", "partial-0"]}))


def test_the_command_line_changes_single_lines():
    book = read_study(CONFIG, {"train": {"epochs": 2}, "local": {"voc2007": "/somewhere"}})
    assert book.size.train.epochs == 2
    assert book.size.train.optimizer == "adamw"
    assert book.size.local == {"voc2007": "/somewhere"}


def test_a_line_of_a_method_leaves_its_other_lines(book):
    given = {"methods": {"ml_gcn": {"train": {"lr": "0.1"}}}}
    changed = read_study(CONFIG, given).size.methods["ml_gcn"]
    before = book.size.methods["ml_gcn"].lines()
    assert changed.lines() == before | {"train": before["train"] | {"lr": 0.1}}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tables": ["ml_sgm_X"]}, r"no \['ml_sgm_X'\]; it has .*'ml_sgm_II'"),
        (
            {"study": "laptop", "tables": ["ml_sgm_II", "ml_sgm_III"]},
            r"study laptop runs none of the datasets of \['ml_sgm_III'\]",
        ),
    ],
)
def test_a_table_that_cannot_be_made_is_named(given, message):
    book = read_study(CONFIG, given)
    with pytest.raises(ValueError, match=message):
        tables.of_study(book)


@pytest.mark.parametrize(
    ("file", "entry", "key"), [("methods", "ml_gcn", "title"), ("datasets", "voc2007", "parts")]
)
def test_an_entry_without_a_line_that_it_needs_is_named(file, entry, key, tmp_path):
    shutil.copytree(CONFIG, tmp_path / "config")
    path = tmp_path / f"config/{file}.yaml"
    entries = yaml.safe_load(path.read_text())
    del entries[entry][key]
    path.write_text(yaml.safe_dump(entries))
    with pytest.raises(ValueError, match=rf"{file}\.yaml: {entry} lacks \['{key}'\]"):
        read_study(tmp_path / "config", {}).dataset(entry)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda book: book.method("mlgcn"), "no method 'mlgcn'; methods.yaml has .*'ml_gcn'"),
        (lambda book: book.dataset("voc"), "no dataset 'voc'; datasets.yaml has .*'voc2007'"),
        (
            lambda book: book.settings(run_of("mini", "full", "voc2007", "ml_gcn@x", 0)),
            "ml_gcn has no variant 'x', only .*'binary'",
        ),
        (
            lambda book: book.protocol("voc2007", "fewshot-1"),
            "voc2007 has no block `fewshot`, which few shots",
        ),
    ],
)
def test_a_name_that_is_not_there_is_named(book, call, message):
    with pytest.raises(ValueError, match=message):
        call(book)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: 'a' is given twice"),
        ("a: [1, 2\n", "is not YAML"),
        ("a: !!python/object:os.system {}\n", "is not YAML"),
    ],
)
def test_yaml_that_would_be_misread_is_refused(tmp_path, text, message):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_yaml(path)


def test_a_wrong_key_is_named_with_its_whole_path():
    methods = read_yaml(CONFIG / "methods.yaml")
    methods["ml_gcn"]["datasets"] = {"voc": {}}
    with pytest.raises(ValueError, match=r"ml_gcn\.datasets has unknown keys \['voc'\]"):
        validated(dict[str, Method], "methods.yaml: ", methods, datasets=["voc2007", "coco2014"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"gpu": 2}, "gpu is 2; expected a whole number from 0 to 1"),
        ({"gpu_share": 4}, r"gpu_share is 4, and gpu is 0, so no job uses a GPU; set gpu to 1"),
        ({"gpu": 1, "gpu_share": 2, "processes": 4}, "gpu_share is 2, and processes is 4: what"),
    ],
)
def test_gpus_that_make_no_sense_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        read_study(CONFIG, given)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"encoder": {"spread": 0.5}}, "encoder.spread needs encoder.cached: true"),
        ({"train": {"optimizer": "exact"}}, "train.optimizer: exact needs encoder.cached: true"),
    ],
)
def test_what_needs_cached_features_says_so(change, said):
    paper = read_study(CONFIG, {"study": "paper"})
    with pytest.raises(ValueError, match=said):
        edited(paper, {"methods": {"baseline": change}}).settings(
            run_of("paper", "full", "voc2007", "baseline", 0)
        )


def test_a_study_may_change_a_method_on_one_dataset(book):
    change = {"datasets": {"scenes": {"train": {"lr": 0.7}}}}
    own = edited(book, {"methods": {"ml_gcn": change}})
    assert trained(own, dataset="scenes").train.lr == 0.7
    assert trained(own) == trained(book)


def test_a_study_may_train_a_method_with_fewer_seeds(book):
    own = edited(book, {"methods": {"ml_gcn": {"seeds": 1}, "ssgrl": {"seeds": 2}}})
    assert [own.seeds("voc2007", "full", name) for name in ("ml_gcn", "ssgrl", "baseline")] == [
        [0],
        [0, 1],
        [0, 1, 2],
    ]
    assert own.seeds("coco2014", "full", "ssgrl") == [0]  # the fewer of both
    found = {run.system: set() for run in tables.runs(own, ["ml_gcn_VOC"])}
    for run in tables.runs(own, ["ml_gcn_VOC"]):
        found[run.system].add(run.seed)
    assert (found["ml_gcn@released"], found["baseline"]) == ({0}, {0, 1, 2})
    said = tables.recipe(own, "ml_gcn_VOC")["protocol"]
    fewer = said.partition("seeds 0, 1, 2. ")[2].removesuffix(": seed 0 only.").split("; ")
    of_ml_gcn = {"ML-GCN", "ML-GCN (Binary)", "ML-GCN (released code)"}
    assert of_ml_gcn <= {*fewer} and "SSGRL" not in fewer


def test_a_study_may_train_one_variant_with_fewer_seeds(book):
    own = edited(book, {"methods": {"ml_sgm": {"variant_seeds": {"released": 1}}}})
    seeds = [own.seeds("voc2007", "full", f"ml_sgm@{name}") for name in ("released", "bl_gl")]
    assert seeds == [[0], [0, 1, 2]]
    wrong = edited(book, {"methods": {"ml_sgm": {"variant_seeds": {"relaesed": 1}}}})
    with pytest.raises(ValueError, match="no variant 'relaesed'"):
        wrong.seeds("voc2007", "full", "ml_sgm@bl_gl")


def test_every_episode_starts_from_a_seed_that_the_method_has(book):
    own = edited(book, {"seeds_of": {"coco2014": 3}, "methods": {"kggr": {"seeds": 2}}})
    starts = [own.base(run_of("mini", "fewshot-1", "coco2014", "kggr", k)).seed for k in range(4)]
    assert starts == [0, 1, 0, 1]
    assert own.seeds("coco2014", "fewshot-1", "kggr") == book.seeds("coco2014", "fewshot-1")
