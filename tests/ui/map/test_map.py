"""The Map tab in a real browser: heard, filtered, selected, searched, downloaded and laid out anew."""

import csv
import io
import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from index.library import Library
from index.map.clusters import Region
from index.map.layout import MapLayout, segment_keys
from index.map.library_map import LibraryMap
from tests.index.conftest import Identity, one_each, random_units
from tests.ui.conftest import looked_at
from tests.ui.interviews import BEES, Interviews
from ui import script
from ui.links import SearchSettings
from ui.search import minimap

SHIP = "the ship was lost in the storm"
NO_WEBGL = """
const get = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind.includes("webgl") ? null : get.call(this, kind, ...more);
};
"""
PLOT = "document.querySelector('.explore-plot')"
POINTS = f"{script.module('map/points')}.then(({{ fetchPoints }}) => fetchPoints('demo'))"


def test_a_page_fetches_the_points_anew_if_they_are_others(tmp_path: Path) -> None:
    library = Library.create(tmp_path, Identity())
    library.add(*one_each(30), random_units(30, Identity.dim))

    def drawn(regions: int) -> str:
        """What a page is told of a map; the map itself is gone afterwards, and another may take its place in memory."""
        empty = np.zeros((30, 2, 2), np.float32), np.zeros((30, 2, 3), np.float32), np.full(30, -1, np.int16)
        region = Region("lentils", "words", [0.5, 0.5], [0.5, 0.5, 0.0], 12)
        layout = MapLayout("a" * 64, segment_keys(library.segments()), *empty, 0, [region] * regions, [])
        return json.loads(minimap.overlay(LibraryMap(library, layout), "own", SearchSettings()))["drawn"]

    told = [drawn(regions) for regions in (0, 1, 2, 0)]
    assert len(set(told)) == 3 and told[0] == told[3]
    library.remove("recording 0")
    library.add(*one_each(1, first=30), random_units(1, Identity.dim, seed=1))
    assert drawn(0) != told[0]  # as many, but others


@contextmanager
def explored(browser: Browser, address: str, query: str = "", stage: str = "drawn") -> Iterator[Page]:
    """The tab; afterwards, that the page asked nobody else and complained of nothing."""
    with looked_at(browser, address, [], f"?tab=map{query}") as page:
        page.wait_for_selector(f".explore[data-stage={stage}]")
        yield page


def places(page: Page) -> np.ndarray:
    """Where the points of the flat map are in the window, in pixels, (n, 2)."""
    box = page.locator(".explore-plot").bounding_box()
    told = page.evaluate(
        f"""() => {POINTS}.then(({{ flat }}) => {{
          const {{ xaxis, yaxis }} = {PLOT}.layout;
          return [...flat, ...xaxis.range, ...yaxis.range];
        }})"""
    )
    west, east, south, north = told[-4:]
    shares = (np.array(told[:-4]).reshape(-1, 2) - [west, north]) / [east - west, south - north]
    return shares * [box["width"], box["height"]] + [box["x"], box["y"]]


def listed(page: Page) -> list[int]:
    """Rows of the entries, all of them."""
    while (more := page.locator(".explore-more")).is_visible():
        more.click()
    return page.eval_on_selector_all(".explore-entry", "nodes => nodes.map(({ dataset }) => Number(dataset.row))")


def inside(points: np.ndarray, corners: np.ndarray) -> set[int]:
    """Rows of the points (n, 2) within a polygon that bulges everywhere, its corners (m, 2) in order."""
    edges = np.roll(corners, -1, axis=0) - corners
    away = points[:, None] - corners[None]
    turns = edges[:, 0] * away[:, :, 1] - edges[:, 1] * away[:, :, 0]
    return set(np.flatnonzero((turns > 0).all(axis=1) | (turns < 0).all(axis=1)).tolist())


