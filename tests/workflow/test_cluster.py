"""What the workflow requests from a cluster, without one: sbatch is a script that logs its call."""

import importlib.util
import itertools
import os
import re
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT
from test_workflow import copy_of, jobs

from labelgraph.jobs import launch
from labelgraph.study.config import read_study

PROFILE = yaml.safe_load((ROOT / "workflow/profiles/slurm/config.yaml").read_text())
RULES = "".join(path.read_text() for path in sorted((ROOT / "workflow/rules").rglob("*.smk")))
BESIDE = re.search(r"localrules:\n((?: +\w+,\n)+)", (ROOT / "Snakefile").read_text())[1]
plugin = pytest.mark.skipif(
    not importlib.util.find_spec("snakemake_executor_plugin_slurm"),
    reason="needs the SLURM plugin (uv sync --extra cluster)",
)


def test_every_rule_that_goes_to_the_cluster_has_memory_and_run_time():
    rules = set(re.findall(r"^rule (\w+):", RULES, re.M))
    beside = set(re.findall(r"\w+", BESIDE))
    assert beside - rules == {"tabulate_costs"}  # made with `use rule`
    asked = PROFILE["set-resources"]
    assert asked.keys() == rules - beside
    assert all(entry.keys() >= {"mem_mb", "runtime"} for entry in asked.values())
    assert PROFILE["groups"].keys() <= rules


def test_no_two_jobs_of_a_cluster_share_a_server(monkeypatch, tmp_path):
    """SLURM ends a job's processes with the job, and shows them only the job's GPU."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    found = {launch.address()}
    for job, step in (("1", "0"), ("1", "1"), ("2", "0")):
        monkeypatch.setenv("SLURM_JOB_ID", job)
        monkeypatch.setenv("SLURM_STEP_ID", step)
        found.add(launch.address())
    assert len(found) == 4


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return copy_of(tmp_path_factory.mktemp("cluster"))


def snakemake(folder, *arguments, path=""):
    command = [sys.executable, "-m", "snakemake", "--profile", "workflow/profiles/slurm"]
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=os.environ | {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.returncode, done.stdout + done.stderr


@plugin
def test_the_paper_study_is_planned_with_the_profile(checkout):
    """Only one table; test_workflow.py plans the whole study."""
    table = "results/tables/paper/ml_gcn_VOC.csv"
    code, text = snakemake(checkout, "-n", "--config", "study=paper", "--", table)
    assert code == 0, text
    assert jobs(text)["train"] == 6


RUN = "results/runs/paper/full/voc2007/ml_gcn/seed0"
INPUTS = (  # inputs of that training and of its predictions
    "data/splits/paper/full/voc2007/train.npz",
    "data/splits/paper/full/voc2007/report.npz",
    "data/inputs/paper/voc2007/full/label_counts.npz",
    "data/inputs/paper/voc2007/label_vectors.npz",
    "data/raw/official/voc2007.json",
    "data/archives/resnet101-63fe2227.pth",
)
PROGRAMS = {  # commands of a cluster that accepts no job
    "sbatch": "printf '%s\\n' \"$@\" > sbatch.txt; exit 1",
    "sinfo": "echo 'main*'",
    **dict.fromkeys(("sacct", "scontrol", "squeue"), "exit 1"),
}


@plugin
def test_a_training_requests_a_gpu_and_processors_to_read_images(checkout, tmp_path):
    for name, line in PROGRAMS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    for name in INPUTS:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    rules = ("--allowed-rules", "train", "predict", "--retries", "0")
    quick = ("--slurm-init-seconds-before-status-checks", "1")
    asking = ("--config", "study=paper", "--", f"{RUN}/predictions.npz")
    code, text = snakemake(checkout, *rules, *quick, *asking, path=tmp_path)
    assert code == 1
    assert (checkout / "sbatch.txt").exists(), text
    asked = (checkout / "sbatch.txt").read_text().split("\n--wrap")[0].split("\n")
    pairs = dict(itertools.pairwise(asked))
    book = read_study(ROOT / "workflow/config", {"study": "paper"})
    workers = book.size.train["workers"]
    assert "--gpus=1" in asked
    assert f"--cpus-per-task={1 + workers}" in asked
    assert int(pairs["--mem"]) == 4000 + 2500 * (1 + workers)
    assert int(pairs["-t"]) == 1320 + 60  # a training and its predictions share a job
    assert pairs["-p"] == "main"
