"""Verdicts as csv, Markdown, LaTeX and lines for a terminal."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from labelgraph.files import escaping
from labelgraph.files.plurals import counted
from labelgraph.review.audit.claims import EQUAL
from labelgraph.review.claims.comparisons import OWN
from labelgraph.review.claims.verdicts import (
    FAILS,
    HOLDS,
    LEVEL,
    NO_MEANING,
    NOT_RUN,
    UNDECIDED,
    WRONG,
    Line,
    kinds,
    tally,
)
from labelgraph.tables.cost_columns import COSTS

FILE = "claims.csv"  # beside the tables of a study
PAPERS = {"ml_gcn": "ML-GCN", "gm_mlic": "GM-MLIC", "ia_gcn": "IA-GCN", "ml_sgm": "ML-SGM"}
JUDGED = (HOLDS, FAILS, UNDECIDED)
Entry = dict[str, Any]

METHOD = """\
A verdict is about the difference between two systems here: the claim *holds* if the 95 % interval
of the difference lies on the claimed side of zero, *fails* if it lies on the other, and is
*undecided* otherwise. A claim that two numbers are comparable *holds* if the interval lies within a
margin on both sides of zero, and *fails* if it lies outside; the papers name no margin, so it is
ours, and stands beside the claim. `size within` says whether the published size lies in the
interval. A claim that needs several differences, such as "best", holds if each of them does, and
fails if one fails clearly even among so many; the numbers shown are those of the difference that
supports it least.
Only rows with a run here can take part: `2 of 7` means that 5 of 7 are only quoted, so that *holds*
says less than the paper's words.

Intervals are over report images drawn again (bootstrap, the same draws for both systems) and over
seeds, paired; with one seed they are over images alone, and training again may change more than the
interval says. `corrected` is the verdict after Holm's procedure, at 5 %, over all claims of the
papers, over all pairs of systems, or over our own claims; the page on
[metrics](../../../docs/metrics.md) says more."""


def as_csv(lines: list[Line]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [each.name for each in fields(Line)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, lines))
    return text.getvalue()


def parse(text: str) -> list[Line]:
    rows = csv.DictReader(io.StringIO(text))
    if rows.fieldnames != [each.name for each in fields(Line)]:
        raise ValueError(f"{FILE} does not have the columns of a list of verdicts; make it again")
    return [Line(**row) for row in rows]


def missing(path: Path) -> str:
    """`path`: results/tables/<study>/claims.csv."""
    study = path.absolute().parent.name
    return f"{path} is missing; `snakemake {path} --config study={study}` makes it"


def summary(lines: list[Line]) -> str:
    """How many claims of papers have which verdict, and how many of them by chance."""
    found, sure = tally(lines), tally(lines, "corrected")
    if found[NO_MEANING]:
        return (
            f"This is a rehearsal, and its numbers mean nothing. Of"
            f" {counted(len(lines), 'claim', 'claims')}, {found[NO_MEANING]} would be judged;"
            f" {found[NOT_RUN]} are about systems without a run here."
        )
    judged = sum(found[name] for name in JUDGED)
    chance = WRONG / 2 * sum(bool(line.p) and line.kind != EQUAL for line in lines)
    partly = sum(part(line) for line in lines if line.verdict == HOLDS)
    return (
        f"Of {counted(len(lines), 'claim', 'claims')}, {judged} can be judged here: {found[HOLDS]}"
        f" hold, {found[FAILS]} fail, {found[UNDECIDED]} are undecided. {found[NOT_RUN]} are about"
        f" systems without a run here, {found[LEVEL]} about the level of a number, which only the"
        f" study `paper` can judge. Of those that hold, {partly} are compared with only some of the"
        f" rows that their words name. If no system differed from any other, up to {chance:.0f} of"
        f" the {judged} would be called *holds* by chance, and as many *fails*; corrected for that,"
        f" {sure[HOLDS]} hold and {sure[FAILS]} fail."
    )


def tallies(lines: list[Line]) -> list[list[str]]:
    """A row for each paper: how many claims have which verdict."""
    rows, names = [], kinds(lines)
    for paper, title in PAPERS.items():
        found = tally(line for line in lines if line.paper == paper)
        rows.append([title, *(str(found[name]) for name in names)])
    return rows


def part(line: Line) -> bool:
    """Whether a claim was compared with only some of the rows that it needs."""
    here, _, all_of = line.compared.partition(" of ")
    return here != all_of


def split(lines: list[Line]) -> tuple[list[Line], list[Line], list[Line]]:
    """The papers' claims, our own, and who is ahead of whom."""
    own = [line for line in lines if line.paper == OWN]
    return (
        [line for line in lines if line.paper != OWN],
        [line for line in own if "/" not in line.table],
        [line for line in own if "/" in line.table],
    )


