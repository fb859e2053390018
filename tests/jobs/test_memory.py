"""What is remembered of files and jobs, step by step and without Snakemake: contents, records,
marks, and what comes of a checkout."""

import json
import os
import re
from pathlib import Path

import pytest

from labelgraph.jobs.records import (
    after_run,
    before_run,
    checking,
    hashes,
    memory,
    metadata,
    travelling,
)
from labelgraph.jobs.records.hashes import Hashes
from labelgraph.jobs.records.memory import Memory, recall
from labelgraph.jobs.records.travelling import Job

RULE = dict.fromkeys(travelling.RULE) | {"rule": "make"}
EARLY, LATE = 1_600_000_000 * 10**9, 1_700_000_000 * 10**9  # nanoseconds


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(".snakemake").mkdir()
    return tmp_path


def file(name, text="", time=LATE):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(time, time))
    return name


def job(made, inputs=(), sources=None, **changed):
    """`made` and `sources` by the files' content now."""
    now = Hashes({})
    return Job(
        made={name: now.content(name) for name in made},
        inputs=list(inputs),
        sources={name: now.content(name) for name in sources or ()},
        params=["'1'"],
        rule=RULE | changed,
    )


def came(*jobs):
    """As a checkout brings it."""
    travelling.write([*jobs])


# ---- contents


def test_a_file_that_is_as_it_was_is_not_read_again(monkeypatch):
    file("a", "one")
    first = Hashes({})
    assert first.content("a") == hashes.sha256(Path("a"))
    monkeypatch.setattr(hashes, "sha256", lambda path: "read")
    assert Hashes(first.known).content("a") == first.content("a")
    file("a", "two", LATE + 1)  # as large, but newer
    assert first.content("a") != "read"  # looked at once
    assert Hashes(first.known).content("a") == "read"
    Path("a").unlink()
    assert not Hashes(first.known).exists("a") and "a" not in first.known


def test_a_very_large_file_is_known_by_its_size(monkeypatch):
    monkeypatch.setattr(hashes, "LARGE", 10)
    assert Hashes({}).content(file("a", "x" * 11)) == "size:11"
    assert Hashes({}).content(file("b", "x" * 10)) == hashes.sha256(Path("b"))


def test_times_of_a_link_and_of_what_it_leads_to():
    Path("link").symlink_to(file("a", "x", EARLY))
    os.utime("link", ns=(LATE, LATE), follow_symlinks=False)
    now = Hashes({})
    assert now.exists("link") and now.exists("a")
    assert (now.size("link"), now.read_time("link"), now.write_time("link")) == (1, LATE, LATE)
    os.utime("a", ns=(LATE + 5, LATE + 5))
    later = Hashes({})
    assert later.exists("link")
    assert (later.read_time("link"), later.write_time("link")) == (LATE + 5, LATE)


def test_a_file_made_older_is_still_known(monkeypatch):
    Path("link").symlink_to(file("a", "x"))
    now = Hashes({})
    now.age("link", EARLY)
    assert (now.read_time("link"), now.write_time("link")) == (EARLY, EARLY)
    monkeypatch.setattr(hashes, "sha256", None)  # would fail
    assert Hashes(now.known).exists("link")


# ---- Snakemake's own files


@pytest.mark.parametrize("name", ["a", "results/é.csv", "x/" * 150 + "y", "z" * 200])
def test_records_are_found_by_the_name_of_their_output(name):
    record = {"record_format_version": metadata.FORMAT, "rule": "r"}
    written = metadata.write(name, record)
    if len(name) < 250:
        assert metadata.read() == {}  # the output is not there
        file(name)
        assert metadata.read() == {name: (written, record)}
    assert dict(metadata.listed(metadata.RECORDS)).keys() == {name}


def test_records_that_are_broken_or_of_another_version_are_not_read():
    other = {"record_format_version": metadata.FORMAT - 1}
    for name, text in {"a": "{", "b": "[]", "c": json.dumps(other), "d": "[" * 100_000}.items():
        file(name)
        file(metadata.place(metadata.RECORDS, name), text)
    file(metadata.RECORDS / "migration_underway")
    assert metadata.read() == {}
    assert Path(".snakemake/incomplete") == metadata.MARKS


def test_records_come_in_the_order_of_their_outputs():
    """A folder lists its files in any order."""
    names = [f"out{number}" for number in range(30)]
    for name in names[::-1]:
        metadata.write(file(name), {"record_format_version": metadata.FORMAT})
    assert [*metadata.read()] == sorted(names)


def test_marks_are_ours_or_snakemakes():
    assert metadata.marks() == {}
    metadata.mark("a")
    file(metadata.place(metadata.MARKS, "b"), json.dumps({"external_jobid": None}))
    assert metadata.marks() == {"a": True, "b": False}
    for name in "ac":
        metadata.unmark(name)
    assert metadata.marks() == {"b": False}


