"""README and pages: commands that parse, paths that exist, numbers that are committed."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import conftest
import pytest
import yaml
from conftest import ROOT
from dvc.cli.parser import get_main_parser
from snakemake.cli import get_argument_parser

from labelgraph.__main__ import main
from labelgraph.commands import _verbs
from labelgraph.parts.labelspace import LabelSpace

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "workflow/published/README.md"]
PAGES += sorted([*ROOT.glob("docs/*.md"), ROOT / "benchmarks/README.md", ROOT / "envs/README.md"])
CONFIG = ROOT / "workflow/config"
README = (ROOT / "README.md").read_text()
RULES = "".join(path.read_text() for path in (ROOT / "workflow/rules").rglob("*.smk"))
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def lines_of(page):
    """The words of each command, in blocks of code and in sentences, without `uv run`."""
    text = page.read_text()
    lines = re.findall(rf"^    ((?:[A-Z_]+=\S+ )*(?:{PROGRAMS}) .*)$", text, re.M)
    lines += re.findall(r"`((?:uv run )?(?:snakemake|dvc|pytest) [^`]*)`", text)
    for line in lines:
        for part in line.split(" && "):
            words = shlex.split(part, comments=True)
            while re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words[:2] == ["uv", "run"]:
                words = words[2:]
            while words[0] in ("--extra", "--with"):
                assert words[0] == "--with" or words[1] in EXTRAS, part
                words = words[2:]
            yield words


PROGRAMS = "uv run|labelgraph|snakemake|dvc|pytest|python|pip|git"
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
COMMANDS = [(page, words) for page in PAGES for words in lines_of(page)]


def called(program):
    found = [words[1:] for _, words in COMMANDS if words[:1] == [program]]
    assert found, f"no page calls {program}"
    return found


def parsed(parser, words):
    try:
        return parser.parse_args(words)
    except SystemExit:
        pytest.fail(f"{parser.prog} {shlex.join(words)}: not a command that there is")


def test_verbs_and_options_of_labelgraph_exist():
    parser = _verbs.parser("")
    for words in called("labelgraph"):
        parsed(parser, words)


def test_verbs_and_options_within_sentences_exist():
    verbs = next(each.choices for each in _verbs.parser("")._actions if each.dest == "verb")
    for page in PAGES:
        for text in re.findall(r"`(?:uv run )?labelgraph ([a-z][^`]*)`", page.read_text()):
            verb, *rest = text.split()
            options = {word for word in rest if word.startswith("--")}
            assert verb in verbs, f"{page.name}: labelgraph {text}"
            assert options <= {*verbs[verb]._option_string_actions}, f"{page.name}: {text}"


def test_targets_of_snakemake_exist():
    parser = get_argument_parser()
    for words in called("snakemake"):
        given = parsed(parser, words)
        assert given.targets, words
        for target in given.targets:
            assert exists(target), f"snakemake {shlex.join(words)}: no rule makes {target}"
        for profile in given.profile or []:
            assert (ROOT / profile / "config.yaml").exists(), words


def exists(target):
    """Whether a rule makes it; by its name, since nothing is planned here."""
    if re.fullmatch(r"(results|data)/[a-z]+", target):
        return f'"{target}"' in RULES
    run = re.fullmatch(r"results/runs/(\w+)/full/(\w+)/(\w+)/seed\d/([\w.]+)", target)
    if not run:
        return False
    study, dataset, method, file = run.groups()
    known = (CONFIG / f"studies/{study}.yaml").exists() and dataset in entries("datasets")
    return known and method in {*entries("methods"), "my_gcn"} and f"{{RUN}}/{file}" in RULES


def entries(name):
    return yaml.safe_load((CONFIG / f"{name}.yaml").read_text())


@pytest.mark.parametrize("words", called("snakemake"), ids=shlex.join)
def test_settings_that_snakemake_is_given_are_read(words, tmp_path, monkeypatch, capsys):
    """As `labelgraph list tables` reads them; pictures of one's own are in an empty folder here."""
    given = parsed(get_argument_parser(), words)
    options = ["--config", *given.config] if given.config else []
    if given.configfile or "own_table" in " ".join(options):
        entry = {"folder": str(tmp_path), "reader": "folders"}
        file = tmp_path / "mine.yaml"
        file.write_text(yaml.safe_dump({"study": "own", "datasets": {"pictures": entry}}))
        options += ["--configfile", str(file)]
    monkeypatch.chdir(ROOT)
    assert main(["list", "tables", *options]) == 0, capsys.readouterr().err


