"""DVC's storage: pushed files come back, also from an S3 server on this machine."""

import json
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

STUDY = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["study"]
OUTS = {name: flags for out in STUDY["outs"] for name, flags in out.items()}


@pytest.fixture(scope="module")
def server():
    """The address of an S3 server with a bucket."""
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
    yield address
    client.close()
    moto.terminate()
    moto.wait()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    commands = toy_study.Commands(tmp_path_factory.mktemp("commands"))
    yield commands
    commands.close()


def test_files_pushed_to_s3_come_back_and_are_up_to_date(run, server, tmp_path):
    made = toy_study.write(tmp_path / "made")
    run.git(made, "init", "-q")
    run.snakemake(made)
    run.dvc(made, "commit", "-f")
    config = made / ".dvc/config"
    config.write_text(
        f"{config.read_text()}    remote = store\n['remote \"store\"']\n"
        f"    url = s3://results/store\n    endpointurl = {server}\n"
    )
    run.git(made, "add", "-A")
    run.git(made, "commit", "-qm", "made")
    assert "files pushed" in run.dvc(made, "push")
    run.git(tmp_path, "clone", "-q", str(made), "clone")
    run.dvc(tmp_path / "clone", "pull")
    for part in ("data", "results/runs"):
        files = [path for path in (made / part).rglob("*") if path.is_file()]
        assert files
        for path in files:
            assert (tmp_path / "clone" / path.relative_to(made)).read_bytes() == path.read_bytes()
    assert "Nothing to be done" in run.snakemake(tmp_path / "clone")


def test_dvc_leaves_every_output_in_place_and_small_text_to_git():
    assert all(flags["persist"] for flags in OUTS.values())
    command = ["git", "check-ignore", *(f"{name}/below" for name in OUTS)]
    ignored = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.split()
    cached = [name for name, flags in OUTS.items() if flags.get("cache", True)]
    assert ignored == [f"{name}/below" for name in cached]


@pytest.mark.parametrize("folder", ["data/archives", "data/raw/official"])
def test_official_data_are_not_outputs(folder):
    """DVC pushes only outputs."""
    below = [name for name in OUTS if f"{name}/".startswith(f"{folder}/")]
    above = [name for name in OUTS if f"{folder}/".startswith(f"{name}/")]
    assert not below + above


def test_no_storage_is_configured_and_no_usage_is_reported():
    text = (ROOT / ".dvc/config").read_text()
    assert "remote" not in text
    assert "analytics = false" in text


@pytest.mark.parametrize("tables", [None, ["ml_gcn_VOC"]])
def test_dvc_stages_make_all_outputs_of_dvc_and_nothing_else(run, tmp_path, tables):
    """A clone that pulls gets every file, and no output is missing if only some tables are made."""
    for name in ("src", "workflow"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", tmp_path)
    if tables:
        path = tmp_path / "workflow/config/studies/mini.yaml"
        path.write_text(f"{path.read_text()}\ntables: {json.dumps(tables)}\n")
    targets = STUDY["cmd"].partition(" -- ")[2].split()
    text = run.run("snakemake", tmp_path, "-n", *targets)
    made = [
        path
        for line in text.splitlines()
        if line.startswith("    output: ")
        for path in line.removeprefix("    output: ").split(", ")
    ]
    assert len(made) > 100
    kept = {f"{name}/" for name in OUTS}
    below = {path: [name for name in kept if f"{path}/".startswith(name)] for path in made}
    assert [path for path, names in below.items() if not names] == []
    assert kept - set().union(*below.values()) == set()
