"""Pairs of numbers -> a verdict on each claim, plain and corrected for many claims.

A claim that needs several differences holds if each interval lies above zero, and fails if one is
below zero so clearly that it is no chance among so many. A claim that numbers are comparable holds
if each interval lies within its margin on both sides of zero, and fails if one lies outside.

The p-value is two-sided: that all are ahead takes the largest p-value of any of them, that one is
behind the smallest times their number.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from labelgraph.review.audit.claims import EQUAL, Claim, Place
from labelgraph.review.audit.printed import Interval
from labelgraph.review.claims.comparisons import OWN, Comparison, Pair
from labelgraph.score import bootstrap
from labelgraph.score.estimates import Estimate
from labelgraph.score.resampling import Numbers, common

HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"
NOT_RUN, LEVEL = "not run", "not judged: level"
NO_MEANING = "not meaningful: rehearsal"
VERDICTS = (HOLDS, FAILS, UNDECIDED, NOT_RUN, LEVEL, NO_MEANING)
WRONG = 0.05  # two-sided, as intervals of 95 % have it
JUDGED_IN = "paper"  # the study in which the level of a number means something
REHEARSED = "a rehearsal's numbers mean nothing"
Entry = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """A line of claims.csv. Numbers are in points, or in the unit of a cost; texts if empty."""

    paper: str
    table: str
    claim: str
    kind: str
    cell: str
    against: str
    published: str  # the size, as the text or the table has it
    here: str
    low: str
    high: str
    p: str
    verdict: str
    corrected: str
    size_within: str  # whether the published size lies in the interval: yes or no
    needs: str  # more than the sign of one difference
    compared: str  # how many of those differences have runs on both ends
    metric: str  # of the difference that decides
    seeds: str  # their numbers
    images: str  # how many
    first: str  # the runs of that difference: task/dataset/system, several for a mean
    second: str
    reason: str  # of what is not judged


@dataclass(frozen=True)
class Judged:
    line: Line
    p: float | None = None
    ahead: bool = True  # whether that p-value is for the claim, not against it


def judge(
    recipe: Entry, comparisons: list[Comparison], numbers: Numbers, costs: Entry
) -> list[Line]:
    """`costs`: system -> what counts.json has of it."""
    found = [judge_one(recipe, each, numbers, costs) for each in comparisons]
    families: dict[str, list[int]] = {}
    for number, each in enumerate(found):
        if each.p is not None:
            families.setdefault(family(each.line), []).append(number)
    lines = [each.line for each in found]
    for members in families.values():
        kept = holm([found[number].p for number in members])
        for number, sure in zip(members, kept, strict=True):
            side = HOLDS if found[number].ahead else FAILS
            lines[number] = replace(lines[number], corrected=side if sure else UNDECIDED)
    return [*map(without_meaning, lines)] if recipe["rehearsal"] else lines


def without_meaning(line: Line) -> Line:
    """What a rehearsal says of a claim, once it has been judged like any other."""
    if line.verdict not in (HOLDS, FAILS, UNDECIDED):
        return line
    return replace(line, verdict=NO_MEANING, corrected=NO_MEANING, reason=REHEARSED)


def family(line: Line) -> str:
    """Claims that are corrected for one another: the papers', ours, and who is ahead of whom."""
    return f"{OWN} {'/' in line.table}" if line.paper == OWN else "papers"


def holm(values: list[float]) -> list[bool]:
    """Holm's procedure: which may be called, so that 95 times in 100 none is called wrongly."""
    kept, left = [False] * len(values), len(values)
    for number in sorted(range(len(values)), key=values.__getitem__):
        if values[number] > WRONG / left:
            break
        kept[number], left = True, left - 1
    return kept


def judge_one(recipe: Entry, each: Comparison, numbers: Numbers, costs: Entry) -> Judged:
    kind, study = each.claim.kind, recipe["study"]
    if kind == "value" and study != JUDGED_IN and not recipe["rehearsal"]:
        return Judged(
            unjudged(each, LEVEL, f"the level of a number is judged in study {JUDGED_IN}")
        )
    if kind == "percent":
        return Judged(unjudged(each, NOT_RUN, "it depends on the machine"))
    known = [(pair, found) for pair in each.here() if (found := number(pair, numbers, costs))]
    if not known:
        return Judged(unjudged(each, NOT_RUN, why_not(each)))
    if kind == "wins":
        return wins(each, numbers, len(known))
    return weakest(each, known, numbers)


