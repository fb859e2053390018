"""A study that takes seconds, to test what Snakemake and DVC do with files.

It has the workflow's rules for records and locks and the repository's DVC settings, around jobs
that are lines of shell.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from conftest import ROOT

from labelgraph.commands import track
from labelgraph.study.config import read_study

OUTS = ("data/raw/drawn", "data/inputs/mini", "results/runs/mini", "results/tables/mini")
SNAKEFILE = """
from pathlib import Path

configfile: "workflow/config/methods.yaml"

STUDY = config.get("study", "mini")
RAW = f"data/raw/{'drawn' if STUDY == 'mini' else 'official'}/numbers.txt"
last_words = list

include: "workflow/rules/records.smk"

RUN = f"results/runs/{STUDY}/{{method}}"

rule all:
    default_target: True
    input:
        f"results/tables/{STUDY}/main.csv",
        expand(f"{RUN}/scores.json", method=config["methods"]),

rule draw:
    input: code="src/draw.sh",
    output: RAW,
    shell: "sh {input.code} {output}"

rule extract:
    input: RAW,
    output: f"data/inputs/{STUDY}/grid.bin",
    shell: "head -c 2000000 /dev/zero > {output}"

rule train:
    input: numbers=RAW, grid=rules.extract.output, code="src/train.sh",
    output: model=f"{RUN}/model.txt", about=f"{RUN}/provenance.json",
    params: rate=lambda wildcards: config["methods"][wildcards.method],
    shell: "sh {input.code} {input.numbers} {params.rate} {output}"

rule score:
    input: model=f"{RUN}/model.txt", about=f"{RUN}/provenance.json", code="src/score.sh",
    output: f"{RUN}/scores.json",
    shell: "sh {input.code} {input.model} > {output}"

rule tabulate:
    input: expand(f"{RUN}/scores.json", method=config["methods"]),
    output: f"results/tables/{STUDY}/main.csv",
    shell: "cat {input} > {output}"

rule:
    name: "results/tables"
    input: rules.all.input,
"""
FILES = {
    "Snakefile": SNAKEFILE,
    "src/draw.sh": "seq 1 0.5 25 > $1\n",
    "src/train.sh": """while [ -e hold ]; do sleep 0.1; done
awk -v rate=$2 '{print rate * $1}' $1 > $3
echo '{"seed": 0}' > $4
date +%s%N > $(dirname $4)/circumstances.json
""",
    "src/score.sh": "awk '{sum += $1} END {print sum}' $1\n",
    "workflow/config/methods.yaml": "methods:\n  a: 1\n  b: 2\n  c: 3\n",
    ".gitignore": ".snakemake/\n/data/\n/results/runs/\n/work/\n",
}


class Commands:
    """Runs Snakemake and DVC in a folder; every call returns the output."""

    def __init__(self, folder: Path):
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_SITE_CACHE_DIR": str(folder / "dvc"),
            "DVC_NO_ANALYTICS": "1",
            "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
            "AWS_ACCESS_KEY_ID": "anybody",
            "AWS_SECRET_ACCESS_KEY": "anything",
        }
        (folder / "gitconfig").write_text("[user]\nname = T\nemail = t@localhost\n")
        self.outputs = folder
        command = [sys.executable, str(Path(__file__).with_name("command_server.py"))]
        self.server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, program: str, folder: Path, *arguments: str, code: int | None = 0) -> str:
        process = self.start(program, folder, *arguments)
        found, text = self.wait(process)
        assert code in (None, found), text
        return text

    def start(self, program: str, folder: Path, *arguments: str) -> int:
        request = {"program": program, "arguments": arguments, "cwd": str(folder)}
        request |= {"env": self.environment, "output": str(self.outputs)}
        return self.ask(request)

    def wait(self, process: int) -> tuple[int, str]:
        """The exit code and the output."""
        code = self.ask(process)
        return code, (self.outputs / str(process)).read_text()

    def ask(self, request: dict | int) -> int:
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def snakemake(self, folder: Path, *arguments: str, code: int | None = 0) -> str:
        return self.run(
            "snakemake", folder, "--cores", "2", *arguments, "results/tables", code=code
        )

    def dvc(self, folder: Path, *arguments: str, code: int | None = 0) -> str:
        return self.run("dvc", folder, *arguments, code=code)

    def git(self, folder: Path, *arguments: str) -> str:
        command = ["git", *arguments]
        environment = os.environ | self.environment
        return subprocess.run(
            command, cwd=folder, env=environment, check=True, capture_output=True, text=True
        ).stdout

    def close(self) -> None:
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()


def write(folder: Path) -> Path:
    """The study's own files, and those of the repository that are tested with them."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name in ("workflow/rules/records.smk", "workflow/profiles/default/config.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "profiles").symlink_to("workflow/profiles")
    (folder / "dvc.yaml").write_text(yaml.safe_dump(stages()))
    shutil.copytree(
        ROOT / ".dvc", folder / ".dvc", ignore=lambda *_: ["tmp", "cache", "config.local"]
    )
    shutil.copy(ROOT / ".dvcignore", folder)
    return folder


def stages(study: str = "mini") -> dict:
    """The repository's dvc.yaml, or what `track` makes of it, as far as there are such files."""
    default = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    stage = default["stages"]["study"]
    stage["outs"] = [out for out in stage["outs"] if not out.keys().isdisjoint(OUTS)]
    stage["deps"] = ["Snakefile", "src", "workflow"]
    stage["cmd"] = stage["cmd"].partition(" results/figures")[0]
    default |= {"metrics": [], "plots": []}
    if study != "mini":
        default = track.stages(read_study(ROOT / "workflow/config", {"study": study}), default)
    return {"stages": default["stages"]}


def jobs(text: str) -> dict[str, int]:
    """Rule -> number of jobs, of a dry run."""
    if "Nothing to be done" in text:
        return {}
    block = text.split("Job stats:")[1].split("\n\n")[0]
    found = {rule: int(count) for rule, count in re.findall(r"^(\S+) +(\d+)$", block, re.M)}
    return {rule: count for rule, count in found.items() if rule not in ("total", "results/tables")}