# ---- one folder's memory


def test_a_memory_comes_back_and_a_broken_one_is_forgotten():
    file("a", "x")
    kept = Memory(Hashes({}), {"a": [1, "c"]}, "f", {}, {})
    assert kept.hashes.exists("a")
    kept.save()
    again = recall()
    assert (again.left, again.file) == ({"a": [1, "c"]}, "f")
    assert again.hashes.known == kept.hashes.known
    for text in ("{", "[]", "{}", '{"hashes": 1, "left": {}, "file": null}', "[" * 100_000):
        file(memory.STATE, text)
        found = recall()
        assert (found.hashes.known, found.left, found.file) == ({}, {}, None)


def test_an_output_is_altered_if_it_changes_after_its_record():
    file("a", "one")
    record = {"record_format_version": metadata.FORMAT}
    metadata.write("a", record)
    first = recall()
    assert first.altered() == set()  # new: taken at its word
    first.save()
    file("a", "two", LATE + 1)
    second = recall()
    assert second.altered() == {"a"} == second.altered()
    metadata.mark("a")
    assert recall().altered() == {"a"}  # marked by us: it is there all the same
    file(metadata.place(metadata.MARKS, "a"), "{}")
    assert recall().altered() == set()  # Snakemake was killed while it made it: not finished
    metadata.unmark("a")
    os.utime(metadata.place(metadata.RECORDS, "a"), ns=(EARLY, EARLY))  # its job ran again
    assert recall().altered() == set()


# ---- before a run


def test_what_came_with_a_checkout_is_taken_over_once():
    file("in", "0", EARLY)
    came(job([file("a", "1"), file("b", "2")], sources=["in"]))
    assert before_run.sync("mini") == ["2 files match results/records.jsonl"]
    assert before_run.sync("mini") == []
    found = metadata.read()
    assert found.keys() == {"a", "b"} and metadata.marks() == {}
    record = found["a"][1]
    assert record["starttime"] == record["endtime"] == LATE / 1e9
    assert record["input"] == ["in"] and record["params"] == ["'1'"] and record["rule"] == "make"
    assert record["input_checksums"] == {"in": f"sha256:{Hashes({}).content('in')}"}
    assert record["job_hash"] == found["b"][1]["job_hash"] != 0
    assert record["incomplete"] is False


def test_inputs_stand_in_order_as_snakemake_has_them():
    made = job([file("b", "0")])
    came(made, job([file("out", "1")], inputs=["b"], sources=[file("c"), file("a")]))
    before_run.sync("mini")
    assert metadata.read()["out"][1]["input"] == ["a", "b", "c"]


def test_what_is_not_as_the_records_say_is_not_taken_over():
    one = job([file("a", "1"), file("b", "2")])
    came(one, job([file("c", "3")]))
    file("b", "other")
    Path("c").unlink()
    assert before_run.sync("mini") == [
        "1 file matches results/records.jsonl",
        "b has changed since its job wrote it; it is made again",
    ]
    assert metadata.read().keys() == {"a"} and metadata.marks() == {"b": True}


def test_an_output_that_changed_is_marked_until_it_is_right_again():
    came(job([file("a", "1")]))
    before_run.sync("mini")
    file("a", "2", LATE + 1)
    said = ["a has changed since its job wrote it; it is made again"]
    assert before_run.sync("mini") == said == before_run.sync("mini")
    assert metadata.marks() == {"a": True}
    file("a", "1")
    before_run.sync("mini")
    assert metadata.marks() == {} and before_run.sync("mini") == []


def test_a_mark_of_snakemakes_stays():
    came(job([file("a", "1")]))
    before_run.sync("mini")
    file(metadata.place(metadata.MARKS, "a"), "{}")
    assert before_run.sync("mini") == []
    assert metadata.marks() == {"a": False}


@pytest.mark.parametrize("older", [1, 0])
def test_another_input_that_is_no_newer_is_named(older):
    """A newer one Snakemake sees itself."""
    file("in", "0", EARLY)
    came(job([file("a", "1")], sources=["in"]))
    before_run.sync("mini")
    file("in", "9", LATE - older)
    assert before_run.sync("mini") == ["a was made from another version of in; it is made again"]
    assert metadata.marks() == {"a": True}
    file("in", "9", LATE + 1)
    assert before_run.sync("mini") == []
    assert metadata.marks() == {}
    Path("in").unlink()
    assert before_run.sync("mini") == []


def test_an_input_that_had_changed_before_the_checkout_is_named_at_once():
    file("in", "0", EARLY)
    came(job([file("a", "1")], sources=["in"]))
    file("in", "9", EARLY + 1)
    assert before_run.sync("mini") == [
        "1 file matches results/records.jsonl",
        "a was made from another version of in; it is made again",
    ]
    assert metadata.marks() == {"a": True}


