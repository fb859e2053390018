"""The page of `labelgraph serve` in a browser: a picture is sent, seen and explained."""

import re
import shutil
from importlib.util import find_spec

import pytest
from run_cases import calibrate, make_run, picture
from serve_cases import running

from labelgraph.own import asking, reading

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: `apt-get install chromium`"),
    pytest.mark.skipif(find_spec("uvicorn") is None, reason="needs the extra serve"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="needs playwright"),
]
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
DROP = """([name, type, content]) => {
  const file = new File([Uint8Array.from(content)], name, {type});
  const carried = new DataTransfer();
  carried.items.add(file);
  const event = {dataTransfer: carried, bubbles: true, cancelable: true};
  for (const kind of ["dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(kind, event));
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("run") / "seed0", "baseline")
    calibrate(folder, 2.0, 0.05)
    about = {"title": "<b>t</b>", "remark": "r", "largest": 1000_000}
    with running(asking.Oracle(reading.read(folder)), about) as server:
        yield f"http://127.0.0.1:{server.port}/"


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)


@pytest.fixture
def page(browser, address):
    faults = []
    page = browser.new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#about:not(:empty)")
    page.faults = faults
    yield page
    page.close()


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    picture(6, (300, 200)).save(path)
    return path


def test_a_chosen_file_is_seen_and_explained(page, photo):
    assert page.inner_text("#about").startswith("<b>t</b>. r")  # a text, not a tag
    page.set_input_files("#file", photo)
    page.wait_for_selector("#labels button")
    assert page.locator("#labels li").count() == 5
    assert re.search("above (its|their) threshold", page.inner_text("#said"))
    assert page.locator("#picture").evaluate("image => image.naturalWidth") == 300
    first = page.locator("#labels button:enabled").first
    assert first.get_attribute("aria-pressed") == "true"
    whole, box = page.locator("#picture").bounding_box(), page.locator("#box").bounding_box()
    assert box["x"] >= whole["x"] - 1 and box["width"] <= whole["width"] + 2
    assert page.locator("#heat").evaluate("image => image.naturalWidth") == asking.GRAIN
    first.press("Enter")  # the keyboard puts it away
    assert first.get_attribute("aria-pressed") == "false"
    assert page.locator("#box").is_hidden() and page.locator("#heat").is_hidden()
    assert not page.faults


def test_a_dropped_file_that_is_no_picture_is_refused_in_words(page, photo):
    page.evaluate(DROP, ["x.png", "image/png", list(b"<script>alert(1)</script>")])
    page.wait_for_selector("#said.error")
    assert "the picture is not an image" in page.inner_text("#said")
    assert page.locator("#result").is_hidden()
    page.evaluate(DROP, ["photo.png", "image/png", list(photo.read_bytes())])
    page.wait_for_selector("#labels button")
    assert all("415" in fault for fault in page.faults)  # the browser tells of the refusal


def test_a_large_file_is_not_even_sent(page, tmp_path):
    large = tmp_path / "large.jpg"
    large.write_bytes(b"x" * 1000_001)
    page.set_input_files("#file", large)
    page.wait_for_selector("#said.error")
    assert "larger than" in page.inner_text("#said")
    assert not page.faults


def test_it_fits_a_narrow_window_and_shuts_nobody_out(page, photo):
    page.set_viewport_size({"width": 360, "height": 800})
    page.set_input_files("#file", photo)
    page.wait_for_selector("#labels button")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    if find_spec("axe_playwright_python") is None:
        return
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    grave = [each["id"] for each in found if each["impact"] in ("serious", "critical")]
    assert not grave
