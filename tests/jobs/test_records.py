"""Records travel with the results and are held against them: nothing stale passes, nothing good is
made again."""

import json
import os
import random
import shutil

import pytest
import toy_study
from toy_study import jobs

from labelgraph.__main__ import main
from labelgraph.jobs.records import (
    after_run,
    before_run,
    checking,
    metadata,
    studies,
    travelling,
)

SCORES = "results/runs/mini/b/scores.json"
TABLE = "results/tables/mini/main.csv"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    commands = toy_study.Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.close()


@pytest.fixture(scope="module")
def origin(run, tmp_path_factory):
    """A repository whose study has been made by `dvc repro`, and its files pushed to a folder."""
    folder = toy_study.write(tmp_path_factory.mktemp("origin"))
    run.git(folder, "init", "-q")
    run.dvc(folder, "repro")
    run.dvc(folder, "remote", "add", "-d", "store", str(tmp_path_factory.mktemp("store")))
    run.dvc(folder, "push")
    run.git(folder, "add", "-A")
    run.git(folder, "commit", "-qm", "made")
    return folder


@pytest.fixture
def clone(run, origin, tmp_path):
    """A fresh clone with nothing but what git has."""
    run.git(tmp_path, "clone", "-q", str(origin), "clone")
    return tmp_path / "clone"