def test_what_depends_on_a_file_that_changed_is_left_to_snakemake():
    first = job([file("a", "1")])
    came(first, job([file("b", "2")], inputs=["a"]))
    assert before_run.sync("mini") == ["2 files match results/records.jsonl"]
    file("a", "9", EARLY)
    assert before_run.sync("mini") == ["a has changed since its job wrote it; it is made again"]
    assert metadata.marks() == {"a": True}


def test_ten_files_are_named_and_the_rest_are_counted():
    names = [f"f{number:02d}" for number in range(12)]
    assert before_run.listing(names[:10]) == names[:10]
    expected = [*names[:10], "... and 2 more files"]
    assert before_run.listing(reversed(names)) == expected


@pytest.mark.parametrize(
    ("size", "now", "expected"),
    [(1_000_001, "same", EARLY), (1_000_000, "same", LATE), (1_000_001, "other", LATE)],
)
def test_a_large_input_gets_a_time_before_what_is_made_of_it(size, now, expected):
    """Snakemake judges it by its time alone; of two outputs the older one decides."""
    made = job([file("in", "x" * size)])
    later = job([file("a", "1", EARLY), file("b", "2", EARLY + 7)], inputs=["in"])
    if now == "other":
        file("in", "y" * size)
    came(made, later)
    before_run.sync("mini")
    assert Path("in").stat().st_mtime_ns == expected


def test_a_large_input_that_is_old_enough_keeps_its_time():
    came(job([file("in", "x" * 1_000_001, EARLY)]), job([file("a", "1")], inputs=["in"]))
    before_run.sync("mini")
    assert Path("in").stat().st_mtime_ns == EARLY


def test_an_input_that_is_not_here_has_the_checksum_of_its_records():
    made = job([file("x/in", "0")])
    came(made, job([file("a", "1")], inputs=["x/in"]))
    Path("x/in").unlink()
    before_run.sync("mini")
    sums = metadata.read()["a"][1]["input_checksums"]
    assert sums == {"x/in": f"sha256:{made.made['x/in']}"}


def test_other_records_come_with_another_branch():
    """Both say the same of the files; the settings differ."""
    came(job([file("a", "1")]))
    before_run.sync("mini")
    came(job(["a"], rule="other"))
    assert before_run.sync("mini") == ["1 file matches results/records.jsonl"]
    assert metadata.read()["a"][1]["rule"] == "other"


# ---- after a run


def ran(output, inputs=(), params=(), rule="make", text="1"):
    """As Snakemake leaves it."""
    file(output, text)
    sums = {name: f"sha256:{Hashes({}).content(name)}" for name in inputs}
    record = RULE | {"rule": rule, "input": [*inputs], "params": [*params], "log": []}
    record |= {"input_checksums": sums, "record_format_version": metadata.FORMAT}
    metadata.write(output, record)


def test_a_study_is_written_down_and_read_again():
    ran("x/a", [file("src/code.py", "c")], ["'1'"])
    ran("x/b", ["src/code.py"], ["'1'"])  # of the same job
    ran("t", ["x/a", "x/b"], rule="table")
    after_run.export("mini")
    jobs = {job.name: job for job in travelling.read()}
    assert jobs.keys() == {"x/a", "t"}
    assert jobs["x/a"].made.keys() == {"x/a", "x/b"}
    assert jobs["x/a"].sources == {"src/code.py": Hashes({}).content("src/code.py")}
    assert jobs["t"].inputs == ["x/a", "x/b"] and jobs["t"].sources == {}
    assert jobs["t"].rule["rule"] == "table"
    assert before_run.sync("mini") == []  # its own file: nothing to take over
    before = travelling.FILE.stat().st_mtime_ns
    after_run.export("mini")
    assert travelling.FILE.stat().st_mtime_ns == before


def test_what_is_somebodys_own_or_names_a_place_is_not_written_down():
    ran("results/tables/own/a.md")
    ran("results/tables/owner/b.md")
    ran("c", params=["'--local /home/somebody'"])
    ran("d", params=['"x=/home"'])
    ran("e", params=["'a/b and 1 / 2'"])
    ran("f", [file("in")], params=["/x"])
    after_run.export("mini")
    assert {job.name for job in travelling.read()} == {"results/tables/owner/b.md", "e"}


def test_a_job_that_read_another_version_of_an_input_says_which():
    ran("in", text="0")
    ran("a", ["in"])
    old = Hashes({}).content("in")
    ran("in", text="9")
    after_run.export("mini")
    found = {job.name: job for job in travelling.read()}["a"]
    assert found.inputs == [] and found.sources == {"in": old}


def test_an_altered_output_is_not_written_down():
    ran("a")
    after_run.export("mini")
    expected = travelling.FILE.read_text()
    file("a", "by hand", LATE + 1)
    after_run.export("mini")
    assert travelling.FILE.read_text() == expected


