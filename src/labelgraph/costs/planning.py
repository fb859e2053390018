"""The jobs of a study that cost something, what each takes, and what cheaper choices save."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import ceil

from labelgraph.costs import dataset_sizes, regions, work
from labelgraph.costs.dataset_sizes import Share, Size
from labelgraph.costs.speeds import Speeds
from labelgraph.figures import plans
from labelgraph.predict.inference import BATCH
from labelgraph.study import tasks
from labelgraph.study.config import Book, Run
from labelgraph.tables import tables

KINDS = ("trainings", "predictions", "features", "regions")
FEW_PROPORTIONS = ("partial-10", "partial-50", "partial-90")
PAPER_SIDE, SMALLER = 576, 448  # pixels
HOUR = 3600


@dataclass(frozen=True)
class Job:
    kind: str  # one of KINDS
    name: str
    method: str
    seconds: float
    memory: int  # bytes of the device, or of the process where there is no GPU
    weights: int  # bytes of the model that a training leaves
    images: int  # that it reads


@dataclass(frozen=True)
class Choice:
    """Runs that are asked for: those of tables by name, and of figures beyond them."""

    tables: dict[str, list[Run]]
    figures: list[Run]

    def runs(self) -> list[Run]:
        return sorted({*self.figures}.union(*self.tables.values()))


def chosen(book: Book, with_figures: bool, methods: list[str]) -> Choice:
    """All that the study's settings ask for; `methods`: only theirs, if any are named."""
    for name in methods:
        book.method(name)

    def with_bases(runs: Iterable[Run]) -> list[Run]:
        wanted = {run for run in runs if not methods or run.method in methods}
        return sorted(wanted | {base for run in wanted if (base := book.base(run))})

    shown = {name: with_bases(tables.runs(book, [name])) for name in tables.of_study(book)}
    drawn = []
    if with_figures:
        entries = plans.of_study(book).values()
        drawn = [
            run for each in entries for run in plans.all_runs(book, each, plans.runs(book, each))
        ]
    known = set().union(*shown.values())
    return Choice(shown, [run for run in with_bases(drawn) if run not in known])


class Costs:
    """What the runs of a study take at some speeds."""

    def __init__(self, book: Book, speeds: Speeds):
        self.book, self.speeds = book, speeds
        self.sizes: dict[str, Size] = {}

    def size(self, dataset: str) -> Size:
        if dataset not in self.sizes:
            self.sizes[dataset] = dataset_sizes.of_dataset(self.book, dataset)
        return self.sizes[dataset]

    def jobs(self, runs: list[Run]) -> list[Job]:
        every = [job for run in runs for job in (self.training(run), self.prediction(run))]
        return [*every, *self.features(runs), *self.regions(runs)]

    def training(self, run: Run) -> Job:
        settings = self.book.settings(run).training
        train, size = settings.train, self.size(run.dataset)
        share = dataset_sizes.share(self.book, run, size)
        network = work.network(settings, size.labels, settings.encoder.size)
        pace = self.speeds.pace(run.method)
        if train.optimizer == "exact":
            width = work.stages(settings.encoder.name, settings.encoder.size)[2]
            products = work.solving(share.fit * len(train.views), width, size.labels)
            read = len(train.views) * self.judging(run, network, share.fit + share.tune)
            seconds = pace.start + read + pace.step.seconds(products)
        else:
            seconds = pace.start + self.learning(run, network, share)
        memory = network.memory(train.batch, train.optimizer)
        if settings.encoder.cached:
            memory += regions.BASE + self.grid_bytes(run, share)
        weights = work.FLOAT * network.learnt_weights()
        return Job("trainings", run.folder, run.method, seconds, memory, weights, share.fit)

    def learning(self, run: Run, network: work.Network, share: Share) -> float:
        """Seconds of a training's steps, of judging the tune images, and of a method's readings."""
        settings = self.book.settings(run).training
        epochs, steps = settings.train.epochs, ceil(share.fit / settings.train.batch)
        step = self.speeds.pace(run.method).step.seconds(network.step(share.fit / steps))
        reading = passes(settings.model, epochs) * self.judging(run, network, share.fit)
        return epochs * (steps * step + self.judging(run, network, share.tune)) + reading

    def judging(self, run: Run, network: work.Network, images: int) -> float:
        """Seconds of the forward passes over images."""
        if not images:
            return 0.0
        parts = ceil(images / BATCH)
        return parts * self.speeds.pace(run.method).forward.seconds(network.forward(images / parts))

    def grid_bytes(self, run: Run, share: Share) -> int:
        """Features of a training's images in half precision, which are kept in memory."""
        training = self.book.settings(run).training
        _, _, width, grid = work.stages(training.encoder.name, training.encoder.size)
        views = len(training.train.views)
        return min((share.fit + share.tune) * views * grid * grid * width * 2, regions.IN_MEMORY)

    def prediction(self, run: Run) -> Job:
        settings, size = self.book.settings(run).training, self.size(run.dataset)
        network = work.network(settings, size.labels, settings.encoder.test_size)
        share = dataset_sizes.share(self.book, run, size)
        seconds = self.speeds.pace(run.method).start + self.judging(run, network, share.report)
        weights = work.FLOAT * (network.head.weights + network.encoder.weights)
        return Job("predictions", run.folder, run.method, seconds, weights, 0, share.report)

    def features(self, runs: list[Run]) -> list[Job]:
        """Where features are cached: each dataset, size and view once."""
        wanted: set[tuple[str, str, int, str]] = set()
        for run in runs:
            training = self.book.settings(run).training
            encoder = training.encoder
            if encoder.cached:
                for size, views in (
                    (encoder.size, training.train.views),
                    (encoder.test_size, [encoder.test_view]),
                ):
                    wanted |= {(run.dataset, encoder.name, size, view) for view in views}
        return [self.feature(*each) for each in sorted(wanted)]

    def feature(self, dataset: str, encoder: str, side: int, view: str) -> Job:
        size, whole = self.size(dataset), work.stages(encoder, side)[0]
        images = size.train + size.report * (view in ("plain", "centre"))
        seconds = images * self.speeds.usual.forward.seconds(whole.each)
        name = f"{dataset}/{encoder}-{side}-{view}"
        return Job("features", name, encoder, seconds, regions.BASE, 0, images)

    def regions(self, runs: list[Run]) -> list[Job]:
        found = regions.needed(self.book, runs)
        return [self.region(dataset, kind) for dataset, kind in found]

    def region(self, dataset: str, kind: str) -> Job:
        size = self.size(dataset)
        images, products = size.train + size.report, regions.products(self.book, kind)
        seconds = images * self.speeds.usual.forward.seconds(products)
        return Job("regions", f"{dataset}/{kind}", "detector", seconds, regions.BASE, 0, images)