def test_other_programs_are_called_as_they_can_be():
    dvc = get_main_parser()
    for words in called("dvc"):
        parsed(dvc, words)
    for words in called("pytest"):
        files = [word for word in words if word.startswith("tests")]
        assert all((ROOT / file).exists() for file in files), words
    for page in PAGES:
        for file in re.findall(r"\bpython ([\w/]+\.py)", page.read_text()):
            assert (ROOT / file).is_file(), f"{page.name}: python {file}"


def links(page):
    return [page.parent / path for path in re.findall(r"\]\(([^)#:]+)\)", page.read_text())]


@each_page
def test_links_lead_somewhere(page):
    for path in map(Path.resolve, links(page)):
        name = path.relative_to(ROOT).as_posix()
        assert path.exists(), f"{page.name}: {name}"


@each_page
def test_paths_in_code_exist(page):
    """Paths of what the repository holds; those of new files and of files that are made aside."""
    if page.name == "CHANGELOG.md":  # it names what was
        return
    for name in re.findall(
        r"`((?:src|workflow|tests|benchmarks|envs|docs)/[\w./-]*)`", page.read_text()
    ):
        assert (ROOT / name).exists() or re.search("my_gcn|my_data", name), f"{page.name}: {name}"


def test_the_picture_of_the_readme_is_a_figure_of_the_study():
    shown = [path for path in links(ROOT / "README.md") if path.suffix == ".png"]
    assert [path.parent.name for path in shown] == ["mini"]
    assert shown[0].stem in entries("figures")


@each_page
def test_studies_that_are_named_exist(page):
    for study in re.findall(r"study=(\w+)", page.read_text()):
        assert (CONFIG / f"studies/{study}.yaml").exists()


def test_readme_is_short_and_lists_every_page():
    assert len(README.splitlines()) <= 120
    for page in ROOT.glob("docs/*.md"):
        assert f"(docs/{page.name})" in README
    assert "uv run snakemake --cores 8 results/tables" in README
    assert "uv run pytest" in README


def committed(name):
    command = ["git", "show", f"HEAD:{name}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, f"{name} is not committed; `snakemake results/tables` makes it"
    return done.stdout


def test_what_the_readme_says_of_methods_are_lines_of_the_page_of_claims():
    """Copied from its section "In short"; which method is ahead is said nowhere else."""
    marks = re.search(r"<!-- (results/tables/\S+)\.md -->\n(.*?)<!-- end -->", README, re.S)
    assert not re.search(
        r"\b(is|are) (ahead|behind|level)\b(?! of whom)", README.replace(marks[0], "")
    )
    said = [" ".join(line.split()) for line in re.split(r"^- ", marks[2], flags=re.M)[1:]]
    short = committed(f"{marks[1]}.md").split("## In short")[1].split("\n## ")[0]
    lines = [line.removeprefix("- ") for line in short.splitlines() if line.startswith("- ")]
    assert len(said) == 5
    assert [line for line in said if line not in lines] == [], "\n".join(lines)


def rows_of(page, heading):
    """The first cells of the table below a heading."""
    text = (ROOT / "docs" / page).read_text().split(f"## {heading}")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", text, re.M)


def test_a_batch_and_a_label_space_are_what_the_page_says():
    assert sorted(rows_of("adding_a_method.md", "A batch")) == sorted(conftest.batch())
    assert rows_of("adding_a_method.md", "The labels") == [*LabelSpace.__dataclass_fields__]


def test_citation_and_changelog_are_what_others_can_read():
    about = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert about["cff-version"] == "1.2.0" and about["message"] and about["title"] == "labelgraph"
    assert about["authors"] == [{"name": "The labelgraph maintainers"}]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (about["version"], about["license"]) == (project["version"], project["license"])
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## \[Unreleased\]$", changes, re.M)
    kinds = re.findall(r"^### (.*)$", changes, re.M)
    assert kinds and {*kinds} <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