def test_a_click_plays_a_lasso_lists_what_lies_inside_and_that_is_downloaded(browser: Browser, address: str) -> None:
    with explored(browser, address) as page:
        at = places(page)
        distances = np.linalg.norm(at[:, None] - at[None], axis=2) + np.diag(np.full(len(at), np.inf))
        alone = int(distances.min(axis=1).argmax())
        page.mouse.move(*at[alone])
        page.mouse.click(*at[alone])
        page.wait_for_function("() => clasp.audio.currentTime > 0.1")
        number = page.evaluate(f"{POINTS}.then(({{ id }}) => id[{alone}])")
        assert page.evaluate("clasp.playing().id") == f"demo/{number:.0f}"
        page.evaluate("clasp.stop()")

        page.get_by_role("button", name="Select with a lasso").click()
        corners = np.median(at, axis=0) + 80 * np.array([[1, 0], [0.3, 0.9], [-0.8, 0.6], [-0.8, -0.6], [0.3, -0.9]])
        page.mouse.move(*corners[0])
        page.mouse.down()
        for corner in [*corners[1:], corners[0]]:
            page.mouse.move(*corner, steps=8)
        page.mouse.up()
        expect(page.locator(".explore-head h2")).to_contain_text("selected")
        rows = listed(page)
        sure = 2 * (corners - corners.mean(axis=0)) / 160  # the line itself is a pixel or two wide
        assert inside(at, corners - 2 * sure) <= set(rows) <= inside(at, corners + 2 * sure)
        assert len(rows) == len(set(rows)) > 5

        ids = page.evaluate(f"{POINTS}.then(({{ id }}) => {rows}.map((row) => id[row]))")
        page.locator(".explore-head summary").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Metadata (CSV)").click()
        assert download.value.suggested_filename == "clasp-selection.csv"
        table = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
        assert [int(row["id"]) for row in table] == ids
        assert {row["probability"] for row in table} == {""}


def test_the_legend_filters_the_list_and_all_survives_a_reload(browser: Browser, address: str) -> None:
    with explored(browser, address) as page:
        everything = page.locator(".explore-head h2").inner_text()
        entries = page.locator(".explore-legend [role=switch]")
        first = entries.first
        name, count = first.locator("span").inner_text(), int(first.locator("small").inner_text())
        first.press("Space")
        expect(first).to_have_attribute("aria-checked", "false")
        left = int(everything.split()[0].replace(",", "")) - count
        expect(page.locator(".explore-head h2")).to_contain_text(f"{left:,} of ")
        assert name not in page.locator(".explore-entry [data-only=category]").all_inner_texts()

        page.locator(".explore-entry [data-only=language]").first.click()  # only what is in that language
        expect(page.locator("select[name=by]")).to_have_value("language")
        assert page.locator(".explore-legend [aria-checked=true] span").all_inner_texts() == ["English"]
        assert set(page.locator(".explore-entry [data-only=language]").all_inner_texts()) == {"English"}

        page.locator("[data-region]").first.press("Enter")
        expect(page.locator(".explore-head h2")).to_contain_text("selected")
        assert set(page.locator(".explore-entry [data-only=language]").all_inner_texts()) == {"English"}
        page.locator("[data-do=clear]").click()
        page.get_by_label("Texts").check()
        page.get_by_role("button", name="3D").click()
        expect(page.get_by_role("button", name="Select with a lasso")).to_be_disabled()
        shown = page.locator(".explore-head h2").inner_text()
        page.reload()
        page.wait_for_selector(".explore[data-stage=drawn]")
        expect(page.locator(".explore-head h2")).to_have_text(shown)
        expect(page.locator("select[name=by]")).to_have_value("language")
        expect(page.get_by_label("Texts")).to_be_checked()
        expect(page.get_by_role("button", name="3D")).to_have_attribute("aria-pressed", "true")
        assert page.locator(".explore-legend [aria-checked=true] span").all_inner_texts() == ["English"]


