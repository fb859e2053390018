"""Takes a small study through S3 to a clone that has no images, and measures each command.

    python benchmarks/travel.py [--study mini | laptop]

The study is as small as that of tiny.py. For `laptop`, drawn scenes and words lie in VOC 2007's and
GloVe's archives on a server of this machine, and are fetched and unpacked as the photographs would
be. Checked on the way: a second checkout that runs the study gets the same dvc.lock, S3 has no file
of the official data, and the clone makes every table without a training.
"""

import argparse
import contextlib
import functools
import hashlib
import http.server
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import boto3
import tiny
import yaml
from moto.server import ThreadedMotoServer

from labelgraph.steps import draw

STAGES = {"mini": "dvc.yaml", "laptop": "results/dvc/laptop/dvc.yaml"}
KEYS = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "anything"}
LOCAL = {"DVC_NO_ANALYTICS": "1", "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "user.name",
         "GIT_CONFIG_VALUE_0": "nobody", "GIT_CONFIG_KEY_1": "user.email",
         "GIT_CONFIG_VALUE_1": "nobody@localhost"}  # fmt: skip
FIGURE = "ml_gcn_tsne"
CHANGES = {"tables": ["ml_gcn_VOC"], "seeds": [0], "sizes": {448: 96}}
CHANGES |= {"figures": {FIGURE: {"datasets": ["voc2007"]}}}
WORDS = {"seed": 1, "dimensions": 300, "others": 20}
OFFICIAL = ("data/raw/official", "data/archives")
FOLDERS = ("data", "results/runs", "results/inspections", "results/costs")
TABLES = ["results/tables", "results/figures"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--study", choices=STAGES, default="laptop")
    study = parser.parse_args().study
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as place:
        os.environ |= KEYS | LOCAL | {"PATH": path, "DVC_SITE_CACHE_DIR": f"{place}/site"}
        store = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        store.start()
        with archives(Path(place, "archives")) as address:
            made = prepare(Path(place, "made"), study, address)
            travel(made, study, "http://{}:{}".format(*store.get_host_and_port()))
        store.stop()


@contextlib.contextmanager
def archives(folder: Path) -> Iterator[str]:
    """The address of a server with VOC 2007's and GloVe's archives, drawn."""
    raw = folder.with_name("drawn")
    scenes = {key: value for key, value in tiny.SCENES.items() if key != "layout"}
    for name, settings in (("voc2007", scenes), ("glove", WORDS)):
        draw.main(name, settings, raw / name, raw / f"{name}.json", 2)
    folder.mkdir()
    for part in ("trainval", "test"):
        with tarfile.open(folder / f"VOC{part}_06-Nov-2007.tar", "w") as tar:
            for path in sorted((raw / "voc2007").rglob("*.*")):
                if (path.stem == "test") == (part == "test"):
                    tar.add(path, path.relative_to(raw / "voc2007"))
    with zipfile.ZipFile(folder / "glove.6B.zip", "w") as packed:
        packed.write(raw / "glove/glove.6B.300d.txt", "glove.6B.300d.txt")
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def prepare(folder: Path, study: str, address: str) -> Path:
    """A repository of this checkout's code, whose study is small."""
    folder.mkdir()
    tiny.copy(folder)
    config = folder / "workflow/config"
    change(config / "figures.yaml", lambda found: {FIGURE: found[FIGURE]})
    change(config / f"studies/{study}.yaml", small)
    fetched = functools.partial(served, folder.with_name("archives"), address)
    change(config / "sources.yaml", fetched)
    shutil.copy(tiny.ROOT / ".gitignore", folder)
    git(folder, "init", "-q")
    if study != "mini":
        command(folder, "-m", "labelgraph", "track", study)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "before")
    return folder


def small(found: dict) -> dict:
    drawn = {"drawn": found["drawn"] | tiny.SETTINGS["drawn"]} if "drawn" in found else {}
    return found | CHANGES | drawn


def change(path: Path, how) -> None:
    path.write_text(yaml.safe_dump(how(yaml.safe_load(path.read_text())), sort_keys=False))