def why_not(each: Comparison) -> str:
    if not each.pairs:
        return "its table has no such row"
    if not any(pair.first for pair in each.pairs):
        return "its system has no run in this study's tables"
    if not each.here():
        return "what it is compared with has no run in this study's tables"
    return "a run has no value" if each.here()[0].first.places else "it depends on the machine"


def number(pair: Pair, numbers: Numbers, costs: Entry) -> Estimate | None:
    """The difference of a pair here, or the level of its one end."""
    if not pair.first.places:
        values = [costs.get(end.system, {}).get(end.metric) for end in pair.ends()]
        return None if None in values else Estimate(values[0] - sum(values[1:]))
    if pair.controls and pair.controls[0].places == pair.first.places:
        return numbers.difference(pair.first, pair.second, *pair.controls)
    found = numbers.difference(pair.first, pair.second)
    if found is None or pair.controls is None:
        return found
    control = numbers.difference(*pair.controls)
    return control and found.minus(control)


def weakest(each: Comparison, known: list[tuple[Pair, Estimate]], numbers: Numbers) -> Judged:
    """By the pair that supports the claim least; it decides alone whether all hold or one fails."""
    chances = [against(pair, found, each.claim) for pair, found in known]
    most = max(range(len(known)), key=lambda place: chances[place][0])
    pair, found = known[most]
    verdict = side(pair, found, each.claim)
    line = described(each, pair, len(known), numbers)
    line = replace(
        line,
        here=digits(found.value),
        low=digits(found.low),
        high=digits(found.high),
        verdict=verdict,
        corrected=verdict,
        size_within=within(pair.size, found),
    )
    if not pair.first.places:
        return Judged(line)
    holds = max(ahead for ahead, _ in chances)
    fails = min(behind for _, behind in chances) * len(known)
    p = min(1.0, 2 * min(holds, fails))
    if verdict == FAILS and p > WRONG:  # not clear among so many
        line = replace(line, verdict=UNDECIDED, corrected=UNDECIDED)
    return Judged(replace(line, p=f"{p:.3g}"), p, holds <= fails)


def against(pair: Pair, found: Estimate, claim: Claim) -> tuple[float, float]:
    """One-sided p-values: that the claim is true of the pair, and that it is not."""
    if claim.kind == EQUAL:
        margin = float(claim.value)
        within = max(found.p_ahead(-margin), found.p_behind(margin))
        return within, min(found.p_ahead(margin), found.p_behind(-margin))
    least = reached(pair, claim.kind)
    return found.p_ahead(least), found.p_behind(least)


def side(pair: Pair, found: Estimate, claim: Claim) -> str:
    """Where the interval lies: the verdict on one pair."""
    if claim.kind == EQUAL:
        margin = float(claim.value)
        inside = -margin < found.low and found.high < margin
        outside = found.low > margin or found.high < -margin
        return HOLDS if inside else FAILS if outside else UNDECIDED
    least = reached(pair, claim.kind)
    return HOLDS if found.low > least else FAILS if found.high < least else UNDECIDED


def reached(pair: Pair, kind: str) -> float:
    """What the number must exceed: zero, or the lowest number that rounds to a printed level."""
    return float(pair.size.low) if kind == "value" else 0.0


def within(size: Interval | None, found: Estimate) -> str:
    if size is None:
        return ""
    return "yes" if found.low <= size.high and size.low <= found.high else "no"


def digits(value: float) -> str:
    return f"{value:.6f}"