def as_markdown(recipe: Entry, lines: list[Line]) -> str:
    papers, own, pairs = split(lines)
    judged = [line for line in papers if line.verdict in JUDGED]
    names = kinds(papers)
    known = [line for line in pairs if line.verdict != NO_MEANING]
    parts = [
        f"# What the papers claim, and what the study `{recipe['study']}` says",
        summary(papers),
        "## In short",
        "Differences in mAP with their 95 % intervals. A star: still clear after Holm's correction"
        f" over all {len(pairs)} pairs of systems, or over our own claims.",
        in_short(recipe, own, pairs),
        "## Who is ahead of whom",
        "Points of mAP by which the row's system is ahead of the column's; **bold** if the 95 %"
        " interval excludes zero, with a star as above. Intervals are in the csv file.",
        *[text for place in places(known) for text in ahead(recipe, place, pairs)],
        *[
            text
            for title, words, some in sections(own)
            for text in (f"## {title}", words, table(recipe, some))
        ],
        "## Verdicts on the papers' claims",
        markdown_table(["claims of", *names], tallies(papers), right=len(names)),
        *[
            text
            for paper, title in PAPERS.items()
            if (some := [line for line in judged if line.paper == paper])
            for text in (f"## Claims of {title}", by_verdict(some), table(recipe, some))
        ],
        "## Not judged",
        unjudged([line for line in papers if line.verdict not in JUDGED]),
        "## How to read this",
        METHOD,
        escaping.prose(recipe["note"]),
    ]
    return "\n\n".join(parts) + "\n"


def sections(own: list[Line]) -> list[tuple[str, str, list[Line]]]:
    """Our own claims that are judged, by the question that their table answers."""
    found = []
    for name, (title, words) in QUESTIONS.items():
        if some := [line for line in own if line.table == name and line.verdict in JUDGED]:
            found.append((title, words, some))
    return found


def in_short(recipe: Entry, own: list[Line], pairs: list[Line]) -> str:
    """Who is ahead of the linear layer, who of ML-GCN, and whether that needs structure."""
    titles, datasets = recipe["titles"], recipe["datasets"]
    layer = titles.get(LINEAR, "").replace("linear (", "a linear layer with ").rstrip(")")
    found = []
    for method in OURS:
        both = [line for line in oriented(pairs, FIRST) if line.first.endswith(f"/{method}")]
        sides = [(datasets[line.table.partition("/")[2]], line) for line in both]
        found.append((f"{titles.get(method)} against {titles.get(FIRST)}", by_side(sides, "ahead")))
    for place in places(pairs):
        here = [line for line in pairs if line.table == place]
        name = f"{datasets[place.partition('/')[2]]}{size_of(here)}"
        sides = [(system(recipe, line.first), line) for line in oriented(here, LINEAR)]
        found.append((name, by_side(sides, f"ahead of {layer}")))
    for kind, words in (
        ("structure", "With structure against without"),
        ("learning", "With an encoder that learns against a frozen one"),
    ):
        some = [line for line in own if line.kind == kind and line.verdict in JUDGED]
        gains = [(system(recipe, line.first), line) for line in some]
        found.append((words, by_side(gains, "gains more")))
    return "\n".join(f"- {escaping.markdown(name)}: {text}" for name, text in found if text)


LINEAR, FIRST = "baseline", "ml_gcn"
OURS = ("ia_gcn", "gm_mlic", "ml_sgm")  # of the papers that followed


def oriented(lines: list[Line], reference: str) -> list[Line]:
    """The judged pairs with a system, each as the other system minus this one."""
    found = []
    for line in lines:
        names = [name.rpartition("/")[2] for name in (line.first, line.second)]
        if line.verdict in JUDGED and reference in names:
            found.append(line if names[1] == reference else turned(line))
    return found


def turned(line: Line) -> Line:
    """The same pair the other way round."""
    verdict = {HOLDS: FAILS, FAILS: HOLDS}.get(line.verdict, UNDECIDED)
    here, low, high = (f"{-float(text):.6f}" for text in (line.here, line.high, line.low))
    ends = {"first": line.second, "second": line.first, "low": low, "high": high}
    return replace(line, here=here, verdict=verdict, **ends)


def by_side(lines: list[tuple[str, Line]], ahead: str) -> str:
    """The names by verdict, the largest difference first."""
    known = sorted(lines, key=lambda both: -float(both[1].here))
    parts = []
    for verdict, words in ((HOLDS, ahead), (UNDECIDED, "no clear difference"), (FAILS, "behind")):
        names = [
            f"{escaping.markdown(name)}{star(line)} ({signed(line)})"
            for name, line in known
            if line.verdict == verdict
        ]
        if names or verdict == HOLDS:
            parts.append(f"{words}: {', '.join(names) or 'none'}")
    return f"{'; '.join(parts)}." if known else ""


