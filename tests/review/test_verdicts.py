"""Verdicts: the pairs that words need, intervals that hold the truth, and what is made of them."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from claims_cases import CLAIMS, LABELS, RECIPE, SETTINGS, write_published, write_runs
from conftest import ROOT

from labelgraph.__main__ import main
from labelgraph.files.small import read_arrays, write_text
from labelgraph.review.audit.claims import Claim, Place
from labelgraph.review.audit.printed import interval
from labelgraph.review.claims import comparisons, listing, verdicts
from labelgraph.review.claims import recipe as recipes
from labelgraph.review.claims.comparisons import Pair
from labelgraph.score import bootstrap, estimates, metrics, redrawn
from labelgraph.score.estimates import Estimate, estimate
from labelgraph.score.resampling import End, Numbers
from labelgraph.steps import judge_claims
from labelgraph.study.config import read_study
from labelgraph.tables import tables


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    write_published(root / "published")
    write_runs(root)
    return root


def numbers_of(study, found, count=300):
    numbers = Numbers(study / "runs", study / "splits", count)
    numbers.read(comparisons.ends(found))
    return numbers


@pytest.fixture(scope="module")
def judged(study):
    """Claim -> its line."""
    found = comparisons.of_study(RECIPE, study / "published")
    costs = {"baseline": {"params_m": 2.0}, "ml_sgm/B": {"params_m": 4.5}}
    lines = verdicts.judge(RECIPE, found, numbers_of(study, found), costs)
    return {line.claim: line for line in lines}


def end(system, metric="mAP", place="full/voc2007", seeds=(0, 1, 2)):
    return End(system, metric, (place,), seeds)


def literal(study, pair, count):
    """(R, S): for each draw of images and seed, both systems scored on copied images."""
    counts = drawn_counts(study)[:count]
    found = np.empty((count, 3))
    for seed in range(3):
        target = read_arrays(study / "splits/full/voc2007/targets.npz")["target"]
        scores = [
            read_arrays(study / f"runs/full/voc2007/{system}/seed{seed}/predictions.npz")["scores"]
            for system in pair
        ]
        for number, times in enumerate(counts):
            rows = np.repeat(np.arange(len(target)), times)
            first, second = (
                metrics.evaluate(some[rows], target[rows], **SETTINGS)["map"]["non_interpolated"]
                for some in scores
            )
            found[number, seed] = 100 * (first - second)
    return found


def drawn_counts(study):
    images = read_arrays(study / "splits/full/voc2007/targets.npz")["images"].tolist()
    return redrawn.draws(len(images), crc32("\n".join(images).encode()), 300)


def test_draws_and_error_are_those_of_a_literal_bootstrap(study):
    ends = end("ml_sgm"), end("baseline")
    numbers = Numbers(study / "runs", study / "splits", 300)
    numbers.read(ends)
    found = numbers.difference(*ends)
    both = [numbers.of(each, (0, 1, 2))[1] for each in ends]
    wanted = literal(study, ("ml_sgm", "baseline"), 40)
    np.testing.assert_allclose((both[0] - both[1])[:, :40].T, wanted, atol=1e-9)
    # images and seeds drawn literally, many times: as far from the mean as the error says
    draw, over = np.random.default_rng(0), (both[0] - both[1]).T  # (R, S)
    values = numbers.of(ends[0], (0, 1, 2))[0] - numbers.of(ends[1], (0, 1, 2))[0]
    images = over[draw.integers(0, len(over), 20000)].mean(1)
    seeds = values[draw.integers(0, 3, (20000, 2))].mean(1)  # one seed less than there are
    twice = (over - over.mean(1, keepdims=True)).var(0, ddof=1).mean() / 2  # in both of them
    rest = max(0, np.var(seeds) - twice)
    assert [np.var(images), rest] == pytest.approx([part for part, _ in found.parts], rel=0.05)
    assert found.value == pytest.approx(values.mean())


def test_runs_on_the_same_images_share_draws_and_others_do_not(study):
    numbers = Numbers(study / "runs", study / "splits", 50)
    same = [end("baseline"), end("baseline", place="partial-10/voc2007", seeds=(0,))]
    numbers.read(same)
    assert numbers.images == {"full/voc2007": 60, "partial-10/voc2007": 60}
    first = drawn_counts(study)
    assert (first.sum(1) == 60).all() and first.dtype == np.uint8
    assert (redrawn.draws(60, 7, 300) != first).any()
    assert (redrawn.draws(60, 7, 300) == redrawn.draws(60, 7, 300)).all()


def interval_covers(seeds, spread, repetitions, draw):
    """Images, seeds and the noise of a seed on an image, all normal; the truth is zero."""
    inside = 0
    for _ in range(repetitions):
        images = draw.normal(size=(1, 60)) + draw.normal(size=(seeds, 60)) * 0.5
        values = images + spread * draw.normal(size=(seeds, 1))
        weights = bootstrap.draws(60, 100, int(draw.integers(2**31))) / 60
        found = estimates.estimate(values.mean(1), values @ weights.T)
        inside += found.low <= 0 <= found.high
    return inside / repetitions


@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (3, 0.0), (3, 0.1), (3, 0.3), (4, 0.2)])
def test_intervals_hold_the_truth(seeds, spread):
    """Simulated 1000 times; benchmarks/coverage.py has systems that are more like ours."""
    share = interval_covers(seeds, spread, 1000, np.random.default_rng(seeds))
    assert 0.93 <= share <= 0.97


def test_few_seeds_widen_the_interval():
    seeds = Estimate(3.0, ((0.0, math.inf), (1.0, 2)))
    assert seeds.half() == pytest.approx(4.303, abs=0.001)  # Student's t of two degrees of freedom
    images = Estimate(3.0, ((1.0, math.inf),))
    assert images.half() == pytest.approx(1.96, abs=0.001)
    assert images.p_ahead() == pytest.approx(0.00135, abs=1e-5)
    assert images.p_behind() == pytest.approx(1 - 0.00135, abs=1e-5)
    both = images.minus(Estimate(1.0, ((0.0, math.inf), (1.0, 2))))
    assert (both.value, both.half()) == (2.0, pytest.approx(math.hypot(1.96, 4.303), abs=0.001))
    exact = Estimate(1.0)
    assert (exact.low, exact.high, exact.p_ahead(), exact.p_behind()) == (1.0, 1.0, 0.0, 1.0)


def test_an_interval_that_ends_at_zero_has_a_p_value_of_five_percent():
    for parts in (((2.0, math.inf),), ((2.0, math.inf), (3.0, 2)), ((1e-9, math.inf), (3.0, 3))):
        half = Estimate(0.0, parts).half()
        assert Estimate(half, parts).p_ahead() == pytest.approx(0.025)
        assert Estimate(-half, parts).p_behind() == pytest.approx(0.025)
        assert Estimate(0.0, parts).p_ahead() == pytest.approx(0.5)
        assert Estimate(1e9, parts).p_ahead() == estimates.SMALLEST


def test_what_images_explain_of_seeds_counts_once():
    """Seeds differ by 2, 0 and -2; draws of images move each by 1, apart from one another."""
    values = np.array([2.0, 0.0, -2.0])
    drawn = values[:, None] + np.array([[1.0, -1, 0, 0], [0, 0, 1, -1], [-1, 1, -1, 1]])
    found = estimates.estimate(values, drawn)
    rest = 4 / 3 - (2 / 3 + 2 / 3 + 4 / 3) / 3 / 2
    assert found.value == 0
    assert found.parts == ((pytest.approx(0), math.inf), (pytest.approx(rest), 2))
    alone = estimates.estimate(values[:1], drawn[:1])
    assert (alone.value, alone.parts) == (2.0, ((pytest.approx(2 / 3), math.inf),))


def test_verdicts_of_planted_differences(judged):
    assert judged["ahead"].verdict == judged["ahead"].corrected == "holds"
    assert judged["behind"].verdict == "fails"
    assert judged["matching adds"].verdict == "undecided"
    assert judged["on average"].verdict == judged["at 10%"].verdict == "holds"
    low, here, high = (float(getattr(judged["ahead"], key)) for key in ("low", "here", "high"))
    assert 0 < low < here < high
    assert judged["ahead"].size_within == ("yes" if low <= 5.05 and high >= 4.95 else "no")
    assert float(judged["behind"].here) == pytest.approx(-here)
    assert judged["on average"].first == "partial-10/voc2007/ml_sgm partial-90/voc2007/ml_sgm"
    assert (judged["ahead"].seeds, judged["at 10%"].seeds) == ("0 1 2", "0")


def test_comparable_numbers_lie_within_a_margin(judged):
    near, far = judged["comparable"], judged["said to be comparable"]
    assert near.verdict == "holds" and float(near.low) > -20 and float(near.high) < 20
    assert far.verdict == "fails" and float(far.low) > 1
    assert judged["too near to tell"].verdict == "undecided"
    assert near.needs == "no more than 20 apart, a margin of ours"
    assert near.published == "1.0" and near.size_within == "yes"  # the size is the table's
    sweep = judged["k matters little"]
    assert sweep.verdict == "holds" and sweep.compared == "1 of 2"
    assert sweep.needs == "no more than 20 apart, a margin of ours, for every other value of k"
    text = listing.as_markdown(RECIPE, [near])
    assert "no more than 20 apart, a margin of ours" in text and "the papers name no margin" in text
    assert "up to 0 of" in listing.summary([near] * 60)  # equal systems are no false alarm


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.0, "holds"), (0.9, "undecided"), (2.0, "fails"), (-2.0, "fails")]
)
def test_an_interval_that_is_within_a_margin_on_both_sides_has_the_p_value_for_it(value, verdict):
    """A standard error of 0.4 and a margin of 1: within up to 0.216, outside from 1.784 on."""
    claim = Claim("p", "t", "comparable", "equal", Place("d", "m", "", "mAP"), None, "1")
    pair = Pair(end("ml_sgm"), end("baseline"))
    found = Estimate(value, ((0.16, math.inf),))
    assert verdicts.side(pair, found, claim) == verdict
    true, false = verdicts.against(pair, found, claim)
    assert (true < 0.025, false < 0.025) == (verdict == "holds", verdict == "fails")
    for edge in (1 - 1.959964 * 0.4, 1.959964 * 0.4 - 1):
        assert verdicts.against(pair, Estimate(edge, found.parts), claim)[0] == pytest.approx(0.025)


def test_a_claim_that_needs_several_differences_is_decided_by_the_weakest(judged):
    best = judged["best"]
    assert best.verdict == "undecided" and best.second == "full/voc2007/ml_sgm@part"
    assert best.needs == "ahead of every other row: 3 differences"
    assert best.compared == "2 of 3"  # `other` is quoted
    every = judged["everywhere"]
    assert every.verdict == "holds" and every.compared == "3 of 3"
    assert every.metric in ("mAP", "OF1", "AP:cat") and best.metric == "mAP"
    wins = judged["first on one label"]
    assert (wins.here, wins.verdict, wins.size_within) == ("1.000000", "holds", "yes")
    assert wins.needs == "first in 1 of 1 columns, against every other row"


def test_what_is_not_judged_says_why(judged):
    reasons = {
        "level": "the level of a number is judged in study paper",
        "ahead of a quoted row": "what it is compared with has no run in this study's tables",
        "no such row": "its table has no such row",
    }
    assert {name: judged[name].reason for name in reasons} == reasons
    assert judged["level"].verdict == "not judged: level"
    assert judged["no such row"].verdict == "not run"
    assert judged["no such row"].published == "1.0"


def test_costs_are_compared_without_an_interval(judged):
    line = judged["parameters"]
    assert (line.here, line.low, line.p) == ("2.500000", "2.500000", "")
    assert (line.verdict, line.size_within) == ("holds", "no")


def test_a_point_of_a_sweep_is_paired_by_the_seeds_that_both_have(judged):
    line = judged["best k"]
    assert (line.compared, line.seeds) == ("1 of 2", "0")
    assert (line.first, line.second) == ("full/voc2007/ml_sgm", "full/voc2007/ml_sgm@k_1")


def test_structure_is_a_difference_of_two_independent_differences(study, judged):
    ends = [end(system) for system in ("ml_sgm", "baseline")]
    controls = [end(system, place="full/voc2007_control") for system in ("ml_sgm", "baseline")]
    numbers = Numbers(study / "runs", study / "splits", 300)
    numbers.read([*ends, *controls])
    first, second = numbers.difference(*ends), numbers.difference(*controls)
    line = judged["structure"]
    assert float(line.here) == pytest.approx(first.value - second.value, abs=1e-5)
    wide = math.hypot(first.half(), second.half())
    assert (float(line.high) - float(line.low)) / 2 == pytest.approx(wide, abs=1e-5)
    pair = Pair(*ends, controls=tuple(controls))
    assert verdicts.number(pair, numbers, {}) == first.minus(second)


def test_learning_is_a_difference_of_two_paired_differences(study, judged):
    """Over the same draws of the same images, so what is hard for all of them cancels."""
    names = ("ml_sgm", "baseline", "ml_sgm@frozen", "baseline@frozen")
    ends = [end(name) for name in names]
    numbers = Numbers(study / "runs", study / "splits", 300)
    numbers.read(ends)
    (one, drawn), *others = [numbers.of(each, (0, 1, 2)) for each in ends]
    for sign, (value, draws) in zip((-1, -1, 1), others, strict=True):
        one, drawn = one + sign * value, drawn + sign * draws
    line, expected = judged["learning"], estimate(one, drawn)
    assert float(line.here) == pytest.approx(expected.value, abs=1e-5)
    assert float(line.low) == pytest.approx(expected.low, abs=0.5)  # of another number of draws
    assert (line.first, line.second) == ("full/voc2007/ml_sgm", "full/voc2007/baseline")
    apart = numbers.difference(*ends[:2]).minus(numbers.difference(*ends[2:]))
    assert expected.value == pytest.approx(apart.value) and expected.half() < apart.half()


def test_our_claims_are_about_tables_that_the_study_makes(judged):
    assert "in a table that the study does not make" not in judged


@pytest.mark.parametrize(
    ("value", "verdict"), [("50", "holds"), ("95", "undecided"), ("100", "fails")]
)
def test_levels_are_judged_in_the_study_that_has_the_papers_protocol(study, value, verdict):
    recipe = RECIPE | {"study": "paper"}
    found = comparisons.of_study(recipe, study / "published")
    level = next(each for each in found if each.claim.claim == "level")
    size = interval(value)
    level = replace(level, pairs=(replace(level.pairs[0], size=size),))
    (line,) = verdicts.judge(recipe, [level], numbers_of(study, [level], 50), {})
    assert (line.verdict, line.size_within) == (verdict, "yes" if value == "95" else "no")
    assert 90 < float(line.here) < 98  # the number itself, not a difference


def test_a_rehearsal_judges_no_claim(study, judged):
    about = RECIPE | {"study": "rehearsal", "rehearsal": True}
    found = comparisons.of_study(about, study / "published")
    lines = verdicts.judge(about, found, numbers_of(study, found, 20), {})
    assert {line.verdict for line in lines} == {"not meaningful: rehearsal", "not run"}
    unjudged = {claim for claim, line in judged.items() if line.verdict == "not run"}
    left = {line.claim for line in lines if line.verdict == "not run"}
    assert left == unjudged | {"parameters"}  # no costs are given here
    page = listing.as_markdown(about, lines)
    assert "This is a rehearsal, and its numbers mean nothing." in page
    assert not {"holds", "fails", "undecided"} & {*page.partition("## How to read")[0].split()}
    assert verdicts.kinds(lines)[-1] == "not meaningful: rehearsal"
    assert "not meaningful: rehearsal" not in verdicts.kinds(judged.values())


def test_holm_by_hand():
    """.01 <= .05/4, .013 <= .05/3, .03 > .05/2: the third and what follows it stay."""
    assert verdicts.holm([0.03, 0.01, 0.013, 0.04]) == [False, True, True, False]
    assert verdicts.holm([0.02]) == [True]
    assert verdicts.holm([0.03, 0.03]) == [False, False]
    assert verdicts.holm([]) == []


def test_families_are_corrected_apart(judged):
    duel = judged["linear is ahead of ML-SGM"]
    names = {verdicts.family(line) for line in (judged["ahead"], judged["structure"], duel)}
    assert len(names) == 3


def test_the_step_makes_the_same_bytes_twice(study, tmp_path):
    made = []
    for name in ("one", "two"):
        output = tmp_path / name / "claims.csv"
        judge_claims.main(RECIPE, study / "published", study / "runs", study / "splits", output)
        made.append({path.name: path.read_bytes() for path in output.parent.iterdir()})
    assert made[0] == made[1] and sorted(made[0]) == ["claims.csv", "claims.md", "claims.tex"]


@pytest.fixture
def shown(study, tmp_path, monkeypatch):
    """A checkout with the verdicts of the small study."""
    output = tmp_path / "results/tables/mini/claims.csv"
    judge_claims.main(RECIPE, study / "published", study / "runs", study / "splits", output)
    monkeypatch.chdir(tmp_path)
    return output


def test_the_page_answers_who_is_ahead_before_anything_else(shown):
    text = shown.with_suffix(".md").read_text()
    head, _, rest = text.partition("## Claims of ML-SGM")
    assert head.startswith(
        "# What the papers claim, and what the study `mini` says\n\nOf 17 claims"
    )
    assert (
        "- drawn, VOC 2007 layout (60 report images, 3 seeds): ahead of linear: ML-SGM\\* (+"
        in head
    )
    assert "- With structure against without: gains more: none; no clear difference: ML-SGM" in head
    assert "| linear |" in head and "## Does a gain need structure?" in head
    rows = [line for line in rest.splitlines() if line.startswith(("| **", "| undecided"))]
    lines = listing.parse(shown.read_text())
    papers = [line for line in lines if line.paper == "ml_sgm"]
    assert len(rows) == sum(line.verdict in listing.JUDGED for line in papers)
    assert "Table V, VOC 2007 mAP" in rest and "**holds**" in rest
    assert r"\begin{longtable}" in shown.with_suffix(".tex").read_text()


@pytest.mark.parametrize("kept", [[], ["full/voc2007"]])
def test_a_study_that_runs_little_has_a_page(study, tmp_path, kept):
    """Without the control, and without any run."""
    runs = {place: RECIPE["runs"][place] for place in kept}
    known = RECIPE["tables"] if kept else {}
    recipe = RECIPE | {"runs": runs, "tables": known}
    folders = (study / name for name in ("published", "runs", "splits"))
    judge_claims.main(recipe, *folders, tmp_path / "claims.csv")
    lines = listing.parse((tmp_path / "claims.csv").read_text())
    own = [line.verdict for line in lines if line.kind in ("structure", "learning")]
    assert own == (["not run", "holds"] if kept else [])
    text = (tmp_path / "claims.md").read_text()
    assert "Does a gain need structure?" not in text
    assert ("### drawn, VOC 2007 layout (60 report images, 3 seeds)" in text) == bool(kept)


def test_the_command_lists_verdicts(shown, capsys):
    assert main(["claims"]) == 1  # one of them fails
    text = capsys.readouterr().out
    assert "4  fails: ml_sgm, I: behind (voc2007 baseline mAP)" in text  # the third claim
    assert text.splitlines()[-1].startswith(f"{len(CLAIMS)} claims: ")
    assert main(["claims", "--paper", "labelgraph", "--json"]) in (0, 1)
    own = json.loads(capsys.readouterr().out)
    assert {each["paper"] for each in own} == {"labelgraph"}
    assert own[0]["first"] == "full/voc2007/ml_sgm"
    assert main(["claims", "--paper", "gm_mlic"]) == 0
    assert capsys.readouterr().out.strip() == "0 claims:"


def test_the_command_says_how_verdicts_are_made(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["claims", "--study", "laptop"]) == 2
    assert "`snakemake results/tables/laptop/claims.csv --config study=laptop` makes it" in (
        capsys.readouterr().err
    )
    write_text(Path("results/tables/mini/claims.csv"), "a,b\n")
    assert main(["claims"]) == 2
    assert "does not have the columns" in capsys.readouterr().err


def book(study):
    return read_study(ROOT / "workflow/config", {"study": study})


@pytest.fixture(scope="module")
def mini():
    whole = book("mini")
    recipe = recipes.recipe(whole, [*tables.of_study(whole)])
    return whole, recipe, comparisons.of_study(recipe, ROOT / "workflow/published")


def test_claims_need_no_run_that_no_table_needs(mini):
    whole, _, found = mini
    there = {run.folder for run in tables.runs(whole, [*tables.of_study(whole)])}
    assert {f"mini/{folder}" for folder in comparisons.folders(found)} <= there


def test_cells_stand_for_the_runs_of_the_tables(mini):
    """By the mapping of tables.yaml: ML-GCN of Table II is its binary graph, for example."""
    _, _, found = mini
    pairs = {
        (each.claim.paper, each.claim.table, each.claim.claim): each.here()[0]
        for each in found
        if each.here()
    }
    gain = pairs["gm_mlic", "1", "ahead of ML-GCN"]
    assert (gain.first, gain.second) == (end("gm_mlic"), end("ml_gcn@binary"))
    average = pairs["ml_sgm", "V", "ahead of SARB's average on VG-200"]
    assert len(average.first.places) == 9 and average.first.places[0] == "partial-10/vg200"
    assert (average.first.system, average.first.seeds) == ("ml_sgm@partial", (0,))
    shots = pairs["ml_sgm", "VI", "ahead of LaSO on VG-500 with 5 shots"]
    assert shots.second == end("laso", place="fewshot-5/vg500", seeds=(0, 1, 2, 3))
    size = pairs["ml_sgm", "III", "mAP over ADD-GCN"]
    assert [each.system for each in size.ends()] == ["ml_sgm@test_576", "add_gcn@test_576"]
    cost = pairs["ml_sgm", "VIII", "parameters of the encoder"]
    assert cost.first == End("ml_sgm/Encoder", "params_m", (), ())


def test_every_claim_of_a_table_is_judged_or_has_a_reason(mini):
    *_, found = mini
    for each in found:
        if not each.here():
            assert verdicts.why_not(each)
    ours = [each for each in found if each.claim.paper == comparisons.OWN]
    assert all(each.here() for each in ours)
    assert sum(each.claim.kind == "structure" for each in ours) == 8


def test_a_missing_metric_is_named(study):
    numbers = Numbers(study / "runs", study / "splits", 20)
    with pytest.raises(ValueError, match=r"no draws of \['mAP_balanced'\]"):
        numbers.read([end("baseline", "mAP_balanced")])


def test_labels_of_the_small_study_are_those_of_its_runs(study):
    assert read_arrays(study / "splits/full/voc2007/targets.npz")["labels"].tolist() == LABELS


def test_drawn_data_are_never_called_by_the_name_of_photographs(mini, judged):
    recipe = mini[1]
    numbers = {"verdict": "holds", "seeds": "0", "paper": comparisons.OWN, "kind": "above"}
    pairs = [
        replace(
            judged["ahead"],
            **numbers | {"table": f"full/{name}", "cell": f"{name} ml_sgm mAP"},
            first=f"full/{name}/ml_sgm",
            second=f"full/{name}/ml_gcn",
        )
        for name in ("voc2007", "coco2014", "nuswide")
    ]
    texts = [listing.in_short(recipe, [], pairs), *(listing.where(recipe, line) for line in pairs)]
    for text in texts:
        assert re.findall(r"VOC 2007|MS-COCO|NUS-WIDE", text)
        assert not re.search(r"(?<!drawn, )(VOC 2007|MS-COCO|NUS-WIDE)", text), text
    of_paper = replace(pairs[0], paper="ml_sgm", table="II")
    assert listing.where(recipe, of_paper) == "Table II, VOC 2007 mAP"  # a place in print


def test_a_line_is_whole_in_the_csv_file(judged):
    lines = [*judged.values()]
    assert listing.parse(listing.as_csv(lines)) == lines
    counts = verdicts.tally([replace(lines[0], verdict="holds")])
    assert counts["holds"] == 1 and sum(counts.values()) == 1


def test_no_committed_verdict_is_called_against_its_p_value():
    path = ROOT / "results/tables/mini/claims.csv"
    lines = [line for line in listing.parse(path.read_text("utf-8")) if line.p]
    assert lines
    for line in lines:
        assert (line.verdict in (verdicts.HOLDS, verdicts.FAILS)) == (float(line.p) <= 0.05), line