def described(each: Comparison, pair: Pair, compared: int, numbers: Numbers) -> Line:
    """The line without its numbers."""
    claim = each.claim
    places = [place for end in pair.ends() for place in end.places]
    images = {numbers.images[place] for place in places}
    return Line(
        claim.paper,
        claim.table,
        claim.claim,
        claim.kind,
        spelled(claim.cell),
        spelled(claim.against),
        published(claim, pair.size),
        *[""] * 4,
        "",
        "",
        "",
        each.needs,
        f"{compared} of {len(each.pairs)}" if len(each.pairs) > 1 else "",
        pair.first.metric,
        " ".join(map(str, common(*filter(None, (pair.first, pair.second))))),
        " and ".join(map(str, sorted(images))),
        " ".join(pair.first.folders()) or pair.first.system,
        (" ".join(pair.second.folders()) or pair.second.system) if pair.second else "",
        "",
    )


def spelled(place: Place | None) -> str:
    """A cell as claims.csv has it."""
    if place is None:
        return ""
    words = (place.dataset or "-", place.method, place.setting, place.metric)
    return " ".join(filter(None, words))


def published(claim: Claim, size: Interval | None) -> str:
    stated = claim.value if claim.kind != EQUAL else ""  # its value is a margin
    if stated or size is None:
        return stated
    return f"{float(size.low + size.high) / 2:.1f}"


def unjudged(each: Comparison, verdict: str, reason: str) -> Line:
    """The published size of the closest rival, if there are several."""
    sizes = [pair.size for pair in each.pairs if pair.size]
    size = min(sizes, key=lambda size: size.low, default=None)
    claim = each.claim
    return Line(
        claim.paper,
        claim.table,
        claim.claim,
        claim.kind,
        spelled(claim.cell),
        spelled(claim.against),
        published(claim, size),
        *[""] * 4,
        verdict,
        verdict,
        "",
        each.needs,
        f"0 of {len(each.pairs)}" if len(each.pairs) > 1 else "",
        *[""] * 5,
        reason,
    )


def wins(each: Comparison, numbers: Numbers, compared: int) -> Judged:
    """In how many columns the cell is first, among the rows that ran, over draws of both kinds."""
    here, columns = each.here(), {}
    for pair in here:
        columns.setdefault(pair.first, []).append(pair.second)
    seeds = sorted(set.intersection(*({*end.seeds} for pair in here for end in pair.ends())))
    draw = np.random.default_rng(bootstrap.SEED)
    chosen = draw.integers(0, len(seeds), (numbers.count, len(seeds)))  # (R, S)
    count, counts = 0, np.zeros(numbers.count, int)
    for first, rivals in columns.items():
        values, drawn = numbers.of(first, seeds)
        others = [numbers.of(rival, seeds) for rival in rivals]
        count += all(values.mean() > other.mean() for other, _ in others)
        most = np.max([of_seeds(some, chosen) for _, some in others], 0)
        counts += of_seeds(drawn, chosen) > most
    low, high = bootstrap.interval(counts.astype(float))
    wanted = int(each.claim.value)
    share = [
        (np.sum(some) + 1) / (numbers.count + 1) for some in (counts < wanted, counts >= wanted)
    ]
    p = min(1.0, 2 * min(share))
    verdict = HOLDS if low >= wanted else FAILS if high < wanted else UNDECIDED
    claim, line = each.claim, described(each, here[0], compared, numbers)
    line = replace(
        line,
        here=digits(count),
        low=digits(low),
        high=digits(high),
        p=f"{p:.3g}",
        verdict=verdict,
        size_within="yes" if low <= wanted <= high else "no",
        metric=claim.cell.metric,
        second="",
    )
    return Judged(line, p, share[0] <= share[1])


def of_seeds(drawn: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(R,) the mean over the seeds that a draw takes: `drawn` is (S, R), `chosen` (R, S)."""
    return drawn[chosen, np.arange(len(chosen))[:, None]].mean(1)


def tally(lines: Iterable[Line], column: str = "verdict") -> dict[str, int]:
    number = Counter(getattr(line, column) for line in lines)
    return {verdict: number[verdict] for verdict in VERDICTS}


def kinds(lines: Iterable[Line]) -> list[str]:
    """The verdicts that a study may give; a rehearsal judges nothing."""
    left_out = (HOLDS, FAILS, UNDECIDED) if tally(lines)[NO_MEANING] else (NO_MEANING,)
    return [name for name in VERDICTS if name not in left_out]
