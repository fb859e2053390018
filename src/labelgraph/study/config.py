"""From the YAML files to the settings of one run; mistakes are reported before anything starts."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from labelgraph.files import yaml_reader
from labelgraph.files.yaml_reader import read_yaml, typed
from labelgraph.study import (
    entries,
    footnote,
    frozen,
    longer,
    merging,
    own_data,
    own_tables,
    recipes,
    tasks,
)
from labelgraph.study.entries import (
    Change,
    Dataset,
    Defaults,
    FewShot,
    Method,
    MethodChange,
    OwnData,
    Study,
    Usual,
    Variant,
)
from labelgraph.study.settings import Encoder, Settings
from labelgraph.study.validation import check_keys, shown, validated

FILES = ("defaults", "methods", "datasets", "tables", "figures")
OF_ITS_OWN = {"title", "note", "remarks"}  # what a study does not take over from another


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
        return f"{self.study}/{self.place}"

    @property
    def place(self) -> str:
        """In a folder of the study."""
        return f"{self.task}/{self.dataset}/{self.system}/seed{self.seed}"


def run_of(study: str, task: str, dataset: str, system: str, seed: int) -> Run:
    method, _, variant = system.partition("@")
    return Run(study, task, dataset, method, variant, int(seed))


@dataclass(frozen=True)
class Book:
    """All settings files of a study, read once."""

    study: str
    defaults: Defaults
    methods: dict[str, Method]
    datasets: dict[str, Dataset]
    tables: dict[str, dict]
    figures: dict[str, dict]
    size: Study  # the study's own file
    recipes: tuple[recipes.Row, ...]
    other: "Book | None" = None  # of the study that this one is like
    known: dict[Run | str, Settings | Dataset] = field(
        default_factory=dict, init=False, compare=False
    )  # what was merged before, by run or dataset

    def settings(self, run: Run) -> Settings:
        """The merged settings of a run, which everything that speaks of the run reads."""
        if run not in self.known:
            at_length = self.size.convergence and longer.is_longer(run.variant)
            make = self.stretched if at_length else self.merge
            self.known[run] = self.frozen(run) if frozen.is_frozen(run.variant) else make(run)
        return self.known[run]

    def frozen(self, run: Run) -> Settings:
        """The settings of a run in the study that this one is like, whose encoder is frozen."""
        usual = replace(run, variant=frozen.usual(run.variant))
        other = self.other and self.other.settings(replace(usual, study=self.other.study))
        if not (other and other.training.encoder.rests):
            raise ValueError(
                f"{run.system} has the encoder of the study that {self.study} is like, which"
                f" must be frozen; {self.study} is like {self.size.like or 'no other'}"
            )
        own = {"study": run.study, "variant": run.variant}
        return other.model_copy(update={"training": other.training.model_copy(update=own)})

    def stretched(self, run: Run) -> Settings:
        """The settings of a run that learns longer, which shows whether another has converged."""
        usual = self.settings(replace(run, variant=longer.usual(run.variant)))
        return longer.stretched(usual, run.variant, self.size.convergence.times)

    def merge(self, run: Run) -> Settings:
        self.check_variant(run.method, run.variant)
        variants = self.variants(run.method)
        method, where = self.method(run.method), f"{run.study}: {run.system} on {run.dataset}: "
        own = self.size.methods.get(run.method, MethodChange())
        layers = [
            self.defaults,
            method,
            method.datasets.get(run.dataset, Change()),
            variants[run.variant].recipe,
            self.size,
            own,
            own.datasets.get(run.dataset, Change()),
            variants[run.variant],
        ]
        if tasks.has_shots(run.task):
            self.settings(replace(run, task=tasks.BASE))  # a mistake of the first stage comes first
            where = f"{where.removesuffix(': ')}, with shots: "
        found = merging.merged(layers, run.task)
        merging.scale(found, {"sizes": self.size.sizes, "widths": self.size.widths})
        difficult = self.dataset(run.dataset).difficult
        scoring = found.pop("score") | {
            "difficult_ap": difficult.ap,
            "difficult_f1": difficult.f1,
            "pool": self.pool(run),
        }
        training = {**asdict(run), "difficult": difficult.train, **found}
        settings = validated(Settings, where, {"training": training, "scoring": scoring})
        merging.check(settings.training, method.model or {}, where)
        self.check_features(settings.training.encoder, where)
        return settings

    @cached_property
    def usual(self) -> Usual:
        """What applies to the study's runs where no method says otherwise."""
        found = merging.merged([self.defaults, self.size], "full")
        merging.scale(found, {"sizes": self.size.sizes, "widths": {}})
        blocks = {name: found[name] for name in Usual.model_fields}
        return validated(Usual, f"studies/{self.study}: ", blocks)

    def check_features(self, encoder: Encoder, where: str) -> None:
        """Features are computed once for all methods, so no method has an encoder of its own."""
        if not encoder.cached:
            return
        if self.size.processes > 1:
            raise ValueError(
                f"studies/{self.study}: processes is {self.size.processes}, and encoder.cached"
                " leaves them nothing to share; set processes to 1, or encoder.cached to false"
            )
        shared = self.usual.encoder
        for key in ("name", "weights"):
            own, common = shown(getattr(encoder, key)), shown(getattr(shared, key))
            if own != common:
                raise ValueError(
                    f"{where}encoder.{key} is {own}, but cached features are computed once for all"
                    f" methods, here with {common}; change encoder.{key} for the whole study, or"
                    " set encoder.cached to false"
                )

    def method(self, name: str) -> Method:
        if name not in self.methods:
            raise ValueError(f"no method {name!r}; methods.yaml has {sorted(self.methods)}")
        return self.methods[name]

    def variant(self, system: str) -> Variant:
        """What a variant changes; nothing for a method as it is."""
        method, _, variant = system.partition("@")
        if frozen.is_frozen(variant):
            usual = frozen.usual(variant)
            title = self.variants(method)[usual].title or self.method(method).title
            return Variant(title=f"{title}, frozen encoder")
        return self.variants(method)[variant]

    def variants(self, method: str) -> dict[str, Variant]:
        """What each variant changes, by its name; without a name, the method as it is."""
        return {"": Variant()} | self.method(method).variants

    def dataset(self, name: str) -> Dataset:
        """A dataset's entry with what the study changes of it."""
        if name not in self.datasets:
            raise ValueError(f"no dataset {name!r}; datasets.yaml has {sorted(self.datasets)}")
        change = self.size.datasets.get(name) or {}
        if change and name not in self.known:
            entry = self.datasets[name].lines()
            check_keys(f"studies/{self.study}.yaml: datasets.{name}", change, entry)
            self.known[name] = own_data.checked(f"datasets.{name}", over(entry, change, deep=1))
        return self.known.get(name, self.datasets[name])

    def pool(self, run: Run) -> str:
        """Which reported images are judged."""
        return self.fewshot(run.dataset).pool if tasks.has_shots(run.task) else "all"

    def fewshot(self, dataset: str) -> FewShot:
        block = self.dataset(dataset).fewshot
        if block is None:
            raise ValueError(f"datasets.{dataset} has no block `fewshot`, which few shots need")
        return block

    def seeds(self, dataset: str, task: str, system: str = "") -> list[int]:
        """The seeds of a task's runs; in a few-shot task one for each episode.

        Of a system they are those that the study trains it with.
        """
        if not tasks.has_shots(task):
            return self.seeds_of(system)[: self.size.seeds_of.get(dataset)]
        block = tasks.few_shots(self.fewshot(dataset), task)
        return list(range(block["episodes"] or len(block["files"])))

    def seeds_of(self, system: str) -> list[int]:
        method, _, variant = system.partition("@")
        change = self.size.methods.get(method, MethodChange())
        usual = frozen.usual(variant) if frozen.is_frozen(variant) else variant
        fewer = change.variant_seeds if usual else None
        if isinstance(fewer, dict):
            for name in fewer:
                self.check_variant(method, name)
            fewer = fewer.get(usual)
        return self.size.seeds[: change.seeds if fewer is None else fewer]

    def check_variant(self, method: str, variant: str) -> None:
        if variant not in (known := self.variants(method)):
            raise ValueError(f"{method} has no variant {variant!r}, only {[*known]}")

    def base(self, run: Run) -> Run | None:
        """The run whose weights this one starts from. Episodes take turns with its seeds."""
        if not tasks.has_shots(run.task):
            return None
        seeds = self.seeds(run.dataset, tasks.BASE, run.system)
        return replace(run, task=tasks.BASE, seed=seeds[run.seed % len(seeds)])

    def circumstances(self, rows: Iterable[tuple[str, Run]], seeds: list[int]) -> str:
        """The encoder, the choice of the checkpoint and the seeds behind a table or figure.

        `rows` has the title of a row for each run; rows that differ from the others are named.
        """
        settings = ((title, self.settings(run).training) for title, run in rows)
        return footnote.sentences(settings, seeds, self.size.selection)

    def departures(self, method: str, of_tasks: Iterable[str]) -> list[str]:
        """Where a method departs from its paper in some tasks, and why; for footnotes."""
        return recipes.notes(self.recipes, method, of_tasks, self.usual.encoder.cached)

    def runs_on(self, dataset: str) -> bool:
        return dataset in (self.datasets if self.size.only is None else self.size.only)

    def runs_task(self, task: str) -> bool:
        return self.size.tasks is None or task in self.size.tasks

    def protocol(self, dataset: str, task: str) -> dict[str, Any]:
        """The settings of the step `split`: which images train, choose and are reported."""
        entry = self.dataset(dataset)
        settings = {
            "task": task,
            "parts": entry.parts.lines(),
            "tune": entry.tune,
            "seed": entry.tune_seed,
            "selection": self.size.selection,
        }
        if not task.startswith("fewshot"):
            return settings
        cut = tasks.few_shots(self.fewshot(dataset), task)
        return settings | {"fewshot": {key: cut[key] for key in cut if key != "pool"}}


