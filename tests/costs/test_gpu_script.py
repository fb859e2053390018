"""benchmarks/gpu.py without a GPU: the same parts on a small scale, with a real kill."""

import csv
import os

import pytest
import torch
from conftest import ROOT
from safetensors.torch import save_file

SHOWN = ("step_images_per_second", "images_per_second", "step_ratio", "forward_ratio", "peak_mb")


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import gpu

    return gpu


def bench(trial, precision, methods):
    """Costs that need no measuring."""
    names = ["resnet18", *(methods or "baseline").split(",")]
    return [{"method": name, **dict.fromkeys(SHOWN, 2.0)} for name in names]


def forked(gpu, monkeypatch):
    """Trainings in forks of this process, which has torch loaded."""

    def run(command, **_):
        if child := os.fork():
            return gpu.subprocess.CompletedProcess(
                command, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            )
        try:
            gpu.watched_training.command(command[2:])
            os._exit(0)
        finally:
            os._exit(1)

    monkeypatch.setattr(gpu.subprocess, "run", run)
    monkeypatch.setattr(gpu.Trial, "bench", bench)


def given(gpu, folder):
    small = "--device cpu --encoder resnet18 --side 32 --batch 2 --steps 4 --workers 0"
    return gpu.parse([*small.split(), "--methods", "baseline", "--folder", str(folder)])


def rows(folder):
    with (folder / "cpu.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_part_runs_without_a_gpu_and_once(gpu, monkeypatch, tmp_path, capsys):
    forked(gpu, monkeypatch)
    options = given(gpu, tmp_path)
    assert gpu.main(options) == 0
    found = {
        (row["part"], row["precision"], row["measure"]): row["value"] for row in rows(tmp_path)
    }
    for precision in gpu.PRECISIONS:
        assert float(found["train", precision, "images_per_second"]) > 0
        assert float(found["train", precision, "peak_process_mb"]) > 0
    gap = float(found["agree", "", "largest_gap"])
    assert gap > 0 and found["agree", "", "agree"] == gpu.yes(gap <= gpu.TOLERANCE)
    assert found["resume", "bfloat16", "same_weights"] == "yes"
    (again,) = tmp_path.glob("*/resumed/bfloat16/baseline")
    assert [*gpu.losses(again / "before-steps.csv")] == [1, 2, 3]  # killed in the third step
    assert [*gpu.losses(again / "steps.csv")] == [3, 4]  # after the checkpoint of the second
    assert found["resume", "bfloat16", "first_step_that_differs_after_resuming"] == "none"
    capsys.readouterr()
    monkeypatch.setattr(gpu.Trial, "start", None)  # nothing is trained again
    assert gpu.main(options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(gpu.parts(options)) and all("done before" in line for line in lines)


def test_a_part_that_fails_is_tried_again(gpu, monkeypatch, tmp_path, capsys):
    options = given(gpu, tmp_path)

    def broken(*_):
        raise RuntimeError("exit code 1")

    for name in ("train", "agree", "resume", "heads"):
        monkeypatch.setattr(gpu.Trial, name, lambda self, part: {"number": 1.0})
    monkeypatch.setattr(gpu.Trial, "encoder", broken)
    assert gpu.main(options) == 1
    assert "encoder bfloat16: failed, exit code 1" in capsys.readouterr().out
    assert "encoder" not in {row["part"] for row in rows(tmp_path)}
    monkeypatch.setattr(gpu.Trial, "encoder", lambda self, part: {"number": 2.0})
    assert gpu.main(options) == 0
    assert capsys.readouterr().out.count("done before") == len(gpu.parts(options)) - 2
    assert [row["value"] for row in rows(tmp_path) if row["part"] == "encoder"] == ["2", "2"]


def test_losses_are_compared_by_their_means(gpu):
    full = {1: 1.0, 2: 3.0, 3: 2.0, 4: 2.0}
    half = {1: 3.0, 2: 1.0, 3: 2.0, 4: 2.4}
    assert gpu.largest_gap(half, full, 2) == pytest.approx(0.1)  # 2.2 instead of 2
    assert gpu.largest_gap(half, full, 1) == pytest.approx(2.0)
    assert gpu.first_that_differs(full, half) == 1
    assert gpu.first_that_differs({2: 3.0}, full) == "none"


def test_what_differs_between_two_models_is_counted(gpu, tmp_path):
    one, other = tmp_path / "one.safetensors", tmp_path / "other.safetensors"
    save_file({"a": torch.tensor([3.0, 0.0]), "b": torch.tensor([4.0])}, one)
    save_file({"a": torch.tensor([3.0, 0.0]), "b": torch.tensor([4.5])}, other)
    found = gpu.compared(one, other)
    assert (found["tensors"], found["tensors_that_differ"]) == (2, 1)
    assert (found["relative_difference"], found["same_weights"]) == (0.1, "no")
    assert gpu.compared(one, one)["same_weights"] == "yes"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(gpu, tmp_path, capsys):
    assert gpu.main(gpu.parse(["--folder", str(tmp_path)])) == 2
    assert "no GPU" in capsys.readouterr().err