def test_a_search_marks_its_hits_around_the_query(browser: Browser, address: str) -> None:
    with explored(browser, address, "&find=" + SHIP.replace(" ", "+")) as page:  # asked again when the page is loaded
        expect(page.locator(".explore-head h2")).to_contain_text("strong match")
        entry = page.locator(".explore-entry").first
        expect(entry.locator(".transcript")).to_contain_text("ship was lost")
        expect(entry.locator(".percent")).to_contain_text("%")
        star, *hits = page.eval_on_selector_all(
            ".explore-field .map-layer :is(.query, .hit)",
            """nodes => nodes.sort((one) => (one.matches(".query") ? -1 : 1)).map((node) => {
              const { x, y, width, height } = node.getBoundingClientRect();
              return [x + width / 2, y + height / 2];
            })""",
        )
        assert len(hits) == page.locator(".explore-entry").count() > 0
        nearer = np.linalg.norm(places(page) - star, axis=1) < np.linalg.norm(np.array(hits) - star, axis=1).min()
        assert nearer.sum() < 20  # of about a thousand
        page.locator("[name=find]").fill("zxqv brmpf")
        page.locator("[name=find]").press("Enter")
        expect(page.locator(".explore-head h2")).to_have_text("No strong match")
        expect(page.locator(".explore-summary")).to_contain_text("has a probability of")
        page.locator("[name=find]").fill("…")
        page.get_by_role("button", name="Find", exact=True).click()
        expect(page.locator(".explore-summary")).to_contain_text("no words")
        page.locator("[name=find]").fill("")
        expect(page.locator(".explore-head h2")).to_contain_text("utterances")


def test_without_webgl_the_map_is_flat(browser: Browser, address: str) -> None:
    with looked_at(browser, address, [], "?tab=map&dim=3", lambda page: page.add_init_script(NO_WEBGL)) as page:
        page.wait_for_selector(".explore[data-stage=drawn]")
        solid = page.get_by_role("button", name="3D")
        expect(solid).to_be_disabled()
        expect(solid).to_have_attribute("title", re.compile("WebGL"))
        assert len(places(page)) > 900 and page.evaluate(f"{PLOT}._fullData.every(({{ type }}) => type == 'scatter')")


@pytest.fixture
def unmapped(interviews: Interviews) -> Iterator[str]:
    """Name of an own library that has no map yet, and to which nothing was ever done."""
    name = f"to be mapped {secrets.token_hex(4)}"
    folder = interviews.data / "clasp" / "libraries" / name
    shutil.copytree(interviews.folder, folder)
    (folder / "map.npz").unlink(missing_ok=True)
    yield name
    shutil.rmtree(folder)


def test_a_library_is_laid_out_in_the_background(browser: Browser, address: str, unmapped: str) -> None:
    with explored(browser, address, f"&library={unmapped.replace(' ', '+')}", stage="none") as page:
        expect(page.locator(".explore-instead")).to_contain_text("No map yet")
        page.get_by_role("button", name="Create map").click()
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".explore-job")).to_contain_text("Stopped. Nothing was changed.")
        page.get_by_role("button", name="Close", exact=True).click()
        page.get_by_role("button", name="Create map").click()
        expect(page.locator(".explore-job [role=progressbar]")).to_be_visible()
        page.wait_for_selector(".explore[data-stage=drawn]")
        expect(page.locator(".explore-job")).to_contain_text("Map created in")
        expect(page.locator(".explore-head h2")).to_have_text("13 utterances")
        expect(page.locator(".explore-entry .transcript", has_text=BEES)).to_have_count(2)
        expect(page.get_by_role("button", name="Update map")).to_be_enabled()
        ferryman = page.locator(
            ".explore-entry", has_text="The ferryman"
        ).first  # of a format that browsers do not play
        ferryman.locator(".play-button").click()
        page.wait_for_function("() => clasp.audio.currentTime > 0.1")
        late: list[Route] = []
        page.route("**/map/demo*", lambda route: late.extend([route]))
        with page.expect_request("**/map/demo*"):
            page.goto(address)
        page.get_by_role("combobox", name="Library").click()
        page.get_by_role("option", name=unmapped).click()  # the small map shows it, too
        drawn = "document.querySelector('.map-plot').data?.[1]?.x.length == 13"
        page.wait_for_function(drawn)
        page.locator("#text textarea").fill(BEES)
        page.locator("#text textarea").press("Enter")
        expect(page.locator("#map .map-layer .hit").first).to_be_attached()
        late[0].continue_()  # the demo library's, which was on its way before, is not drawn over it
        page.wait_for_timeout(1_000)
        assert page.evaluate(drawn)