def is_block(value: Any) -> bool:
    return isinstance(value, dict)


def over(below: Any, given: Any, deep: int = 100) -> Any:
    """Blocks are laid over each other line by line, and blocks in them up to `deep` levels."""
    if not (is_block(below) and is_block(given)) or deep < 0:
        return given
    return below | {key: over(below.get(key), value, deep - 1) for key, value in given.items()}


def read_study(folder: Path, given: dict[str, Any]) -> Book:
    """`given` comes from the command line: the study's name, and lines laid over its file."""
    given = yaml_reader.bounded(given, "--config: ")
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no {folder} here; start this in the repository's folder")
    study = study_name(folder / "studies", given)
    lines = {name: typed(line) for name, line in given.items() if name not in ("study", "datasets")}
    lines |= {name: own_data.typed(given[name]) for name in {"datasets"} & given.keys()}
    if isinstance(lines.get("figures"), list):
        lines["only_figures"] = lines.pop("figures")
    parts = {name: read_yaml(folder / f"{name}.yaml") for name in FILES}
    standing = validated(OwnData, "own_data.yaml: ", read_yaml(folder / "own_data.yaml"))
    studies = sorted(path.stem for path in (folder / "studies").glob("*.yaml"))
    read = read_files(parts, studies)
    known = {name: parts[name] for name in ("methods", "datasets", "tables")}
    if "like" in lines:
        raise ValueError(
            f"--config: like is {shown(lines['like'])}; it may stand in the file of a study only,"
            " and study=NAME chooses the study"
        )
    file = f"studies/{study}.yaml: "
    size = laid_over_another(folder / "studies", study, known)
    validated(Study, file, size, **known)
    validated(entries.SomeStudy, "--config: ", lines, **known)
    rows = recipes.read(folder.parent / "published/recipes.csv", parts["methods"])
    size = validated(Study, file, over(size, lines), **known)
    other = read_study(folder, given | {"study": size.like}) if size.like else None
    check_gpu_share(file, size)
    book = Book(study, **read, size=size, recipes=rows, other=other)
    book = with_own_data(book, standing)
    own_data.check_boxes(book.size.boxes, study, filter(book.runs_on, book.datasets))
    return book


