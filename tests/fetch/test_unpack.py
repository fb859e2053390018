"""One raw folder from several archives, or from a copy that the user already has."""

import hashlib
import io
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import yaml
from conftest import ROOT
from unpack_cases import (
    FIRST,
    LISTING,
    SECOND,
    pack_good,
    pack_zip,
    packed,
    refused,
    run,
    write_table,
)

from labelgraph.fetch import assembly, sources
from labelgraph.fetch.progress import Progress
from labelgraph.steps import unpack

KILLED = """
import os, pathlib, pkgutil, sys
sys.path[:0] = ["tests", "tests/fetch"]
import unpack_cases
place, name, count = sys.argv[1:]
owner = pkgutil.resolve_name(name.rpartition(".")[0])
inner, calls = getattr(owner, name.rpartition(".")[2]), []
def outer(*arguments, **more):
    calls.append(0)
    if len(calls) == int(count):
        os.kill(os.getpid(), 9)
    return inner(*arguments, **more)
setattr(owner, name.rpartition(".")[2], outer)
unpack_cases.run(pathlib.Path(place))
"""


@pytest.fixture
def place(tmp_path):
    write_table(tmp_path)
    (tmp_path / "in").mkdir()
    return tmp_path


def test_two_archives_make_one_folder(place):
    pack_good(place)
    index = run(place)
    assert index["listing"] == LISTING and list(index["listing"]) == sorted(LISTING)
    assert (index["dataset"], index["files"], index["bytes"]) == ("voc", 4, 36004)
    assert len(index["sha256"]) == 64
    made = place / "raw" / "voc" / "devkit/2007/Images/1.jpg"
    assert made.read_bytes() == b"one" * 5000
    assert made.stat().st_mode & 0o7111 == 0  # neither setuid nor executable, as packed


def test_unpacking_again_replaces_the_folder(place):
    pack_good(place)
    run(place)
    (place / "raw" / "voc" / "stale").touch()
    for name in (".voc.7.draft", ".voc.old.7.draft"):  # an earlier attempt was killed
        (place / "raw" / name).mkdir()
    run(place)
    assert sorted(path.name for path in (place / "raw").iterdir()) == [
        ".voc.lock",
        "voc",
        "voc.json",
    ]
    assert not (place / "raw" / "voc" / "stale").exists()


@pytest.mark.parametrize(
    ("function", "count"),
    [
        ("labelgraph.fetch.archives.write", 3),  # some members are there
        ("pathlib.Path.rename", 1),  # the old folder is still in its place
        ("pathlib.Path.rename", 2),  # neither it nor the new one is
        ("labelgraph.steps.unpack.write_json", 1),  # only the index is missing
    ],
)
def test_after_a_kill_at_any_moment_the_next_run_is_complete(place, function, count):
    pack_good(place)
    expected = run(place)
    (place / "raw" / "voc" / "stale").touch()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(place), function, str(count)], cwd=ROOT
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (place / "raw" / "voc.json").exists()
    assert run(place) == expected
    names = sorted(path.name for path in (place / "raw").iterdir())
    assert names == [".voc.lock", "voc", "voc.json"]
    assert not (place / "raw" / "voc" / "stale").exists()


def test_failure_keeps_the_folder_but_no_index(place):
    pack_good(place)
    run(place)
    packed(place)[1].write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(ValueError, match="damaged"):
        run(place)
    assert (place / "raw" / "voc").is_dir() and not (place / "raw" / "voc.json").exists()


def test_the_leading_folder_and_unwanted_files_are_left_out(place):
    table = yaml.safe_load((place / "table.yaml").read_text())
    content = {"into": "devkit", "drop": "top", "only": ["2007/*/*.txt", "2007/Images/*"]}
    table["groups"]["voc"]["sources"]["two"]["unpack"] = content
    (place / "table.yaml").write_text(yaml.safe_dump(table))
    pack_good(place)
    moved = {name.replace("devkit/", "top/"): data for name, data in SECOND.items()}
    pack_zip(packed(place)[1], moved | {"top/other/x.txt": b""})
    assert run(place)["listing"] == LISTING
    assert not (place / "raw/voc/devkit/other").exists()


def test_archives_that_do_not_make_the_dataset(place):
    pack_good(place)
    pack_zip(packed(place)[1], {"elsewhere/b.txt": b""})
    refused(place, r"the files of voc do not contain devkit/2007/Lists/b.txt")
    packed(place)[1].rename(place / "in" / "third.zip")
    with pytest.raises(ValueError, match=r"voc is made from .*; found \['third.zip'\]"):
        unpack.main(
            table=place / "table.yaml",
            name="voc",
            output=place / "raw" / "voc.json",
            archives=[place / "in" / "third.zip"],
            local=None,
        )


def unpacked(place):
    for name, content in (FIRST | SECOND).items():
        path = place / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place / "mine"


@pytest.mark.parametrize("start", ["", "devkit", "devkit/2007"])
def test_local_folder_is_linked(place, start):
    pack_good(place)
    expected = run(place)  # the link then takes the folder's place
    mine = unpacked(place)
    (mine / "devkit/2007/Images/.hidden").touch()
    for _ in range(2):
        assert run(place, local=mine / start) == expected
        assert (place / "raw/voc/devkit/2007/Lists/a.txt").resolve().is_relative_to(mine)
    assert sorted(path.name for path in (mine / "devkit/2007").iterdir()) == ["Images", "Lists"]
    run(place)
    assert (mine / "devkit/2007/Images/1.jpg").exists()  # unlinked, not deleted


