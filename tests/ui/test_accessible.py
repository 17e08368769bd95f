"""Every tab for everybody: axe-core, the keyboard, right-to-left text, a phone's width, and nothing that jumps."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.ui.conftest import looked_at
from ui import script

SIZES = {"desktop": (1280, 900), "phone": (360, 780)}
BOTH = ("desktop", pytest.param("phone", marks=pytest.mark.slow))
SEEN = {  # what a tab shows when all of it is there
    "Search": ".timings",
    "Live": ".live-button:enabled",
    "Map": "#map-tab .js-plotly-plot",
    "Library": "#library-table tbody tr",
    "About": ".measures:not(.wait)",
}
SHIFTS = """
  window.shifts = [];
  const seen = (list) => window.shifts.push(...list.getEntries().map((one) => one.toJSON()));
  new PerformanceObserver(seen).observe({ type: "layout-shift", buffered: true });
"""
# Whether what has the focus shows it: an outline, or a ring of the accent's colour around it or what it stands in
FOCUS = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const accent = getComputedStyle(document.querySelector(".wordmark")).color;
  let shown = false;
  for (let node = one; node && node.id !== "tabs"; node = node.parentElement) {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(node);
    shown ||= node === one && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    shown ||= boxShadow.startsWith(accent);
  }
  const { width, height } = one.getBoundingClientRect();
  window.order ??= new Map();
  if (!window.order.has(one)) window.order.set(one, window.order.size);
  return { shown: shown && width > 0 && height > 0, number: window.order.get(one), what: one.outerHTML.slice(0, 160) };
}"""
# Where the text of an element stands in it, and how it is read
LINE = """(element) => {
  const text = document.createRange();
  text.selectNodeContents(element);
  const [line, box] = [text.getClientRects()[0], element.getBoundingClientRect()];
  return [line.left - box.left, box.right - line.right, getComputedStyle(element).direction];
}"""


@contextmanager
def shown(browser: Browser, address: str, size: str, query: str = "") -> Iterator[Page]:
    """The page of a size, with an answer if it is asked."""

    def prepare(page: Page) -> None:
        width, height = SIZES[size]
        page.set_viewport_size({"width": width, "height": height})
        page.add_init_script(SHIFTS)

    with looked_at(browser, address, [], query, prepare) as page:
        page.wait_for_selector(".timings" if query else ".welcome")
        yield page


def answer(page: Page) -> None:
    """Ask for what was typed, and wait for the answer."""
    before = page.locator("#results").get_attribute("data-answers")
    page.locator("#text textarea").press("Enter")
    page.wait_for_function("(n) => document.querySelector('#results').dataset.answers !== n", arg=before)


def tabs(page: Page) -> Iterator[str]:
    """Open one tab after the other, the Library tab with recordings; their names."""
    page.evaluate(f"{script.module('common/address')}.then(({{ keep }}) => keep({{ library: 'demo' }}, 'library'))")
    for tab in page.get_by_role("tab").all():
        tab.click()
        name = tab.inner_text()
        page.wait_for_selector(SEEN.get(name, f"#{name.lower()}-tab"))
        page.wait_for_timeout(700)  # what fades or is drawn is there
        yield name


@pytest.mark.parametrize("size", BOTH)
def test_axe_finds_nothing_serious_on_any_tab(browser: Browser, address: str, size: str) -> None:
    found = set()
    with shown(browser, address, size, "?q=umbrella+too+small+for+two+people") as page:
        names = []
        for name in tabs(page):
            names.append(name)
            assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], name
            for mode in ("one", "the other"):
                for problem in Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]:
                    if problem["impact"] in ("serious", "critical"):
                        found |= {(name, mode, problem["id"], node["html"][:120]) for node in problem["nodes"]}
                page.get_by_role("button", name="Switch between light and dark").click()
                page.wait_for_timeout(300)  # colours fade
        assert {*SEEN} <= {*names}
    assert found == set()


def test_the_keyboard_reaches_everything_and_the_focus_is_seen(browser: Browser, address: str) -> None:
    with shown(browser, address, "desktop", "?q=umbrella") as page:
        for name in tabs(page):
            page.get_by_role("tab", name=name).focus()
            numbers = []
            for _ in range(25):
                page.keyboard.press("Tab")
                focus = page.evaluate(FOCUS)
                if focus is None:
                    break  # round the page once
                assert focus["shown"], (name, focus["what"])
                numbers.append(focus["number"])
            assert len(numbers) == len(set(numbers)), f"{name}: the focus goes in circles"
        first = page.get_by_role("tab", name="Search")
        first.press("ArrowRight")
        assert page.get_by_role("tab", name="Live").get_attribute("aria-selected") == "true"
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert page.get_by_role("tab", name="About").get_attribute("aria-selected") == "true"


def test_the_keyboard_comes_from_the_query_to_the_first_result(browser: Browser, address: str) -> None:
    with shown(browser, address, "desktop", "?q=umbrella") as page:
        page.keyboard.press("/")
        for _ in range(2):
            page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Skip to the results")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#results .hit [data-play]").first).to_be_focused()


def ink(box: Locator) -> tuple[float, float]:
    """How much is written in the left and in the right half of a box."""
    picture = Image.open(io.BytesIO(box.screenshot())).convert("L")
    dark = picture.point(lambda value: 255 * (value < 110))
    half = picture.width // 2
    halves = (dark.crop((0, 0, half, picture.height)), dark.crop((half, 0, picture.width, picture.height)))
    left, right = (sum(one.get_flattened_data()) / 255 for one in halves)
    return left, right


def test_right_to_left_text_stands_on_the_right(browser: Browser, address: str) -> None:
    with shown(browser, address, "desktop", "?q=السفينة غرقت&language=fa") as page:
        for query in ("السفينة غرقت", "آخرین درخت", "הספינה אבדה"):
            page.locator("#text textarea").fill(query)
            answer(page)
            left, right = ink(page.locator("#text textarea"))
            assert right > 10 * left
            for more in page.locator("#results .more:not([open]) summary").all():
                more.click()
            for said in page.locator("#results .transcript").all()[:3]:
                before, after, direction = said.evaluate(LINE)
                assert direction == "rtl" and after < 2 < before


@pytest.mark.slow
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_nothing_jumps_while_the_page_loads_and_answers_come(browser: Browser, address: str, size: str) -> None:
    with shown(browser, address, size) as page:
        page.wait_for_timeout(2000)
        for text in ("the ship was lost in the storm", "the last tree on Mars"):
            page.locator("#text textarea").fill("")
            page.locator("#text textarea").press_sequentially(text)
            answer(page)
            page.wait_for_timeout(500)
        moved = page.evaluate("window.shifts.filter((one) => !one.hadRecentInput).map((one) => one.value)")
        assert sum(moved) < 0.02
        for name in ("live", "map", "library", "about"):
            page.goto(f"{address}?tab={name}")
            page.wait_for_selector(SEEN[name.capitalize()] + ", #library-table section")
            page.wait_for_timeout(700)
            assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], name
            assert page.evaluate("window.shifts.reduce((sum, one) => sum + one.value, 0)") < 0.02, name