def check_gpu_share(file: str, size: Study) -> None:
    if size.gpu_share == 1:
        return
    where = f"{file}gpu_share is {size.gpu_share}, and"
    if not size.gpu:
        raise ValueError(f"{where} gpu is 0, so no job uses a GPU; set gpu to 1, or gpu_share to 1")
    if size.processes > 1:
        raise ValueError(
            f"{where} processes is {size.processes}: what fills several GPUs cannot share one; set"
            " one of them to 1"
        )


def laid_over_another(folder: Path, study: str, known: dict[str, Any]) -> Any:
    """The lines of a study's file, over those of the study that it is like."""
    size, file = read_yaml(folder / f"{study}.yaml"), f"studies/{study}.yaml: "
    if not (is_block(size) and "like" in size):
        return size
    validated(entries.SomeStudy, file, size, **known)
    others = sorted({path.stem for path in folder.glob("*.yaml")} - {study})
    if (other := size["like"]) not in others:
        raise ValueError(f"{file}like is {shown(other)}; expected one of {', '.join(others)}")
    below = read_yaml(folder / f"{other}.yaml")
    if not is_block(below) or "like" in below:
        raise ValueError(
            f"{file}like is {other}, which is like another study itself; name that one"
        )
    return over({key: line for key, line in below.items() if key not in OF_ITS_OWN}, size)