@pytest.mark.parametrize("file", ["", "first.tar"])
def test_local_archives_are_unpacked(place, file):
    pack_good(place)
    assert run(place, local=place / "in" / file)["listing"] == LISTING


def test_local_archives_are_verified(place):
    pack_good(place)
    packed(place)[0].write_bytes(b"<html>log in</html>")
    with pytest.raises(ValueError, match=r"first.tar is not one: a web page.*; replace it"):
        run(place, local=place / "in")


def test_a_local_path_without_the_files_is_refused(place):
    with pytest.raises(FileNotFoundError, match=r"local.voc is .*, which does not exist"):
        run(place, local=place / "nowhere")
    (place / "in" / "photo.jpg").touch()
    wanted = r"neither the files first.tar, second.zip nor the unpacked devkit/2007/Lists/a.txt"
    for path in (place / "in", place / "in" / "photo.jpg"):
        with pytest.raises(FileNotFoundError, match=f"{wanted}.*found there: photo.jpg"):
            run(place, local=path)
    pack_good(place)
    packed(place)[1].unlink()
    with pytest.raises(FileNotFoundError, match=r"neither the files second.zip nor"):
        run(place, local=packed(place)[0])


def test_links_that_go_in_circles(place):
    mine = unpacked(place)
    (mine / "devkit/2007/Images/again").symlink_to(mine / "devkit")
    with pytest.raises(ValueError, match="a link to a folder above it"):
        run(place, local=mine)


@pytest.fixture
def group(place):
    return sources.read(place / "table.yaml").group("voc")


def test_an_empty_folder_of_the_layout_is_missing(place, group):
    mine = unpacked(place)
    assert assembly.missing(group, mine, "") == []
    assert assembly.missing(group, mine / "devkit", "devkit") == []
    for start in ("devkit", "elsewhere"):
        assert assembly.missing(group, mine, start) == ["devkit/2007/Lists/a.txt",
            "devkit/2007/Lists/b.txt", "devkit/2007/Images"]  # fmt: skip
    for path in (mine / "devkit/2007/Images").iterdir():
        path.unlink()
    assert assembly.missing(group, mine, "") == ["devkit/2007/Images"]
    with pytest.raises(FileNotFoundError, match="nor the unpacked devkit/2007/Images; found there"):
        run(place, local=mine)


def test_a_copy_is_not_linked_into_itself(place, group):
    mine = unpacked(place)
    for inside in ("", "devkit", "devkit/2007"):
        copy = assembly.Copy((), (mine / inside).resolve(), "")
        with pytest.raises(ValueError, match="which the link replaces; move it"):
            assembly.link(copy, mine)
    assembly.link(assembly.Copy((), mine.resolve(), ""), place / "raw/voc")
    assert (place / "raw/voc").is_symlink() and (place / "raw/voc").resolve() == mine.resolve()
    assert sorted(path.name for path in (place / "raw").iterdir()) == ["voc"]


def test_a_folder_replaces_an_older_one(place):
    old, draft = place / "raw/voc", place / "raw/.voc.draft"
    for folder, text in ((old, "old"), (draft, "new")):
        folder.mkdir(parents=True)
        (folder / "a").write_text(text)
    assembly.swap(draft, old)
    assert (old / "a").read_text() == "new"
    assert [path.name for path in (place / "raw").iterdir()] == ["voc"]


def test_removing_a_link_keeps_its_target(place):
    mine = unpacked(place)
    (place / "link").symlink_to(mine)
    (place / "broken").symlink_to(place / "nowhere")
    for name in ("link", "broken", "nothing"):
        assembly.remove(place / name)
        assert not (place / name).is_symlink()
    assert (mine / "devkit").is_dir()
    assembly.remove(mine / "devkit/2007/Lists/a.txt")
    assert not (mine / "devkit/2007/Lists/a.txt").exists()
    assembly.remove(mine)
    assert not mine.exists()


def test_files_that_do_not_make_the_group_are_named(place, group):
    log = Progress("voc", io.StringIO())
    with pytest.raises(ValueError, match=r"made from \['first.tar', 'second.zip'\]; found \[\]"):
        assembly.assemble(group, [], place / "raw/voc", log)
    plain = replace(
        group, sources={name: replace(each, unpack=None) for name, each in group.sources.items()}
    )
    with pytest.raises(ValueError, match="voc is made from no archives; found"):
        assembly.assemble(plain, [], place / "raw/voc", log)


def test_a_file_that_is_not_an_archive_is_copied(place, group):
    source = replace(
        group.sources["one"], file="words.txt", unpack=sources.Unpacking("a/b", "", ())
    )
    (place / "words.txt").write_text("words")
    (place / "draft").mkdir()
    assembly.add(source, place / "words.txt", place / "draft", Progress("voc", io.StringIO()))
    assert (place / "draft/a/b/words.txt").read_text() == "words"


def test_the_index_lists_names_and_sizes(place, group):
    mine = unpacked(place)
    found = assembly.index(group, mine)
    lines = "".join(f"{name}\t{count}\n" for name, count in LISTING.items())
    assert found["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    assert (found["files"], found["bytes"]) == (4, sum(LISTING.values()))