def served(folder: Path, address: str, found: dict) -> dict:
    """sources.yaml with the drawn archives' address, size and checksum."""
    for group in found["groups"].values():
        for source in group["sources"].values():
            path = folder / source["file"]
            if path.exists():
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                source |= {"addresses": [f"{address}/{path.name}"], "bytes": path.stat().st_size}
                source |= {"checksums": {"sha256": digest}}
    return found


def travel(made: Path, study: str, store: str) -> None:
    stage = STAGES[study]
    client = boto3.client("s3", endpoint_url=store, region_name="us-east-1")
    client.create_bucket(Bucket="results")
    again = made.with_name("again")
    git(made, "clone", "-q", str(made), str(again))
    for name in (made, again):
        measured(f"dvc repro in {name.name}", name, "-m", "dvc", "repro", stage)
    locks = [(name / stage).with_suffix(".lock").read_text() for name in (made, again)]
    check("two checkouts have the same dvc.lock", locks[0] == locks[1])
    remote = ("-m", "dvc", "remote")
    command(made, *remote, "add", "-d", "store", "s3://results/store")
    command(made, *remote, "modify", "store", "endpointurl", store)
    measured("dvc push", made, "-m", "dvc", "push", stage)
    git(made, "add", "-A")
    git(made, "commit", "-qm", "made")
    check_store(client, made)
    clone = made.with_name("clone")
    git(made, "clone", "-q", str(made), str(clone))
    measured("dvc pull in a clone", clone, "-m", "dvc", "pull", stage)
    check_clone(made, clone, study)
    measured("dvc repro in the clone", clone, "-m", "dvc", "repro", stage)
    check("git sees no change in it", not git(clone, "status", "--porcelain"))


def check_store(client, made: Path) -> None:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="results")
    found = [each for page in pages for each in page["Contents"]]
    stored = {"".join(each["Key"].split("/")[-2:]) for each in found}  # DVC's names are md5 sums
    files = [path for name in FOLDERS for path in (made / name).rglob("*") if path.is_file()]
    here = {path: hashlib.md5(path.read_bytes()).hexdigest() in stored for path in files}
    official = [path for path in files if str(path.relative_to(made)).startswith(OFFICIAL)]
    kept = sum(here.values())
    print(f"S3 has {len(found)} objects, {sum(each['Size'] for each in found) / 1e6:.1f} MB;")
    print(f"  they hold {kept} of {len(files)} files, and {sum(map(here.get, official))} of the")
    print(f"  {len(official)} official ones")
    check("no official file is in S3", not any(map(here.get, official)))


def check_clone(made: Path, clone: Path, study: str, targets: Sequence[str] = TABLES) -> None:
    before = [path for name in targets for path in (made / name / study).iterdir()]
    for path in before:
        (clone / path.relative_to(made)).unlink()
    options = ["--cores", "2", "--config", f"study={study}", "--", *targets]
    said = measured("snakemake in the clone", clone, "-m", "snakemake", *options)
    ran = dict(re.findall(r"^(\w+) +(\d+)$", said.partition("Job stats:")[2], re.M))
    ran.pop("total")
    print("  jobs:", ", ".join(f"{count} {rule}" for rule, count in ran.items()))
    check("it trained nothing", "train" not in ran and "tabulate" in ran)
    same = [path.read_bytes() == (clone / path.relative_to(made)).read_bytes() for path in before]
    check(f"its {len(same)} files of tables and figures are the same", all(same))
    check("it has no official data", not any((clone / name).exists() for name in OFFICIAL))


def measured(name: str, folder: Path, *arguments: str) -> str:
    begun = time.monotonic()
    said = command(folder, *arguments)
    print(f"{name}: {time.monotonic() - begun:.1f} s", flush=True)
    return said


def check(what: str, holds: bool) -> None:
    print(f"  {'yes' if holds else 'NO'}: {what}", flush=True)
    if not holds:
        sys.exit(1)


def command(folder: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout + done.stderr


def git(folder: Path, *arguments: str) -> str:
    words = ["git", *arguments]
    return subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
