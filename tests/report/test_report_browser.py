"""The report in a browser, from the disk: it sorts, filters, opens, fits, and all can read it."""

import shutil
from importlib.util import find_spec

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: `apt-get install chromium`"),
    pytest.mark.skipif(
        any(find_spec(name) is None for name in ("playwright", "axe_playwright_python")),
        reason="needs playwright and axe-playwright-python, of the group `dev`",
    ),
]
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
TABLE = "tables/ml_sgm_II.html"
MAP = ".cells thead th[data-metric=mAP]"
NUMBERS = "cells => cells.map(cell => parseFloat(cell.innerText.replace('\u2212', '-')))"


@pytest.fixture(scope="module")
def page():
    """One page for all: a start costs more than what most tests do."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = browser.new_page(offline=True)
        page.set_default_timeout(20_000)
        yield page


@pytest.fixture
def visit(page, study_report):
    """visit("index.html", 390, "dark") -> the page; anything in its console is a fault."""
    faults = []
    listeners = {
        "console": lambda message: faults.append(message.text),
        "pageerror": lambda error: faults.append(str(error)),
        "requestfailed": lambda request: faults.append(request.url),
    }
    for event, listener in listeners.items():
        page.on(event, listener)

    def go(name, width=1440, theme="light"):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme)
        page.goto(f"file://{study_report}/{name}")
        return page

    yield go
    page.evaluate("localStorage.clear()")
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    assert not faults


def column(page, place):
    cells = page.locator(f".cells tbody tr:visible > :nth-child({place + 1})")
    return [number for number in cells.evaluate_all(NUMBERS) if number == number]


def place_of(page, selector):
    return page.locator(selector).evaluate("header => header.cellIndex")


def rows(page):
    return page.locator(".cells tbody tr:visible > th").all_inner_texts()


def test_numbers_sort_by_what_is_shown_and_the_order_comes_back(visit):
    page = visit(TABLE)
    before, place = rows(page), place_of(page, MAP)
    page.click("input[value=print]")
    for direction in ("descending", "ascending"):
        page.click(f"{MAP} button")
        numbers = column(page, place)
        assert numbers == sorted(numbers, reverse=direction == "descending")
        assert len(set(numbers)) > 5
        assert page.locator(MAP).get_attribute("aria-sort") == direction
    page.click(f"{MAP} button")
    page.click("input[value=both]")
    assert rows(page) == before
    page.click(".cells thead th:first-child button")
    letters = [name[0].lower() for name in rows(page)]
    assert letters == sorted(letters)


def test_a_switch_shows_published_reproduced_or_the_difference(visit):
    page = visit(TABLE)
    cell = page.locator(".cells tbody tr:has(.here):has(.print) td").first
    ours, printed = (cell.locator(f".{kind}").inner_text() for kind in ("here", "print"))
    mean = float(ours.split()[0])
    assert cell.inner_text().split() == [*ours.split(), *printed.split()]
    page.click("input[value=here]")
    assert cell.inner_text().split() == ours.split()
    page.focus("input[value=here]")
    page.keyboard.press("ArrowRight")  # radio buttons move with the arrow keys
    assert cell.inner_text() == printed
    page.keyboard.press("ArrowRight")
    shown = float(cell.inner_text().replace("\u2212", "-"))
    assert shown == pytest.approx(mean - float(printed), abs=0.11)
    assert "HCP" not in rows(page)  # nobody ran it, so it has no difference


def test_rows_filter_by_name_and_by_whether_they_were_run(visit):
    page = visit(TABLE)
    before = rows(page)
    page.fill(".tools input[type=search]", "ml gcn")
    assert rows(page) == [name for name in before if "ML-GCN" in name]
    assert page.locator(".tools output").inner_text() == f"{len(rows(page))} of {len(before)} rows"
    page.fill(".tools input[type=search]", "")
    page.check(".tools input[type=checkbox]")
    assert "HCP" not in rows(page)
    assert "DSDL" in rows(page)


def test_the_mouse_opens_where_a_cell_comes_from(visit):
    page = visit(TABLE)
    page.click(".cells tr:has-text('DSDL') td:last-child button")
    dialog = page.locator("dialog[open]")
    assert dialog.locator("h2").inner_text() == "DSDL, mAP"
    text = dialog.inner_text()
    assert "mini/full/voc2007/dsdl/seed0" in text and "mini/full/voc2007/dsdl/seed1" in text
    assert "012345678, with changes" in text and "published 94.4, difference" in text
    assert dialog.locator(".curve path:not(.axis)").count() == 4  # loss and mAP of two seeds
    dialog.locator("summary:has-text('Settings')").click()
    assert "train.epochs" in dialog.inner_text()
    dialog.locator("summary:has-text('Input files')").click()
    assert "voc2007" + "0" * 57 in dialog.inner_text()
    dialog.locator("summary:has-text('Commands')").click()
    wanted = "labelgraph trace results/tables/mini/ml_sgm_II.csv --row DSDL --column mAP"
    assert wanted in dialog.inner_text()
    assert "--forcerun train --config 'seeds=[0, 1]' 'tables=" in dialog.inner_text()
    page.mouse.click(5, 5)  # beside it
    assert dialog.count() == 0


def test_a_mean_over_tasks_names_the_runs_of_all_of_them(visit):
    page = visit("tables/ml_sgm_hostile.html")
    page.click("th[data-column='voc2007 avg mAP']")
    cell = page.locator(".cells tbody tr:has-text('7 * 7') td").nth(2)
    cell.locator("button").click()
    text = page.locator("dialog[open]").inner_text()
    for task in ("partial-10", "partial-20"):
        assert f"mini/{task}/voc2007/ml_gcn/seed1" in text


def test_the_keyboard_is_enough(visit):
    page = visit(TABLE)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.focus(".cells thead th:last-child button")
    page.keyboard.press("Tab")  # all cells are one stop
    first = page.evaluate("document.activeElement.ariaLabel")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    label = page.evaluate("document.activeElement.ariaLabel")
    assert first.startswith("CNN-RNN, aeroplane: Here")
    assert label.startswith("ResNet-101*, bicycle: Here")
    page.keyboard.press("Enter")
    assert page.locator("dialog[open] h2").inner_text() == "ResNet-101*, bicycle"
    for _ in range(12):
        page.keyboard.press("Tab")
        outside = "document.hasFocus() && !document.activeElement.closest('dialog, body:focus')"
        assert not page.evaluate(outside), "the focus left the dialog"
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert page.evaluate("document.activeElement.ariaLabel") == label


def test_text_is_not_run(visit):
    page = visit("tables/ml_sgm_hostile.html")
    page.locator("td[data-runs] button").first.click()
    assert "<img src=x" in page.locator("dialog[open] h2").inner_text()
    assert page.title().startswith("A caption & <script>")


def test_the_theme_follows_the_system_until_it_is_chosen(visit):
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = visit("index.html", theme="dark").evaluate(ground)
    page = visit("index.html")
    assert page.evaluate(ground) != dark
    page.click(".theme")
    page.click(".theme")
    assert page.locator(".theme").inner_text() == "Theme: dark"
    assert page.evaluate(ground) == dark
    page.reload()
    assert page.evaluate(ground) == dark


def grave(page, context=None):
    """What shuts people out, by axe's rules; `preload` would ask the disk for style sheets."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context, {"preload": False}).response["violations"]
    return [
        (each["id"], each["nodes"][0]["html"])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(
    ("name", "themes"),
    {
        "index.html": ("light", None),
        TABLE: (None, None),
        "tables/ml_gcn_depth.html": (None, "light"),
        "tables/ml_sgm_hostile.html": ("dark", None),
        "runs.html": (None, "light"),
        "methods.html": (None, "light"),
        "methods/ml_sgm.html": ("light", "dark"),
        "search.html": ("dark", None),
        "claims.html": ("light", None),
        "figures.html": ("dark", None),
        "audit.html": ("dark", None),
        "costs.html": (None, "dark"),
    }.items(),
)
def test_every_page_fits_its_window_and_shuts_nobody_out(visit, name, themes):
    """`themes`: in which one a wide and a narrow window are checked; the fit is, in both."""
    page = visit(name)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    for width, theme in zip((1440, 390), themes, strict=True):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme or "light")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert theme is None or not grave(page)