def test_records_of_what_is_not_here_stay_as_long_as_something_here_comes_from_them():
    first, other = job([file("in", "0")]), job([file("gone", "0")])
    came(first, job([file("a", "1")], inputs=["in"]), other)
    before_run.sync("mini")
    Path("in").unlink()
    Path("gone").unlink()
    after_run.export("mini")
    assert {job.name for job in travelling.read()} == {"in", "a"}


def test_an_input_made_otherwise_now_is_not_what_an_earlier_job_read():
    first = job([file("in", "0")])
    came(first, job([file("a", "1")], inputs=["in"]))
    Path("a").unlink()
    file("a/b", "")  # a is not here, but b, which was made from it, is
    ran("in", text="9")
    before = travelling.contents([first])
    now = before | {name: Hashes({}).content(name) for name in before}
    found = after_run.adjusted(travelling.read()[0], before, now)
    assert found.inputs == []
    assert found.sources == {"in": before["in"]}
    assert after_run.adjusted(first, before, now) == first


# ---- as text


def test_records_do_not_depend_on_order_and_long_values_stand_once():
    rule = {"code": "x" * 200}
    jobs = [job([file(f"r/{n}/out")], sources=[file("in")], **rule) for n in range(3)]
    text = travelling.text(jobs)
    assert text == travelling.text(jobs[::-1])
    assert text.count("x" * 200) == 1
    assert travelling.parsed([json.loads(line) for line in text.splitlines()]) == jobs
    others = [job([file(f"r/{n}/out")], code="x" * 200 + str(n)) for n in range(8)]
    lines = map(json.loads, travelling.text(others).splitlines())
    shared = [line["name"] for line in lines if "name" in line]
    assert len(shared) >= 8 and shared == sorted(shared)


@pytest.mark.parametrize(("length", "named"), [(99, 0), (100, 1)])
def test_a_value_of_a_hundred_characters_is_long(length, named):
    sources = {"": None}
    sources = {"i" * (length - len(json.dumps(sources))): None}
    assert len(json.dumps(sources)) == length
    text = travelling.text([Job({"a": "s"}, [], sources, [], {})])
    assert text.count('"name": "#') == named


def test_settings_are_taken_apart_where_that_is_exact():
    exact = repr(json.dumps({"a": 1}))
    assert travelling.settings(exact) == {"json": {"a": 1}}
    assert travelling.param({"json": {"a": 1}}) == exact
    for other in ("'{\"a\":1}'", "'[1]'", "'1'", "a b", "'{'", "1"):
        assert travelling.settings(other) == other == travelling.param(other)


def test_records_of_another_version_are_not_read_and_hostile_ones_are_named():
    assert travelling.read() == []
    came(job([file("a")]))
    text = travelling.FILE.read_text()
    travelling.FILE.write_text(re.sub(r'"format": \d+', '"format": 1', text, count=1))
    assert travelling.read() == []
    travelling.FILE.write_text(text.replace('"a"', '"../../a"'))
    with pytest.raises(ValueError, match=r"names '../../a', which leads out of this folder"):
        travelling.read()
    names = [f"../{letter}" for letter in "zyxwvu"]
    came(Job(dict.fromkeys(names, "s"), [], {}, [], RULE))
    with pytest.raises(ValueError, match=r"names '\.\./u', which leads out of this folder"):
        travelling.read()
    travelling.FILE.write_text("")
    with pytest.raises(ValueError, match="does not hold one JSON value a line"):
        travelling.read()


# ---- a copy of the code, for `verify`


def test_code_is_copied_with_what_its_links_lead_to(folder):
    for name in ("Snakefile", "src/a.py", "src/__pycache__/a.pyc", "lists/own.txt", "results/x"):
        file(name, "text")
    Path("src/link.py").symlink_to("../lists/own.txt")
    Path("profiles").symlink_to("src")
    Path("copy").mkdir()
    checking.copy_code(folder / "copy", {"lists/own.txt", "gone", str(folder / "results/x")})
    found = {
        path.relative_to(folder / "copy").as_posix(): path.is_symlink()
        for path in (folder / "copy").rglob("*")
        if not path.is_dir()
    }
    expected = ["Snakefile", "lists/own.txt", "src/a.py", "src/link.py"]
    assert found == dict.fromkeys([*expected, "profiles/a.py", "profiles/link.py"], False)
    assert (folder / "copy/src/link.py").read_text() == "text"


def test_files_that_have_changed_are_told_in_order():
    names = [f"src/{letter}.py" for letter in "hgfedcba"]
    text = f"    reason: Updated input files: {', '.join(names)}\n"
    assert checking.causes(text) == [f"{name} has changed" for name in names[::-1]]