@pytest.fixture(scope="module")
def pulled_once(run, origin, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pulled")
    run.git(folder, "clone", "-q", str(origin), ".")
    run.dvc(folder, "pull")
    return folder


@pytest.fixture
def pulled(pulled_once, tmp_path):
    """A clone after `dvc pull`, in which Snakemake has not been."""
    return shutil.copytree(pulled_once, tmp_path / "pulled", symlinks=True)


def test_repro_asked_again_has_nothing_to_do(run, origin):
    assert "didn't change, skipping" in run.dvc(origin, "repro")
    assert "Nothing to be done" in run.snakemake(origin)


@pytest.mark.parametrize("link", ["copy", "hardlink", "symlink"])
def test_a_clone_that_pulls_has_nothing_to_do_whatever_the_times(run, clone, link):
    (clone / ".dvc/config.local").write_text(f"[cache]\n    type = {link}\n")
    run.dvc(clone, "pull")
    draw = random.Random(link)
    files = [path for part in ("src", "data", "results") for path in (clone / part).rglob("*")]
    for path in files:
        time = 1_700_000_000 + draw.randrange(10**6)
        os.utime(path, (time, time), follow_symlinks=False)
    said = run.snakemake(clone, "--max-checksum-file-size", "1MB")
    assert "Nothing to be done" in said
    assert "12 files match results/records.jsonl" in said
    assert not run.git(clone, "status", "--porcelain")
    assert "made again" not in run.snakemake(clone)


def test_without_its_records_the_same_clone_would_rest_on_times(run, pulled):
    """What the records are for: a changed setting is seen in a clone that ran nothing itself."""
    settings = pulled / "workflow/config/methods.yaml"
    settings.write_text(settings.read_text().replace("b: 2", "b: 5"))
    expected = {"train": 1, "score": 1, "tabulate": 1}
    assert jobs(run.snakemake(pulled, "-n")) == expected
    shutil.rmtree(pulled / ".snakemake")
    (pulled / "results/records.jsonl").unlink()
    assert jobs(run.snakemake(pulled, "-n")) != expected


@pytest.mark.parametrize("when", ["before the first run", "later"])
def test_an_altered_file_is_named_and_made_again_with_what_depends_on_it(run, pulled, when):
    if when == "later":
        run.snakemake(pulled)
    before = (pulled / TABLE).read_bytes()
    alter(pulled / SCORES, "9")
    said = run.snakemake(pulled, "-n")
    assert f"{SCORES} has changed since its job wrote it; it is made again" in said
    assert jobs(said) == {"score": 1, "tabulate": 1}
    run.snakemake(pulled)
    assert (pulled / TABLE).read_bytes() == before
    assert not run.git(pulled, "status", "--porcelain")
    assert "Data and pipelines are up to date" in run.dvc(pulled, "status")


def alter(path, text):
    """Other content; the time stays."""
    state = path.stat()
    path.write_text(text)
    os.utime(path, ns=(state.st_mtime_ns, state.st_mtime_ns))


def test_a_file_put_right_again_is_not_made_again(run, pulled):
    before = (pulled / SCORES).read_text()
    run.snakemake(pulled)
    alter(pulled / SCORES, "9")
    assert jobs(run.snakemake(pulled, "-n"))
    alter(pulled / SCORES, before)
    assert "Nothing to be done" in run.snakemake(pulled)


def test_a_table_edited_by_hand_is_made_again(run, pulled):
    before = (pulled / TABLE).read_text()
    (pulled / TABLE).write_text("1\n2\n99\n")
    assert jobs(run.snakemake(pulled, "-n")) == {"tabulate": 1}
    run.snakemake(pulled)
    assert (pulled / TABLE).read_text() == before


def test_code_that_changed_before_the_pull_is_seen_although_results_are_newer(run, clone):
    (clone / "src/score.sh").write_text("awk '{sum += 2 * $1} END {print sum}' $1\n")
    run.dvc(clone, "pull")
    said = run.snakemake(clone, "-n")
    assert f"{SCORES} was made from another version of src/score.sh; it is made again" in said
    assert jobs(said) == {"score": 3, "tabulate": 1}


def test_another_branch_with_its_files_has_nothing_to_do(run, pulled):
    """Git and DVC bring other results; their records come with them."""
    run.snakemake(pulled)
    run.git(pulled, "checkout", "-qb", "other")
    settings = pulled / "workflow/config/methods.yaml"
    settings.write_text(settings.read_text().replace("b: 2", "b: 5"))
    assert jobs(run.snakemake(pulled, "-n")) == {"train": 1, "score": 1, "tabulate": 1}
    run.dvc(pulled, "repro")
    run.git(pulled, "commit", "-qam", "other")
    for branch in ("@{-1}", "other"):
        run.git(pulled, "checkout", "-q", branch)
        run.dvc(pulled, "checkout")
        assert "Nothing to be done" in run.snakemake(pulled), branch
        assert not run.git(pulled, "status", "--porcelain")


def test_made_again_from_nothing_the_records_are_the_same(run, origin, clone):
    """Other times and another folder; all that is hashed is the same, and git sees no change."""
    said = run.dvc(clone, "repro")
    assert "10 of 10 steps" in said
    assert not run.git(clone, "status", "--porcelain")  # dvc.lock is as committed, too
    about = "results/runs/mini/a/circumstances.json"
    assert (clone / about).read_text() != (origin / about).read_text()


def test_of_settings_that_are_gone_no_record_stays(run, pulled):
    settings = pulled / "workflow/config/methods.yaml"
    settings.write_text(settings.read_text().replace("  b: 2\n", ""))
    shutil.rmtree(pulled / "results/runs/mini/b")
    run.snakemake(pulled)
    text = (pulled / "results/records.jsonl").read_text()
    assert "mini/a" in text
    assert "mini/b" not in text


def test_a_part_that_is_pulled_is_enough(run, clone):
    """Without data there is nothing to do either; the records of what is not here stay."""
    records = (clone / "results/records.jsonl").read_text()
    run.dvc(clone, "pull", "results/runs/mini")
    assert "Nothing to be done" in run.snakemake(clone)
    settings = clone / "workflow/config/methods.yaml"
    settings.write_text(settings.read_text().replace("  b: 2\n  c: 3\n", ""))
    run.snakemake(clone)
    settings.write_text(settings.read_text() + "  b: 2\n  c: 3\n")
    run.snakemake(clone)
    assert (clone / "results/records.jsonl").read_text() == records


PRIVATE = """
rule mine:
    output: "results/tables/own/mine.csv"
    shell: "echo 1 > {output}"

rule there:
    output: "results/tables/mini/there.csv"
    params: folder="--local /home/somebody"
    shell: "echo {params.folder} > {output}"
"""


def test_own_data_and_places_on_this_machine_are_not_written_down(run, pulled):
    """Neither does git get to see what somebody trains on, nor where it lies."""
    snakefile = pulled / "Snakefile"
    more = 'input:\n        "results/tables/own/mine.csv", "results/tables/mini/there.csv",\n'
    text = snakefile.read_text().replace("input:\n", more, 1)
    snakefile.write_text(text + PRIVATE)
    run.snakemake(pulled)
    assert (pulled / "results/tables/own/mine.csv").exists()
    assert "somebody" in (pulled / "results/tables/mini/there.csv").read_text()
    assert not run.git(pulled, "status", "--porcelain", "results/records.jsonl")
    assert "Nothing to be done" in run.snakemake(pulled)


@pytest.mark.parametrize(
    ("path", "study"),
    [
        ("results/runs/own/full/mini/baseline/seed0/scores.json", "own"),
        ("results/runs/mini/full/voc2007/baseline/seed0/scores.json", "mini"),
        ("results/inspections/laptop/ml_gcn_5/full/voc2007/ml_gcn/seed0.npz", "laptop"),
        ("results/tables/own/own_pets.csv", "own"),
        ("results/comparisons/own/own_pets.csv", "own"),
        ("results/metrics/own.csv", "own"),
        ("results/metrics/own/baseline.json", "own"),
        ("data/raw/own/pets.json", "own"),
        ("data/splits/own/full/pets/train.npz", "own"),
        ("results/tables/audit.csv", None),
        ("data/raw/official/glove.json", None),
    ],
)
def test_whose_file_it_is_stands_in_its_path(path, study):
    assert studies.study_of(path) == study
    assert studies.concerns(path, "own") == (study == "own" or "official" in path)
    assert studies.concerns(path, "mini") == (study in ("mini", None))


@pytest.fixture
def two_studies(tmp_path, monkeypatch):
    """Snakemake's memory of a table of mini and of one of somebody's own, which names a place."""
    monkeypatch.chdir(tmp_path)
    for output in ("results/tables/mini/a.csv", "results/tables/own/own_pets.csv"):
        path = tmp_path / output
        path.parent.mkdir(parents=True)
        path.write_text("1\n")
        record = dict.fromkeys(travelling.RULE) | {"params": ["'/home/me/pets'"] * 1}
        if "mini" in output:
            record["params"] = []
        more = {"input": [], "log": [], "input_checksums": {}, "incomplete": False}
        metadata.write(output, record | more | {"record_format_version": metadata.FORMAT})
    return tmp_path


def test_a_run_on_own_data_writes_its_records_elsewhere(two_studies):
    before_run.sync("own")
    after_run.export("own")
    assert not travelling.FILE.exists()
    (job,) = travelling.read(travelling.OWN_FILE)
    assert [*job.made] == ["results/tables/own/own_pets.csv"]
    before = travelling.OWN_FILE.read_bytes()
    before_run.sync("mini")
    after_run.export("mini")
    assert [[*job.made] for job in travelling.read()] == [["results/tables/mini/a.csv"]]
    assert travelling.OWN_FILE.read_bytes() == before


def test_a_run_speaks_of_its_own_study_alone_and_forgets_no_other(two_studies):
    before_run.sync("mini")
    for name in ("mini/a.csv", "own/own_pets.csv"):
        (two_studies / "results/tables" / name).write_text("2\n")
    for study, name in (("own", "own/own_pets.csv"), ("mini", "mini/a.csv")) * 2:
        told = f"results/tables/{name} has changed since its job wrote it; it is made again"
        assert before_run.sync(study) == [told]


def test_own_records_are_taken_over_where_the_memory_is_lost(two_studies):
    before_run.sync("own")
    after_run.export("own")
    shutil.rmtree(".snakemake")
    assert before_run.sync("own") == [f"1 file matches {travelling.OWN_FILE}"]
    assert [*metadata.read()] == ["results/tables/own/own_pets.csv"]


def test_a_damaged_file_of_records_is_named(run, pulled):
    (pulled / "results/records.jsonl").write_text("<<<<<<< HEAD\n")
    said = run.snakemake(pulled, code=1)
    assert "results/records.jsonl does not hold one JSON value a line; remove it" in said
    assert "Traceback" not in said


def test_whether_tables_belong_to_the_code_is_told_without_data(clone, monkeypatch, capsys):
    monkeypatch.chdir(clone)
    assert main(["verify", "results/tables"]) == 0
    assert "made by this code with these settings" in capsys.readouterr().out
    (clone / TABLE).write_text("99\n")
    settings = clone / "workflow/config/methods.yaml"
    settings.write_text(settings.read_text().replace("b: 2", "b: 5"))
    assert main(["verify", "results/tables", "--json"]) == 1
    finding = json.loads(capsys.readouterr().out)
    changed = "changed in 1 jobs: settings"
    assert finding["said"] == [
        f"{TABLE} has changed since its job wrote it; it is made again",
        changed,
    ]
    assert finding["again"] == {"train": 1, "score": 1, "tabulate": 1, "results/tables": 1}
    (clone / "results/records.jsonl").unlink()
    assert main(["verify", "results/tables"]) == 2
    assert "`snakemake results/tables` writes it" in capsys.readouterr().err


def test_code_that_has_changed_is_named():
    reasons = [
        "Updated input files: src/labelgraph/b.py, data/x.npz; Code has changed since then",
        "Updated input files: src/labelgraph/b.py, src/labelgraph/a.py",
        "Input files updated by another job: results/x.csv",
    ]
    text = "".join(f"    reason: {reason}\n    threads: 1\n" for reason in reasons)
    assert checking.causes(text) == [
        "src/labelgraph/a.py has changed",
        "src/labelgraph/b.py has changed",
        "changed in 1 jobs: the command",
    ]


def test_the_records_have_no_place_and_no_time(origin):
    text = (origin / "results/records.jsonl").read_text()
    assert str(origin) not in text
    for line in map(json.loads, text.splitlines()):
        assert not {"starttime", "endtime"} & line.keys()
