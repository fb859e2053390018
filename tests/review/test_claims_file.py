"""The committed list of claims: each once, about every table, and about runs that figures draw."""

from collections import Counter

import pytest
from conftest import ROOT

from labelgraph.figures import sweep_points
from labelgraph.review.audit import claims, printed
from labelgraph.study.config import read_study, run_of

PUBLISHED = ROOT / "workflow/published"
CLAIMS = claims.read(PUBLISHED)
OF_FIGURES = [claim for claim in CLAIMS if claim.figure]


@pytest.fixture(scope="module")
def book():
    return read_study(ROOT / "workflow/config", {"study": "paper"})


def sweep_of(book, claim, place):
    """The sweep of figures.yaml that has the cell."""
    entry = book.figures[f"{claim.paper}_{claim.figure}"]
    assert entry["method"] == place.method
    assert place.dataset in entry["datasets"]
    symbol = place.setting.split(" = ")[0]
    return next(sweep for sweep in entry["sweeps"] if sweep["symbol"] == symbol)


def setting_of(book, sweep, dataset, system):
    """The setting with which a system runs, as a cell says it."""
    run = run_of("paper", "full", dataset, system, 0)
    x = sweep_points.setting(book.settings(run).training, sweep["setting"])
    x = len(x) if sweep.get("show") == "count" else x
    return f"{sweep['symbol']} = {sweep_points.label(x)}"


def test_no_claim_is_made_twice():
    times = Counter((each.paper, each.table, each.kind, each.cell, each.against) for each in CLAIMS)
    assert [claim for claim, count in times.items() if count > 1] == []


def test_a_cell_of_a_figure_names_the_variant_that_runs_with_it(book):
    for claim in OF_FIGURES:
        for place in filter(None, (claim.cell, claim.against)):
            variants = book.variants(place.method)
            named = [name for name in variants if variants[name].title == place.setting]
            system = f"{place.method}@{named[0]}" if named else place.method
            sweep = sweep_of(book, claim, place)
            assert setting_of(book, sweep, place.dataset, system) == place.setting


def test_the_best_of_a_sweep_is_what_the_paper_uses(book):
    praised = [claim for claim in OF_FIGURES if claim.kind in ("best", "lead")]
    for claim in praised:
        place = claim.cell
        sweep = sweep_of(book, claim, place)
        assert setting_of(book, sweep, place.dataset, place.method) == place.setting
    assert len(praised) == 19  # τ and p on two datasets; m, k; γ, k, d: each on three


def test_every_table_and_every_sweep_has_a_claim(book):
    tables = {(row.paper, row.table) for row in printed.read(PUBLISHED)}
    assert tables == {(claim.paper, claim.table) for claim in CLAIMS if not claim.figure}
    sweeps = {
        (entry["paper"], entry["figure"], sweep["symbol"])
        for entry in book.figures.values()
        for sweep in entry.get("sweeps", [])
    }
    claimed = {
        (claim.paper, claim.figure, claim.cell.setting.split(" = ")[0]) for claim in OF_FIGURES
    }
    assert claimed == sweeps
