"""From the YAML files to the settings of one run; a wrong line is named before anything starts.

Later wins: defaults, the method, the method on this dataset, the study, the study's word on this
method, the variant. In a partial task, what each of them says in a block `partial` comes after it.
"""

from dataclasses import asdict, dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

import yaml

from labelgraph import checks
from labelgraph.yamlfiles import UniqueKeys, read_yaml

BLOCKS = ("encoder", "model", "train", "score")
METHOD_KEYS = {"title", "paper", "inputs", *BLOCKS, "partial", "datasets", "variants", "departures"}
CHANGE_KEYS = {"title", *BLOCKS, "partial"}  # of a variant, or of a method on one dataset
STUDY_KEYS = {
    *("title", "note", "origin", "local", "seeds", "selection", "gpu"),
    *("drawn", "only", "boxes", "sizes", "widths", "tables", "figures"),
    *BLOCKS,
    *("partial", "methods", "datasets"),
}


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
        layers = (
            self.defaults,
            method,
            method.get("datasets", {}).get(run.dataset, {}),
            self.size,
            self.size.get("methods", {}).get(run.method, {}),
            variants[run.variant],
        )
        if run.task.startswith("partial"):
            layers = [part for layer in layers for part in (layer, partial(layer, run.method))]
        merged = {name: reduce(or_, (layer.get(name, {}) for layer in layers)) for name in BLOCKS}
        checks.check(
            merged, f"{run.study}: {run.system} on {run.dataset}", self.defaults, run.method
        )
        for block, name, keys in (
            ("encoder", "sizes", ("size", "test_size")),
            ("model", "widths", ("widths", "encoder_widths")),
        ):
            merged[block] |= smaller(merged[block], keys, self.size.get(name, {}))
        difficult = self.dataset(run.dataset)["difficult"]
        judged = {f"difficult_{name}": difficult[name] for name in ("ap", "f1")}
        scoring = merged.pop("score") | judged
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
        blocks = {key: entry[key] | value for key, value in change.items() if is_block(entry[key])}
        return entry | change | blocks

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
        if "fewshot" not in entry:
            raise ValueError(f"datasets.{dataset} has no block `fewshot`, which {task} needs")
        return settings | {"fewshot": entry["fewshot"]}


def typed(value: Any) -> Any:
    """Numbers and the like inside `--config name={...}`, which come as text."""
    if isinstance(value, dict):
        return {typed(key): typed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [typed(entry) for entry in value]
    return yaml.load(value, UniqueKeys) if isinstance(value, str) else value


def partial(layer: dict[str, Any], method: str) -> dict[str, Any]:
    """What a layer says of partial tasks alone."""
    checks.keys(f"{method}: partial", layer.get("partial", {}), set(BLOCKS))
    return layer.get("partial", {})


def is_block(value: Any) -> bool:
    return isinstance(value, dict)


def smaller(block: dict[str, Any], keys: tuple[str, ...], sizes: dict[int, int]) -> dict[str, Any]:
    """The papers' numbers under `keys` as the study's `sizes` have them; others stay."""
    found = {}
    for key in keys & block.keys():
        value = block[key]
        many = isinstance(value, list)
        found[key] = (
            [sizes.get(entry, entry) for entry in value] if many else sizes.get(value, value)
        )
    return found


def read_study(folder: Path, given: dict[str, Any]) -> Book:
    """`given` comes from the command line: the study's name, and lines laid over its file."""
    checks.keys("--config", given, STUDY_KEYS | {"study"})
    study = given.get("study", "mini")
    size = read_yaml(folder / "studies" / f"{study}.yaml")
    checks.keys(f"studies/{study}.yaml", size, STUDY_KEYS)
    for name, text in given.items():
        if name != "study":
            block = typed(text)
            size[name] = size[name] | block if is_block(size.get(name)) else block
    parts = ("defaults", "methods", "datasets", "tables", "figures")
    return Book(study, **{name: read_yaml(folder / f"{name}.yaml") for name in parts}, size=size)