def signed(line: Line) -> str:
    return f"{'+' * (float(line.here) >= 0)}{interval(line)}"


def interval(line: Line) -> str:
    here, low, high = map(points, (line.here, line.low, line.high))
    return f"{here} [{low}, {high}]"


def points(text: str) -> str:
    """With a digit more where one would show zero."""
    value = float(text) or 0.0  # never minus zero
    return f"{value:.{1 if abs(value) >= 0.05 else 2}f}".replace("-", "−")


def size_of(here: list[Line]) -> str:
    """How many images and seeds are behind the pairs of a place."""
    known = [line for line in here if line.verdict in JUDGED]
    seeds = sorted({counted(len(line.seeds.split()), "seed", "seeds") for line in known})
    images = sorted({line.images for line in known})
    return f" ({', '.join(images)} report images, {', '.join(seeds)})" if known else ""


STRUCTURE = """\
The gain of each method over the linear layer on scenes in which labels belong together, minus its
gain on the control, in which they do not. The two gains come from different images, so their errors
add."""

STAGES = """\
The activation maps are ML-SGM's first stage: a linear layer at each place, of which the highest
score counts. Its matching is compared with these scores of the same training."""

LEARNING = """\
Each method is trained twice on the same images: with a frozen encoder, and with one whose last
stages learn with it. Who is ahead of the linear layer with either, who gains, and who gains more
than the linear layer does?"""

QUESTIONS = {  # table -> the question that its claims answer, and how
    "ml_sgm_control": ("Does a gain need structure?", STRUCTURE),
    "ml_sgm_stages": ("What does ML-SGM's matching add?", STAGES),
    "ml_sgm_encoder": ("Does it change who is ahead that the encoder learns?", LEARNING),
}


def by_verdict(lines: list[Line]) -> str:
    found = tally(lines)
    return ", ".join(f"{found[name]} {name}" for name in JUDGED) + "."


def places(pairs: list[Line]) -> list[str]:
    """Those with most systems first."""
    number = Counter(line.table for line in pairs)
    return sorted(number, key=number.__getitem__, reverse=True)


def ahead(recipe: Entry, place: str, pairs: list[Line]) -> tuple[str, str]:
    """A heading and a table with a row and a column for each system, the best first."""
    here = [line for line in pairs if line.table == place]
    shown, total = {}, {}
    for line in here:
        if line.verdict not in JUDGED:
            continue
        first, second = (name.rpartition("/")[2] for name in (line.first, line.second))
        value = float(line.here)
        for one, other, sign in ((first, second, 1), (second, first, -1)):
            shown[one, other] = marked(f"{sign * value:+.1f}", line)
            total[one] = total.get(one, 0) + sign * value
    order = sorted(total, key=total.get, reverse=True)
    names = [recipe["titles"][name] for name in order]
    rows = [
        [name, *(shown.get((one, other), "") for other in order)]
        for one, name in zip(order, names, strict=True)
    ]
    title = recipe["datasets"][place.partition("/")[2]]
    heading = f"### {escaping.markdown(title)}{size_of(here)}"
    return heading, markdown_table(["", *names], rows, right=len(order))


def star(line: Line) -> str:
    return "\\*" if line.corrected in (HOLDS, FAILS) else ""


def marked(text: str, line: Line) -> str:
    text = text.replace("-", "−")
    return f"**{text}{star(line)}**" if line.verdict in (HOLDS, FAILS) else text


def table(recipe: Entry, lines: list[Line]) -> str:
    rows = [
        [
            f"**{line.verdict}**" if line.verdict != UNDECIDED else line.verdict,
            line.corrected,
            escaping.markdown(line.claim),
            escaping.markdown(where(recipe, line)),
            line.published,
            numbers(line),
            line.size_within,
            escaping.markdown(compared(recipe, line)),
        ]
        for line in lines
    ]
    names = ["verdict", "corrected", "claim", "where", "published", "here", "size within"]
    return markdown_table([*names, "compared here"], rows)


def where(recipe: Entry, line: Line) -> str:
    """The table of the paper, its dataset and the metric; of our own claims what was judged."""
    dataset, *_, metric = line.cell.split(" ")
    known = recipe["datasets" if line.paper == OWN else "printed"]
    there = " ".join(filter(None, [known.get(dataset, ""), metric_name(metric)]))
    if line.paper == OWN:
        return there
    return f"{line.table}, {there}" if "." in line.table else f"Table {line.table}, {there}"


