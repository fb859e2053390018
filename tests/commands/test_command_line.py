"""`labelgraph` alone, the Tab key, and the reader of a pipe who has seen enough."""

import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from labelgraph.__main__ import main
from labelgraph.commands import _verbs


def test_alone_it_says_what_to_do_next(monkeypatch, tmp_path, capsys):
    (tmp_path / "workflow/config").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Nothing is trained yet.")
    assert "snakemake --cores 8 results/tables" in said and "check-data FOLDER" in said
    for verb in _verbs.commands():
        assert f"\n    {verb} " in said
    for name in ("mini/full/voc2007/a/seed0", "own/full/pets/b/seed0"):
        (tmp_path / "results/runs" / name).mkdir(parents=True)
        (tmp_path / "results/runs" / name / "model.safetensors").touch()
    assert main([]) == 0
    said = capsys.readouterr().out
    assert said.startswith("2 runs are there.")
    assert "predict results/runs/own/full/pets/b/seed0 photo.jpg" in said
    monkeypatch.chdir(tmp_path / "results")
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("There is no workflow/config here.")


def test_every_verb_has_help_and_a_sentence(capsys):
    for verb, command in _verbs.commands().items():
        with pytest.raises(SystemExit) as stop:
            main([verb, "--help"])
        assert stop.value.code == 0
        assert command.HELP[:20].split()[0] in capsys.readouterr().out


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        (["pred"], ["predict"]),
        (["check-data", "--wr"], ["--write"]),
        (["list", "meth"], ["methods"]),
        (["completion", "z"], ["zsh"]),
        (["predict", "workf"], ["workflow"]),
    ],
)
def test_the_tab_key(typed, wanted, tmp_path, capsys):
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "script"
    words = " ".join(f"'{word}'" for word in ["labelgraph", *typed])
    script.write_text(
        capsys.readouterr().out
        + f"\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}\n"
        + '$(complete -p labelgraph | sed "s/.*-F \\([^ ]*\\).*/\\1/") labelgraph'
        + f" '{typed[-1]}' '{typed[-2] if typed[1:] else 'labelgraph'}'\n"
        + 'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == wanted, done.stderr


def test_a_pipe_that_closes_is_no_mistake():
    command = f"{sys.executable} -m labelgraph completion bash | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.startswith("#") and done.stderr == ""
