"""`labelgraph` without a verb, its help, Tab completion, and a pipe that is closed early."""

import re
import shlex
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from labelgraph.__main__ import main
from labelgraph.commands import _verbs


def test_without_a_verb_it_says_what_to_do_next(monkeypatch, tmp_path, capsys):
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
        assert said.startswith("There is 1 trained run.") == name.startswith("mini")
    assert said.startswith("There are 2 trained runs.")
    assert "predict results/runs/own/full/pets/b/seed0 photo.jpg" in said
    monkeypatch.chdir(tmp_path / "results")
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("There is no workflow/config in this folder.")


def helped(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_verb(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    said = helped(capsys)
    assert "exit codes: 0 success" in said
    for verb, command in _verbs.commands().items():
        assert verb in said and command.HELP[:60] in " ".join(said.split())


@pytest.mark.parametrize("verb", _verbs.commands())
def test_the_help_of_a_verb_explains_its_arguments_and_has_examples(verb, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    said = helped(capsys, verb)
    command = _verbs.commands()[verb]
    about, options = said.split("\n\n", 2)[1:]
    assert about.endswith(".") and about[0].isupper()
    parser = _verbs.parser()
    for example in command.EXAMPLES:
        assert f"\n  {example}\n" in options
        line = re.search("labelgraph ([^)]*)", example)[1]
        assert parser.parse_args(shlex.split(line)).verb == verb
    subparser = next(each.choices for each in parser._actions if each.dest == "verb")[verb]
    assert all(action.help for action in subparser._actions)


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


def test_a_closed_pipe_is_not_an_error():
    command = f"{sys.executable} -m labelgraph completion bash | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.startswith("#") and done.stderr == ""