def passes(model: dict, epochs: int) -> int:
    """How often a method reads all fit images without learning, in its `start_epoch`."""
    if "rounds" in model:
        return sum(epoch < epochs for epoch in model["rounds"])
    return len(range(model["start"], epochs, model["every"])) if "every" in model else 0


def total(jobs: Iterable[Job]) -> float:
    return sum(job.seconds for job in jobs)


def makespan(jobs: list[Job], devices: int) -> float:
    """Seconds on some devices, the longest jobs first; a prediction waits for its training."""
    free = [0.0] * devices
    joined: dict[str, float] = {}
    for job in jobs:
        joined[job.name] = joined.get(job.name, 0.0) + job.seconds
    for seconds in sorted(joined.values(), reverse=True):
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free)


def one_seed(book: Book, runs: list[Run]) -> list[Run]:
    first = book.size.seeds[0]
    return [run for run in runs if tasks.has_shots(run.task) or run.seed == first]


def one_episode(book: Book, runs: list[Run]) -> list[Run]:
    return [run for run in runs if not tasks.has_shots(run.task) or run.seed == 0]


def few_proportions(book: Book, runs: list[Run]) -> list[Run]:
    return [run for run in runs if run.task in FEW_PROPORTIONS or "partial" not in run.task]


FEWER: dict[str, tuple[str, Callable[[Book, list[Run]], list[Run]]]] = {
    "one seed": ("--config seeds=[0]", one_seed),
    "one few-shot episode": ("`episodes: 1` in datasets.yaml", one_episode),
    "three proportions of known labels (10, 50, 90 %)": (
        "fewer `tasks` in the entry ml_sgm_V of tables.yaml",
        few_proportions,
    ),
}


def savings(costs: Costs, choice: Choice) -> list[tuple[str, str, list[Run], Costs]]:
    """Cheaper choices: what, how, the runs that are left, and how they are priced."""
    book, runs = costs.book, choice.runs()
    found = [(what, how, cut(book, runs), costs) for what, (how, cut) in FEWER.items()]
    shown = sorted(set().union(*choice.tables.values()))
    found.append(("no figures beyond the tables", "target results/tables", shown, costs))
    small = smaller_images(book)
    found.append(
        (
            f"{SMALLER} pixels only",
            f"--config 'sizes={{{PAPER_SIDE}: {SMALLER}}}'",
            runs,
            Costs(small, costs.speeds),
        )
    )
    return [each for each in found if cheaper(costs, runs, each)]


def cheaper(costs: Costs, runs: list[Run], choice: tuple[str, str, list[Run], Costs]) -> bool:
    """Whether it changes anything."""
    _, _, left, priced = choice
    if len(left) < len(runs):
        return True
    return priced is not costs and any(
        PAPER_SIDE in (encoder.size, encoder.test_size)
        for run in runs
        for encoder in [costs.book.settings(run).training.encoder]
    )


def smaller_images(book: Book) -> Book:
    """The book of a study whose largest images are smaller."""
    sizes = book.size.sizes | {PAPER_SIDE: SMALLER}
    return replace(book, size=book.size.model_copy(update={"sizes": sizes}))
