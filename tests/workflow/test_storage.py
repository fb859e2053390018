"""DVC's storage: pushed files come back, also from an S3 server on this machine."""

import shutil
import socket
import subprocess
import sys
import time

import boto3
import pytest
import toy_study
import yaml
from conftest import ROOT
from toy_study import jobs

from labelgraph.__main__ import main
from labelgraph.commands import track
from labelgraph.jobs.records import studies
from labelgraph.study.config import read_study

DEFAULT = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGE = "results/dvc/laptop/dvc.yaml"
OFFICIAL = "data/raw/official/numbers.txt"


def stage_of(study, config=ROOT / "workflow/config"):
    """The stage that runs a study."""
    found = (
        DEFAULT if study == "mini" else track.stages(read_study(config, {"study": study}), DEFAULT)
    )
    return found["stages"]["study"]


def outs_of(stage):
    return {name: flags for out in stage["outs"] for name, flags in out.items()}


STUDIES = ("mini", "laptop", "paper")
OUTS = {study: outs_of(stage_of(study)) for study in STUDIES}


@pytest.fixture(scope="module")
def server():
    """The address of an S3 server, and a client that has made a bucket there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    moto = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while moto.poll() is None and time.monotonic() < deadline:
        with socket.socket() as line:
            if line.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    keys = {"aws_access_key_id": "anybody", "aws_secret_access_key": "anything"}
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="results")
    yield address, client
    client.close()
    moto.terminate()
    moto.wait()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    commands = toy_study.Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.close()


@pytest.fixture(scope="module")
def laptop(run, server, tmp_path_factory):
    """A checkout that ran the study `laptop` by its own stage, and pushed to S3."""
    made = toy_study.write(tmp_path_factory.mktemp("made"))
    (made / STAGE).parent.mkdir(parents=True)
    (made / STAGE).write_text(yaml.safe_dump(toy_study.stages("laptop")))
    config = made / ".dvc/config"
    config.write_text(
        f"{config.read_text()}    remote = store\n['remote \"store\"']\n"
        f"    url = s3://results/store\n    endpointurl = {server[0]}\n"
    )
    run.git(made, "init", "-q")
    run.dvc(made, "repro", STAGE)
    run.git(made, "add", "-A")
    run.git(made, "commit", "-qm", "made")
    assert "files pushed" in run.dvc(made, "push", STAGE)
    return made


@pytest.fixture
def clone(run, laptop, tmp_path):
    run.git(tmp_path, "clone", "-q", str(laptop), "clone")
    return tmp_path / "clone"


def test_what_s3_stores_is_all_but_official_data_and_circumstances(laptop, server):
    client = server[1]
    keys = [found["Key"] for found in client.list_objects_v2(Bucket="results")["Contents"]]
    stored = {client.get_object(Bucket="results", Key=key)["Body"].read() for key in keys}
    files = [path for part in ("data", "results/runs") for path in (laptop / part).rglob("*")]
    secret = {path for path in files if "official" in path.parts or path.stem == "circumstances"}
    assert len(secret) == 2 + 3  # a folder and its file; three runs
    for path in files:
        if path.is_file():
            assert (path.read_bytes() in stored) == (path not in secret), path


def test_a_clone_that_pulls_makes_the_tables_without_training(run, laptop, clone):
    run.dvc(clone, "pull", STAGE)
    assert not (clone / OFFICIAL).exists()
    table = clone / "results/tables/laptop/main.csv"
    table.unlink()
    options = ("--config", "study=laptop", "--")
    assert jobs(run.snakemake(clone, "-n", *options)) == {"tabulate": 1}
    run.snakemake(clone, *options)
    assert "didn't change, skipping" in run.dvc(clone, "repro", STAGE)
    assert not run.git(clone, "status", "--porcelain")
    run.run("snakemake", clone, "--cores", "2", "--config", "study=laptop", "--", OFFICIAL)
    assert jobs(run.snakemake(clone, "-n", *options)) == {}
    run.dvc(clone, "exp", "run", "-S", "workflow/config/methods.yaml:methods.b=5", STAGE)
    assert [path.parent.name for path in clone.rglob("circumstances.json")] == ["b"]
    assert table.read_bytes() != (laptop / "results/tables/laptop/main.csv").read_bytes()


def test_without_a_name_the_default_study_runs_and_no_other(run, clone):
    said = run.dvc(clone, "repro", "--dry")
    assert "results/tables" in said
    assert "laptop" not in said


def test_track_writes_the_stage_of_a_study_that_exists(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("workflow", "dvc.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    assert main(["track", "laptop"]) == 0
    assert f"`dvc repro {STAGE}` runs the study" in capsys.readouterr().out
    assert yaml.safe_load((tmp_path / STAGE).read_text())["stages"]["study"] == stage_of("laptop")
    for study, told in {
        "mini": "`dvc repro` runs it",
        "own": "no file",
        "x": "there is no",
    }.items():
        assert main(["track", study]) == 2
        assert told in capsys.readouterr().err


@pytest.mark.parametrize("study", STUDIES)
def test_dvc_leaves_every_output_in_place_and_small_text_to_git(study):
    outs = OUTS[study]
    assert all(flags["persist"] for flags in outs.values())
    command = ["git", "check-ignore", *(f"{name}/below" for name in outs)]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.split()
    cached = [name for name, flags in outs.items() if flags.get("cache", True)]
    assert ignored == [f"{name}/below" for name in cached]


@pytest.mark.parametrize("folder", studies.DOWNLOADED)
@pytest.mark.parametrize("study", STUDIES)
def test_official_data_are_not_outputs(study, folder):
    """DVC pushes only outputs."""
    assert not [name for name in OUTS[study] if f"{name}/".startswith(folder)]
    assert not [name for name in OUTS[study] if folder.startswith(f"{name}/")]


def test_no_storage_is_configured_and_no_usage_is_reported():
    text = (ROOT / ".dvc/config").read_text()
    assert "remote" not in text
    assert "analytics = false" in text


def copy_code(folder):
    for name in ("src", "workflow"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)


def made_by(run, folder, arguments):
    """The files that Snakemake would make."""
    lines = run.run("snakemake", folder, "-n", *arguments).splitlines()
    listed = [line.removeprefix("    output: ") for line in lines if "    output: " in line]
    return [path for line in listed for path in line.split(", ")]


def test_official_data_are_got_alone(run, tmp_path):
    copy_code(tmp_path)
    made = made_by(run, tmp_path, ["--config", "study=paper", "--", "data/raw"])
    assert {f"data/raw/official/{name}.json" for name in ("voc2007", "nuswide")} <= {*made}
    assert "data/archives/resnet101-63fe2227.pth" in made
    assert all(path.startswith(studies.DOWNLOADED) for path in made)


SHARED = ("results/costs/", "results/tables/audit.", "results/tables/recipes.")


@pytest.mark.parametrize("study", ["mini", "paper", "mini with one table", "mine without figures"])
def test_a_stage_makes_all_its_outputs_and_nothing_else(run, tmp_path, study):
    """A clone that pulls gets every file, and no output is missing whatever is chosen."""
    copy_code(tmp_path)
    config = tmp_path / "workflow/config"
    study, _, changed = study.partition(" with")
    if study == "mine":
        text = (config / "studies/laptop.yaml").read_text()
        (config / "studies/mine.yaml").write_text(text.partition("\nfigures:")[0])
        (config / "figures.yaml").write_text("{}\n")
        path = config / "detectors.yaml"
        path.write_text(path.read_text().replace("of_study: {", "of_study: {mine: light, "))
    elif changed:
        path = config / "studies/mini.yaml"
        path.write_text(f"{path.read_text()}\ntables: [ml_gcn_VOC]\n")
    stage = stage_of(study, config)
    made = made_by(run, tmp_path, stage["cmd"].partition("--cores all ")[2].split())
    assert len(made) > 100
    kept = {f"{name}/" for name in outs_of(stage)}
    below = {path: [name for name in kept if f"{path}/".startswith(name)] for path in made}
    others = [path for path, names in below.items() if not names]
    assert [path for path in others if not path.startswith((*studies.DOWNLOADED, *SHARED))] == []
    assert bool(others) == (study != "mini")
    assert kept - set().union(*below.values()) == set()
