"""From the YAML files to the settings of one run; a wrong line is named before anything starts.

Later wins: defaults, the method, the method on this dataset, the study, the study's word on this
method, the variant. layers.py lays them over each other.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from labelgraph.files import yaml_reader
from labelgraph.files.yaml_reader import read_yaml, typed
from labelgraph.study import (
    checks,
    layers,
    own_data,
    own_lines,
    stages,
    study_file,
)
from labelgraph.study.shapes import block

METHOD_KEYS = {
    *("title", "paper", "against", "inputs"),
    *layers.BLOCKS,
    *(*layers.OF_TASKS, "datasets", "variants", "departures"),
}
CHANGE_KEYS = {"title", *layers.BLOCKS, *layers.OF_TASKS}  # of a variant, or on one dataset


@dataclass(frozen=True, order=True)
class Run:
    """One training: study / task / dataset / method[@variant] / seed."""

    study: str
    task: str
    dataset: str
    method: str
    variant: str
    seed: int

    @property
    def system(self) -> str:
        return f"{self.method}@{self.variant}" if self.variant else self.method

    @property
    def folder(self) -> str:
        return f"{self.study}/{self.task}/{self.dataset}/{self.system}/seed{self.seed}"


def run_of(study: str, task: str, dataset: str, system: str, seed: int) -> Run:
    method, _, variant = system.partition("@")
    return Run(study, task, dataset, method, variant, int(seed))


@dataclass(frozen=True)
class Book:
    """All settings files of a study, read once."""

    study: str
    defaults: dict
    methods: dict
    datasets: dict
    tables: dict
    figures: dict
    size: dict  # the study's own file

    def settings(self, run: Run) -> dict[str, dict]:
        """`training`: all that decides what a run learns; `scoring`: how it is then judged."""
        method, variants = self.method(run.method), self.variants(run.method)
        if run.variant not in variants:
            raise ValueError(f"{run.method} has no variant {run.variant!r}, only {list(variants)}")
        merged = layers.merged(
            [
                self.defaults,
                method,
                method.get("datasets", {}).get(run.dataset, {}),
                self.size,
                self.size.get("methods", {}).get(run.method, {}),
                variants[run.variant],
            ],
            run.task,
            run.method,
            f"{run.study}: {run.system} on {run.dataset}",
        )
        checks.processes(f"studies/{self.study}", self.size["processes"], merged["encoder"])
        layers.scale(merged, self.size)
        difficult = self.dataset(run.dataset)["difficult"]
        judged = {f"difficult_{name}": difficult[name] for name in ("ap", "f1")}
        scoring = merged.pop("score") | judged | {"pool": self.pool(run)}
        training = {**asdict(run), "difficult": difficult["train"], **merged}
        return {"training": training, "scoring": scoring}

    def method(self, name: str) -> dict[str, Any]:
        if name not in self.methods:
            raise ValueError(f"no method {name!r}; methods.yaml has {sorted(self.methods)}")
        checks.keys(f"methods.{name}", self.methods[name], METHOD_KEYS)
        return self.methods[name]

    def variants(self, method: str) -> dict[str, dict]:
        """Settings of each variant by its name; without a name, the method as it is."""
        found = self.method(method).get("variants", {})
        for name, change in found.items():
            checks.keys(f"methods.{method}.variants.{name}", change, CHANGE_KEYS)
        return {"": {}} | found

    def dataset(self, name: str) -> dict[str, Any]:
        """A dataset's entry with what the study changes of it."""
        if name not in self.datasets:
            raise ValueError(f"no dataset {name!r}; datasets.yaml has {sorted(self.datasets)}")
        entry, change = self.datasets[name], self.size.get("datasets", {}).get(name) or {}
        checks.keys(f"studies/{self.study}.yaml: datasets.{name}", change, set(entry))
        both = [key for key, value in change.items() if is_block(value) and is_block(entry[key])]
        found = entry | change | {key: entry[key] | change[key] for key in both}
        study_file.check_entry(f"datasets.{name}", found)
        return found

    def pool(self, run: Run) -> str:
        """Which reported images are judged."""
        shots = stages.has_shots(run.task)
        return self.fewshot(run.dataset, run.task)["pool"] if shots else "all"

    def fewshot(self, dataset: str, task: str) -> dict[str, Any]:
        entry = self.dataset(dataset)
        if "fewshot" not in entry:
            raise ValueError(f"datasets.{dataset} has no block `fewshot`, which few shots need")
        return stages.of_task(entry["fewshot"], task)

    def seeds(self, dataset: str, task: str) -> list[int]:
        """Of the runs of a task: the study's, fewer on some datasets; or as many as episodes."""
        if not stages.has_shots(task):
            return self.size["seeds"][: self.size.get("seeds_of", {}).get(dataset)]
        setting = self.fewshot(dataset, task)
        return list(range(setting["episodes"] or len(setting["files"])))

    def base(self, run: Run) -> Run | None:
        """The run whose weights this one goes on from. Episodes take turns with its seeds."""
        if not stages.has_shots(run.task):
            return None
        seeds = self.seeds(run.dataset, stages.BASE)
        return replace(run, task=stages.BASE, seed=seeds[run.seed % len(seeds)])

    def circumstances(self, seeds: list[int]) -> str:
        """What stands below a table of this study, in a sentence."""
        encoder = self.defaults["encoder"] | self.size.get("encoder", {})
        side = self.size.get("sizes", {}).get(encoder["test_size"], encoder["test_size"])
        kept = f"the checkpoint is chosen on the {self.size['selection']} images"
        if (self.defaults["train"] | self.size.get("train", {}))["select"] == "last":
            kept = "the last epoch is kept"
        return (
            f"Encoder {encoder['name']}, {side} pixels unless a row says otherwise; {kept};"
            f" seeds {', '.join(map(str, seeds))}."
        )

    def runs_on(self, dataset: str) -> bool:
        return dataset in self.size.get("only", self.datasets)

    def protocol(self, dataset: str, task: str) -> dict[str, Any]:
        """What `split` is told: who trains, who chooses, who is reported, what is hidden."""
        entry = self.dataset(dataset)
        settings = {
            "task": task,
            "parts": entry["parts"],
            "tune": entry["tune"],
            "seed": entry["tune_seed"],
            "selection": self.size["selection"],
        }
        if not task.startswith("fewshot"):
            return settings
        cut = {key: value for key, value in self.fewshot(dataset, task).items() if key != "pool"}
        return settings | {"fewshot": cut}