def with_own_data(book: Book, defaults: OwnData) -> Book:
    """The book with the user's own datasets and their tables, which every study makes."""
    size = book.size
    own = own_data.entries(size.datasets, book.datasets, defaults)
    changed = size.own_table.lines() if size.own_table else {}
    block = defaults.table.model_copy(update=changed)
    made = own_tables.entries(own, block, defaults.rows, book.methods, size.boxes)
    official = {name: size.datasets[name] for name in size.datasets.keys() - own.keys()}
    changes: dict[str, Any] = {"datasets": official}
    for key, names in (("only", own), ("tables", made)):
        if getattr(size, key) is not None:
            changes[key] = [*getattr(size, key), *names]
    size = size.model_copy(update=changes)
    datasets, tables = book.datasets | own, book.tables | made
    return replace(book, datasets=datasets, tables=tables, size=size)


def study_name(folder: Path, given: dict[str, Any]) -> str:
    study, names = given.get("study", "mini"), sorted(path.stem for path in folder.glob("*.yaml"))
    if study not in names:
        raise FileNotFoundError(f"there is no {folder}/{study}.yaml; {folder} has {names}")
    return study


def read_files(parts: dict[str, Any], studies: list[str]) -> dict[str, Any]:
    """The files beside the studies': entries by name."""
    names = {name: list(part) if is_block(part) else [] for name, part in parts.items()}
    kinds = {
        "defaults": Defaults,
        "methods": dict[str, Method],
        "datasets": dict[str, Dataset],
        "tables": dict[str, entries.Table],
        "figures": dict[str, dict[str, Any]],
    }
    known = {"datasets": names["datasets"], "studies": studies}
    found = {
        name: validated(kind, f"{name}.yaml: ", parts[name], **known)
        for name, kind in kinds.items()
    }
    return found | {"tables": parts["tables"]}
