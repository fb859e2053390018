"""The verdicts on the papers' claims as pages show them; claims.csv holds them."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelgraph.files import escaping
from labelgraph.review.claims import listing, recipe
from labelgraph.review.claims.verdicts import Line, kinds
from labelgraph.study.config import Book
from labelgraph.tables import tables


@dataclass(frozen=True)
class Claim:
    line: Line
    paper: str
    where: str
    here: str  # with its interval; empty where there is none
    compared: str
    runs: tuple[str, ...]  # folders of the runs on both sides


@dataclass(frozen=True)
class Verdicts:
    summary: str
    short: tuple[str, ...]  # who is ahead, by dataset
    tallies: tuple[list[str], ...]  # a row for each paper
    papers: tuple[Claim, ...]
    own: tuple[tuple[str, tuple[Claim, ...]], ...]  # question and claims
    pairs: tuple[Claim, ...]
    kinds: tuple[str, ...]

    @property
    def intervals(self) -> dict[tuple[str, str, str], tuple[float, float]]:
        """Dataset and two systems, all labels known -> ends of the first one's lead in mAP."""
        found = {}
        for each in self.pairs:
            if each.line.verdict in listing.JUDGED:
                for line in (each.line, listing.turned(each.line)):
                    _, dataset, first = line.first.split("/")
                    ends = float(line.low), float(line.high)
                    found[dataset, first, line.second.split("/")[-1]] = ends
        return found

    def of(self, method: str) -> list[tuple[str, int]]:
        """How many claims of a method's own paper have which verdict."""
        found = Counter(each.line.verdict for each in self.papers if each.line.paper == method)
        return [(kind, found[kind]) for kind in self.kinds if found[kind]]


def read(book: Book, path: Path | None) -> Verdicts | None:
    if path is None:
        return None
    lines = listing.parse(path.read_text(encoding="utf-8"))
    facts = recipe.recipe(book, list(tables.of_study(book)))
    papers, own, pairs = listing.split(lines)
    short = listing.in_short(facts, own, pairs).splitlines()
    return Verdicts(
        summary=listing.summary(papers).replace("*", ""),
        short=tuple(escaping.plain(each.removeprefix("- ")) for each in short),
        tallies=tuple(listing.tallies(papers)),
        papers=tuple(claim(facts, line) for line in papers),
        own=tuple(
            (title, tuple(claim(facts, line) for line in some))
            for title, _, some in listing.sections(own)
        ),
        pairs=tuple(claim(facts, line) for line in pairs),
        kinds=tuple(kinds(papers)),
    )


def claim(facts: dict[str, Any], line: Line) -> Claim:
    judged = line.verdict in listing.JUDGED
    return Claim(
        line=line,
        paper=listing.PAPERS.get(line.paper, ""),
        where=listing.where(facts, line),
        here=listing.numbers(line) if judged else "",
        compared=listing.compared(facts, line) if judged else line.reason,
        runs=runs(facts["study"], line),
    )


def runs(study: str, line: Line) -> tuple[str, ...]:
    """A side is a place and a system, several for a mean; a counted cost has no run."""
    sides = [part for text in (line.first, line.second) for part in text.split(" ") if "/" in part]
    return tuple(f"{study}/{side}/seed{seed}" for side in sides for seed in line.seeds.split())