def is_block(value: Any) -> bool:
    return isinstance(value, dict)


def over(below: Any, given: Any) -> Any:
    """Blocks are laid over each other line by line, blocks within them too; else `given` wins."""
    if not (is_block(below) and is_block(given)):
        return given
    return below | {key: over(below.get(key), value) for key, value in given.items()}


def read_study(folder: Path, given: dict[str, Any]) -> Book:
    """`given` comes from the command line: the study's name, and lines laid over its file."""
    given = yaml_reader.bounded(given, "--config: ")
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no {folder} here; start this in the repository's folder")
    study, known = given.get("study", "mini"), folder / "studies"
    names = sorted(path.stem for path in known.glob("*.yaml"))
    if study not in names:
        raise FileNotFoundError(f"there is no {known}/{study}.yaml; {known} has {names}")
    size = read_yaml(known / f"{study}.yaml")
    files = ("defaults", "methods", "datasets", "tables", "figures")
    parts = {name: read_yaml(folder / f"{name}.yaml") for name in files}
    study_file.check_parts(parts)
    fields = study_file.study(parts)
    block(fields, required=study_file.REQUIRED)(f"studies/{study}.yaml", size)
    lines = {name: typed(line) for name, line in given.items() if name not in ("study", "datasets")}
    lines |= {name: own_lines.typed(given[name]) for name in {"datasets"} & given.keys()}
    block(fields)("--config", lines)
    book = Book(study, **parts, size=over(size, lines))
    standing = read_yaml(folder / "own_data.yaml")
    study_file.check_own_data(standing)
    book = replace(book, **own_data.added(vars(book), standing))
    own_lines.check_boxes(book.size.get("boxes", {}), study, filter(book.runs_on, book.datasets))
    return book
