"""results/records.jsonl: the records as text, always in the same order and without times.

One line a job: its outputs with their sha256, its rule, its inputs. Long values are written once,
in lines of their own, and named by a digest. An input that another job made has no sha256 here,
since that job's line has it; the inputs in `own` lie in the job's own folder.
"""

import ast
import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.files.small import write_text
from labelgraph.jobs.records.metadata import FORMAT
from labelgraph.jobs.records.studies import OWN

FILE = Path("results/records.jsonl")
OWN_FILE = Path("results/own_records.jsonl")  # of the user's own data; it stays here
LONG = 100  # characters of JSON
RULE = ("rule", "code", "container_img_url", "conda_env", "software_stack_hash")


@dataclass(frozen=True)
class Job:
    """`made` and `sources`: path -> sha256. `inputs`: files that other jobs made."""

    made: dict[str, str]
    inputs: list[str]
    sources: dict[str, str | None]
    params: list[str]
    rule: dict[str, Any]

    @property
    def name(self) -> str:
        return min(self.made)


def file_of(study: str) -> Path:
    """Where the records of a study are written."""
    return OWN_FILE if study == OWN else FILE


def read(path: Path = FILE) -> list[Job]:
    """Empty if the file does not exist or has the format of another version."""
    if not path.exists():
        return []
    try:
        first, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        jobs = parsed(lines) if first["format"] == FORMAT else []
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            f"{path} does not hold one JSON value a line; remove it, or `git checkout {path}`"
        ) from None
    named = {name for job in jobs for name in (*job.made, *job.inputs, *job.sources)}
    if out := sorted(name for name in named if ".." in Path(name).parts):
        raise ValueError(
            f"{path} names {out[0]!r}, which leads out of this folder; `git checkout {path}`"
        )
    return jobs


def parsed(lines: list[dict[str, Any]]) -> list[Job]:
    shared = {line["name"]: line["is"] for line in lines if "name" in line}

    def whole(value: Any) -> Any:
        if isinstance(value, str):
            return whole(shared[value]) if value in shared else value
        return within(whole, value)

    def job(line: dict[str, Any]) -> Job:
        below = f"{line['in']}/" if line["in"] else ""
        return Job(
            made={below + name: sha for name, sha in line["made"].items()},
            inputs=[*whole(line["inputs"]), *(below + name for name in line["own"])],
            sources=dict(whole(line["sources"])),
            params=[param(whole(value)) for value in line["params"]],
            rule=dict(whole(line["rule"])),
        )

    return [job(line) for line in lines if "made" in line]


def contents(jobs: list[Job]) -> dict[str, str]:
    return {output: sha for job in jobs for output, sha in job.made.items()}


def within(change: Callable[[Any], Any], value: Any) -> Any:
    """The value with `change` applied to its parts, if it has any."""
    if isinstance(value, dict):
        return {key: change(part) for key, part in value.items()}
    return [change(part) for part in value] if isinstance(value, list) else value


def settings(param: str) -> Any:
    """A rule's parameter as Snakemake records it. JSON is parsed where nothing is lost by it."""
    with contextlib.suppress(ValueError, TypeError, SyntaxError):
        value = json.loads(ast.literal_eval(param))
        if isinstance(value, dict) and repr(json.dumps(value)) == param:
            return {"json": value}
    return param


def param(settings: Any) -> str:
    return repr(json.dumps(settings["json"])) if isinstance(settings, dict) else settings


def text(jobs: list[Job]) -> str:
    shared: dict[str, Any] = {}

    def short(value: Any) -> Any:
        value = within(short, value)
        content = json.dumps(value)
        if len(content) < LONG:
            return value
        name = "#" + hashlib.sha256(content.encode()).hexdigest()[:12]
        shared[name] = value
        return name

    def line(job: Job) -> dict[str, Any]:
        folder = str(Path(os.path.commonpath([Path(path).parent for path in job.made])))
        below = "" if folder == "." else f"{folder}/"
        own = [path for path in job.inputs if path.startswith(below)]
        return {
            "in": below.removesuffix("/"),
            "made": {path.removeprefix(below): sha for path, sha in job.made.items()},
            "own": [path.removeprefix(below) for path in own],
            "inputs": short([path for path in job.inputs if path not in own]),
            "sources": short(job.sources),
            "params": [short(settings(value)) for value in job.params],
            "rule": short(job.rule),
        }

    lines = [line(job) for job in sorted(jobs, key=lambda job: job.name)]
    head = [{"format": FORMAT}] + [{"name": name, "is": shared[name]} for name in sorted(shared)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in head + lines)


def write(jobs: list[Job], path: Path = FILE) -> None:
    """Does not touch a file that would stay the same."""
    new = text(jobs)
    if not path.exists() or path.read_text(encoding="utf-8") != new:
        write_text(path, new)
