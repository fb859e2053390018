"""The sentences below a table or figure: encoder, choice of the checkpoint, and seeds."""

from collections import Counter
from collections.abc import Iterable, Sequence

from labelgraph.study import encoder_titles
from labelgraph.study.settings import RunSettings


def sentences(rows: Iterable[tuple[str, RunSettings]], seeds: Sequence[int], selection: str) -> str:
    """What most rows did, then each row that differs, by its title.

    `rows` has a title and the settings of a run for each run; `selection` names the images that
    choose a checkpoint.
    """
    did: dict[str, list[list[str]]] = {}  # title -> what its runs did
    learnt_with: dict[str, set[int]] = {}  # title -> the seeds of its runs
    for title, training in rows:
        did.setdefault(title, []).append(facts(training, selection))
        learnt_with.setdefault(title, set()).add(training.seed)
    if not did:
        return ""
    runs = [found for several in did.values() for found in several]
    usual = [Counter(column).most_common(1)[0][0] for column in zip(*runs, strict=True)]
    encoder, pixels, kept = usual
    head = f"Encoder {encoder}, {pixels}; {kept};"
    head += f" {named(seeds)}."
    return " ".join([head, *fewer(learnt_with, {*seeds}), *differences(did, usual)])


def named(seeds: Iterable[int]) -> str:
    numbers = sorted(seeds)
    return f"{'seed' if len(numbers) == 1 else 'seeds'} {', '.join(map(str, numbers))}"


def fewer(learnt_with: dict[str, set[int]], seeds: set[int]) -> list[str]:
    """A sentence for the rows whose runs have some of the seeds only."""
    found: dict[tuple[int, ...], list[str]] = {}
    for title, own in learnt_with.items():
        if own < seeds:
            found.setdefault(tuple(sorted(own)), []).append(title)
    return [f"{'; '.join(titles)}: {named(own)} only." for own, titles in found.items()]


def facts(training: RunSettings, selection: str) -> list[str]:
    encoder = training.encoder
    chosen = f"the checkpoint is chosen on the {selection} images"
    kept = "the last epoch is kept" if training.train.select == "last" else chosen
    name = encoder_titles.title(encoder.name) + " without pretrained weights" * (
        encoder.weights is None
    )
    if encoder.last_stages:
        rest = "at rest" if encoder.learns.normalisation == "rests" else "learned"
        name += (
            f" whose {encoder_titles.last(encoder.last_stages)} learn, statistics of batch"
            f" normalisation {rest}"
        )
    return [name, f"{encoder.test_size} pixels", kept]


def differences(did: dict[str, list[list[str]]], usual: list[str]) -> list[str]:
    """A sentence for each fact that some rows do not share with the others."""
    found: dict[str, list[str]] = {}
    for title, several in did.items():
        for column, common in zip(zip(*several, strict=True), usual, strict=True):
            if {*column} != {common}:
                said = " or ".join(dict.fromkeys(column))
                found.setdefault(said, []).append(title)
    return [f"{'; '.join(titles)}: {said}." for said, titles in found.items()]