def metric_name(metric: str) -> str:
    if metric in COSTS:
        return COSTS[metric][0]
    every = {"*": "every metric", "AP:*": "every label"}
    return every.get(metric, metric.removeprefix("AP:").replace("_", " "))


def numbers(line: Line) -> str:
    return interval(line) if line.seeds else f"{float(line.here):.2f}"


def compared(recipe: Entry, line: Line) -> str:
    """The two systems that decide, and what else the words need."""
    names = [system(recipe, text) for text in (line.first, line.second) if text]
    metric = f"in {metric_name(line.metric)}" if line.cell.endswith("*") and line.second else ""
    share = f"{line.compared} differences" if line.compared else ""
    share = "; ".join(filter(None, [line.needs if line.kind == EQUAL else "", share]))
    seed = "one seed" if len(line.seeds.split()) == 1 else ""
    return "; ".join(filter(None, [" − ".join(names), metric, share, seed]))


def system(recipe: Entry, text: str) -> str:
    """`text`: task/dataset/system, several for a mean over tasks, or what was counted."""
    task, *_, name = text.split(" ")[0].split("/")
    title = recipe["titles"].get(name, name)
    if " " in text or task in ("full", name) or "-" not in task:
        return title
    return f"{title} ({task})"


def unjudged(lines: list[Line]) -> str:
    """How many claims of each paper and reason; the csv file has them one by one."""
    number: dict[tuple[str, str], int] = {}
    for line in lines:
        key = PAPERS[line.paper], line.reason
        number[key] = number.get(key, 0) + 1
    rows = [[paper, reason, str(count)] for (paper, reason), count in number.items()]
    return markdown_table(["paper", "why", "claims"], rows, right=1)


def markdown_table(names: list[str], rows: Iterable[list[str]], right: int = 0) -> str:
    rule = ["---"] * (len(names) - right) + ["---:"] * right
    return "\n".join("| " + " | ".join(row) + " |" for row in [names, rule, *rows])


def as_latex(recipe: Entry, lines: list[Line]) -> str:
    """The papers' claims that can be judged, as a longtable."""
    papers, own, _ = split(lines)
    judged = [line for line in [*papers, *own] if line.verdict in JUDGED]
    rows = [
        [line.verdict, line.corrected, PAPERS.get(line.paper, ""), line.claim]
        + [where(recipe, line), line.published, numbers(line)]
        for line in judged
    ]
    names = ["verdict", "corrected", "paper", "claim", "where", "published", "here"]
    body = [" & ".join(map(escaping.latex, row)) + r" \\" for row in rows]
    said = escaping.latex(summary(papers).replace("*", "").replace("`", ""))
    return "\n".join(
        [
            r"% needs \usepackage{booktabs} and \usepackage{longtable}",
            r"\begin{longtable}{lllp{.27\linewidth}lrr}",
            rf"\caption{{Claims of the papers, judged by the study {recipe['study']}. {said}}} \\",
            r"\toprule",
            " & ".join(names) + r" \\",
            r"\midrule",
            r"\endhead",
            *body,
            r"\bottomrule",
            r"\end{longtable}",
            "",
        ]
    )


def as_text(places: dict[int, Line]) -> str:
    """For a terminal: a block for each claim, then the number of each verdict.

    `places`: lines by their place in the csv file, from 1 on, its header.
    """
    blocks = [f"{place}  {heading(line)}\n  {result(line)}\n" for place, line in places.items()]
    lines = [*places.values()]
    found, sure = tally(lines), tally(lines, "corrected")
    counts = ", ".join(f"{number} {name}" for name, number in found.items() if number)
    ending = f"{counted(len(lines), 'claim', 'claims')}: {counts}"
    if any(line.p for line in lines):
        ending += f"; after Holm's correction {sure[HOLDS]} holds, {sure[FAILS]} fails"
    return "\n".join([*blocks, f"{ending}\n"])


def heading(line: Line) -> str:
    place = line.table if line.paper == OWN else f"{line.paper}, {line.table}"
    return f"{line.verdict}: {place}: {line.claim} ({line.cell})"


def result(line: Line) -> str:
    if line.verdict not in JUDGED:
        return line.reason
    found = [f"here {numbers(line)}"]
    found += [f"published {line.published}"] * bool(line.published)
    found += [f"p {line.p}, corrected {line.corrected}"] * bool(line.p)
    found += [f"{line.needs}; {line.compared} here" if line.compared else line.needs]
    found += [f"{line.first} against {line.second}" if line.second else line.first]
    return "; ".join(filter(None, found))