@pytest.mark.parametrize("name", ["index.html", "runs.html", "methods.html", "search.html"])
def test_a_narrow_window_keeps_the_first_column_in_sight(visit, name):
    page = visit(name, 390)
    for box in page.locator(".box:visible").all():
        box.evaluate("box => box.scrollLeft = 400")
        edges = box.evaluate("""box => {
            const first = box.querySelector("tbody th, tbody td").getBoundingClientRect();
            return [box.getBoundingClientRect().left, first.left, first.right];
        }""")
        left, start, end = edges
        assert left <= start < left + 3 and end - start < 200


def test_the_field_in_the_bar_searches_all_tables(visit):
    page = visit(TABLE)
    page.locator(".find input").fill("ml-gcn control")
    page.locator(".find input").press("Enter")
    page.wait_for_url("**/search.html?q=*")
    shown = page.locator("#rows tbody tr:visible")
    assert 0 < shown.count() < page.locator("#rows tbody tr").count()
    for text in shown.evaluate_all("rows => rows.map(row => row.textContent.toLowerCase())"):
        assert "ml-gcn" in text and "control" in text
    page.locator("#rows tbody tr:visible a").first.click()
    page.wait_for_url("**/tables/*.html#row*")


def test_two_runs_show_what_differs_and_nothing_else(visit):
    page = visit("runs.html")
    runs = page.evaluate("STUDY.runs.map(run => run.folder)")
    place = "mini/full/voc2007"
    one, other = f"{place}/ml_gcn/seed0", f"{place}/ml_gcn/seed1"
    assert {one, other} <= {*runs}
    form = page.locator(".two")
    form.locator("button").click()
    assert "two runs" in form.locator("output").inner_text()

    def compared(first, second):
        form.locator("[name=one]").fill(first)
        form.locator("[name=other]").fill(second)
        form.locator("button").click()
        rows = page.locator("dialog tbody tr").all_inner_texts()
        page.locator("dialog .close").click()
        return [row.split("\t") for row in rows]

    assert compared(one, one) == []
    seeds = compared(one, other)
    assert ["seed", "0", "1"] in seeds and not [row for row in seeds if "model." in row[0]]
    (found,) = [row for row in seeds if row[0] == "mAP"]
    change = float(found[3].replace("\u2212", "-"))
    assert change == pytest.approx(float(found[2]) - float(found[1]), abs=0.011)
    methods = compared(one, f"{place}/baseline/seed0")
    assert ["method", '"ml_gcn"', '"baseline"'] in methods
    assert [row[0] for row in methods if row[0].startswith("model.")]


@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (390, "light")])
def test_the_dialog_fits_and_shuts_nobody_out(visit, width, theme):
    page = visit("tables/ml_gcn_depth.html", width, theme)
    page.locator("td[data-runs] button").first.click()
    page.evaluate("document.querySelectorAll('dialog details').forEach(each => each.open = true)")
    box = page.locator("dialog").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert page.locator("dialog").evaluate("dialog => dialog.scrollWidth <= dialog.clientWidth")
    assert not grave(page, "dialog")
