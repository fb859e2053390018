"""Half-written files of killed jobs go at the next start; nobody else's do."""

import os
import signal
import subprocess
import sys

import pytest

from labelgraph.files import small
from labelgraph.jobs import leftovers

ENDED = subprocess.Popen([sys.executable, "-c", ""])
ENDED.wait()
KEPT = (
    "data/archives/.part/a.zip.part",
    "work/train/key/000000001-abcd.safetensors",
    "results/tables/mini/.main.csv.draft",  # a name without a process
    "results/tables/mini/notes.12345678.draft",  # not hidden
    f"results/tables/mini/.main.csv.{os.getpid()}.draft",  # its process is at work
    f"data/mine/.photo.{ENDED.pid}.draft",  # where no job writes
    f".main.csv.{ENDED.pid}.draft",
)
GONE = (
    f"results/tables/mini/.main.csv.{ENDED.pid}.draft",
    f"results/runs/mini/a/.two words\n.json.{ENDED.pid}.draft",
    f"work/train/key/.000000002-abcd.safetensors.{ENDED.pid}.draft",
    f"data/archives/.part/.a.zip.json.{ENDED.pid}.draft",
    f"data/raw/drawn/.voc2007.{ENDED.pid}.draft/JPEGImages/1.jpg",
    f"data/raw/official/.voc2007.old.{ENDED.pid}.draft/1.jpg",
)


@pytest.fixture
def folder(tmp_path):
    for name in (*KEPT, *GONE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("half")
    return tmp_path


def listed(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_drafts_of_processes_that_have_ended_are_removed_and_nothing_else(folder):
    assert len(leftovers.clear(folder)) == len(GONE)
    assert listed(folder) == {*KEPT}
    assert not leftovers.clear(folder)


def test_a_link_to_a_folder_of_the_users_is_not_followed(tmp_path):
    draft, mine = f".notes.{ENDED.pid}.draft", tmp_path / "mine"
    for place in (tmp_path / "data/raw/official/voc", tmp_path / "results/linked"):
        place.parent.mkdir(parents=True)
        mine.mkdir(exist_ok=True)
        place.symlink_to(mine)
    (mine / draft).touch()
    assert not leftovers.clear(tmp_path)
    (tmp_path / "data/raw/official" / draft).symlink_to(mine)
    assert leftovers.clear(tmp_path)
    assert listed(mine) == {draft}


def test_what_a_killed_process_was_writing_is_removed(tmp_path):
    (tmp_path / "results").mkdir()
    program = (
        "import os, pathlib, signal\n"
        "from labelgraph.files.small import whole\n"
        "with whole(pathlib.Path('results/a.csv')) as draft:\n"
        "    draft.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path)
    assert ended.returncode == -signal.SIGKILL
    assert [path.parent for path in leftovers.clear(tmp_path)] == [tmp_path / "results"]
    assert not listed(tmp_path)


def test_the_name_of_a_draft_is_one_that_is_removed(tmp_path):
    assert small.DRAFT.fullmatch(small.draft_of(tmp_path / "a b.csv").name)[1] == str(os.getpid())
