"""The page in a real browser, with the model and the library that ship."""

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from clasp.audio.decode import decode
from index.map.wire import from_bytes
from tests.malformed import write_malformed
from tests.ui.conftest import LEAVING
from ui import script

TRANSCRIPT = "#results .hits .transcript"

# Of the points of the map that nothing covers, the one farthest from its neighbours: [x, y, row]
ISOLATED = """() => {
  const plot = document.querySelector('.map-plot');
  const { left, top, width, height } = plot.getBoundingClientRect();
  const [[west, east], [south, north]] = [plot.layout.xaxis.range, plot.layout.yaxis.range];
  const { x, y } = plot.data[1];
  const at = [...x].map((_, n) => [
    left + ((x[n] - west) / (east - west)) * width,
    top + ((north - y[n]) / (north - south)) * height,
  ]);
  const free = (n) => document.elementFromPoint(...at[n])?.classList.contains('nsewdrag');
  const room = at.map(([a, b], n) =>
    free(n) ? Math.min(...at.map(([c, d], m) => (m === n ? Infinity : Math.hypot(a - c, b - d)))) : 0);
  const row = room.indexOf(Math.max(...room));
  return [...at[row], row];
}"""
PLAYS = "() => !clasp.audio.paused && clasp.audio.currentTime > 0"


@contextmanager
def answered(page: Page) -> Iterator[None]:
    """Do something, and wait until the page has answered it."""
    results = page.locator("#results")
    before = int(results.get_attribute("data-answers") or 0)
    yield
    page.wait_for_function("(n) => document.querySelector('#results').dataset.answers > n", arg=before)


def search(page: Page, text: str) -> None:
    """Type a query, press Enter, and wait for the answer."""
    with answered(page):
        page.locator("#text textarea").fill(text)
        page.locator("#text textarea").press("Enter")


def marked(page: Page, what: str) -> int:
    """How many marks of a kind the map has: "hit", a ring around each; "query", a star."""
    return page.locator(f"#map .map-layer .{what}").count()


def test_a_typed_query_finds_first_what_says_so(page: Page) -> None:
    assert marked(page, "query") == 0
    search(page, "the ship was lost in the storm")
    expect(page.locator(TRANSCRIPT).first).to_contain_text("ship was lost in the storm")
    expect(page.locator(".timings")).to_contain_text("ms")
    others = page.locator("#results :is(.possible + .hits, .more) .hit").count()
    assert marked(page, "hit") == page.locator("#results .hit").count() - others > 0
    assert marked(page, "query") == 1


def test_the_microphone_finds_the_sentence_that_was_said(page: Page, spoken: Path) -> None:
    page.locator("#recording .record-button").click()
    page.wait_for_timeout(1000 * (decode(spoken).duration + 1.5))
    with answered(page):
        page.locator("#recording .stop-button").click()
    expect(page.locator(TRANSCRIPT).first).to_contain_text("father's watch")
    expect(page.locator("#text textarea")).to_have_value("")


def test_a_click_on_a_point_of_the_map_plays_it(page: Page) -> None:
    x, y, row = page.evaluate(ISOLATED)
    page.mouse.click(x, y)
    page.wait_for_function(PLAYS)
    head, columns = from_bytes(page.request.get(page.url + "map/demo").body())
    assert head["names"]["recording"][columns["recording"][row]] in page.evaluate("clasp.audio.src")
    assert page.locator("#map .map-caption span").inner_text() == head["text"][row]
    page.mouse.click(x, y)
    assert page.evaluate("clasp.audio.paused")


def test_the_maps_legend_is_the_category_filter(page: Page) -> None:
    search(page, "the ship was lost in the storm")
    entry = page.locator("#map .map-key").get_by_role("button", name="mystery")
    with answered(page):
        entry.click()
    expect(entry).to_have_attribute("aria-pressed", "true")
    assert "category=mystery" in page.url
    faint = "document.querySelector('.map-plot').data[1].marker.color.filter((code) => code % 2 === 1).length"
    head, columns = from_bytes(page.request.get(page.url.split("?")[0] + "map/demo").body())
    there = (columns["category"] == head["names"]["category"].index("mystery")).sum()
    assert page.evaluate(faint) == head["count"] - there
    with answered(page):
        entry.click()
    expect(entry).to_have_attribute("aria-pressed", "false")
    assert "category=" not in page.url and page.evaluate(faint) == 0


def test_one_sound_at_a_time_and_a_moment_from_where_it_is_said(page: Page) -> None:
    search(page, "We pulled eleven men out of the water with a clothes line and a ladder.")
    page.locator("#results .more summary").click()
    moment = page.locator("#results .moments .hit > .play-button").first
    other = page.locator("#results .hits > .hit > .play-button").first
    moment.scroll_into_view_if_needed()
    moment.click()
    page.wait_for_function(PLAYS)
    start, end = (float(moment.get_attribute(f"data-{edge}")) for edge in ("start", "end"))
    assert start <= page.evaluate("clasp.audio.currentTime") < end
    expect(moment).to_have_attribute("aria-pressed", "true")
    other.click()
    expect(moment).to_have_attribute("aria-pressed", "false")
    expect(other).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(PLAYS)
    assert page.evaluate("clasp.audio.src").endswith(other.get_attribute("data-src"))


def test_weight_and_filters_rank_the_same_query_anew(page: Page) -> None:
    search(page, "Wo steht der letzte Baum auf dem Mars?")
    balanced = page.locator(TRANSCRIPT).all_text_contents()
    slider = page.locator("#meaning input[type=range]")
    with answered(page):
        slider.press("End")
    assert page.locator(TRANSCRIPT).all_text_contents() != balanced
    with answered(page):
        page.get_by_role("combobox", name="Language").click()
        page.get_by_role("option", name="French", exact=True).click()
    for hit in page.locator("#results .hits > li").all():
        expect(hit.locator("> .facts, > .what > .facts").first).to_contain_text("French")


def test_a_query_is_read_in_the_language_that_is_chosen(page: Page) -> None:
    search(page, "chat")
    language = page.get_by_role("combobox", name="Query written in")
    with answered(page):
        language.select_option("fr")
    expect(language).to_have_value("fr")
    assert "query_language=fr" in page.url
    page.reload()
    expect(language).to_have_value("fr")


def test_search_begins_in_the_library_that_was_searched_last(page: Page, address: str, tolerated: list[str]) -> None:
    tolerated += LEAVING
    with answered(page):
        page.get_by_role("combobox", name="Library").click()
        page.get_by_role("option", name="interviews").click()
    assert "library=interviews" in page.url
    page.goto(address)
    expect(page).to_have_url(f"{address}?library=interviews")
    page.evaluate("localStorage.setItem('clasp-library', 'one that is gone')")
    page.goto(address)
    page.wait_for_selector(".map-key li")
    expect(page.get_by_role("combobox", name="Library")).to_have_value("Demo library")
    expect(page).to_have_url(address)


def test_back_and_forward_lead_through_tabs_and_questions(page: Page, address: str) -> None:
    tab = lambda name: page.get_by_role("tab", name=name, exact=True)  # noqa: E731
    box, results = page.locator("#text textarea"), page.locator("#results")
    storm, umbrella = "the ship was lost in the storm", "umbrella too small for two people"
    search(page, storm)
    tab("Map").click()
    page.locator("#map-library").wait_for()
    tab("Library").click()
    expect(page).to_have_url(re.compile("library=interviews.*tab=library"))
    tab("Search").click()
    search(page, umbrella)
    answers = results.get_attribute("data-answers")
    tab("About").click()
    for _ in range(2):
        page.go_back()
    expect(tab("Search")).to_have_attribute("aria-selected", "true")
    expect(box).to_have_value(storm)
    page.go_back()
    expect(tab("Library")).to_have_attribute("aria-selected", "true")
    expect(page).to_have_url(re.compile("library=interviews.*tab=library"))
    page.go_back()
    expect(tab("Map")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(tab("Search")).to_have_attribute("aria-selected", "true")
    expect(page.locator(TRANSCRIPT).first).to_contain_text("ship was lost")
    assert int(results.get_attribute("data-answers")) == int(answers) + 1, "only another question is answered"
    page.go_back()
    expect(page.locator("#results .welcome")).to_be_attached()
    expect(page).to_have_url(address)
    page.evaluate("history.go(5)")
    expect(box).to_have_value(umbrella)
    expect(page.locator(TRANSCRIPT).first).to_contain_text("umbrella")
    page.evaluate("history.forward()")
    expect(tab("About")).to_have_attribute("aria-selected", "true")


def test_the_map_beside_the_results_is_folded_and_stays_so(page: Page) -> None:
    search(page, "the ship was lost in the storm")
    button = page.get_by_role("button", name="Map beside the results")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(page.locator("#map")).to_be_hidden()
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#map")).to_be_hidden()
    button.click()
    expect(page.locator("#map .map-key li").first).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("#text textarea")).to_be_focused()


def test_examples_search_at_once(page: Page) -> None:
    with answered(page):
        page.locator(".examples button", has_text="Spoken").click()
    expect(page.locator(TRANSCRIPT).first).to_contain_text("father's watch")
    expect(page.locator(".examples")).to_be_hidden()
    page.get_by_role("link", name="CLASP, start again").click()
    page.locator(".examples button").first.click()
    expect(page.locator("#text textarea")).not_to_have_value("")


def test_a_recording_may_be_dropped_anywhere(page: Page, spoken: Path) -> None:
    page.get_by_role("tab", name="About").click()
    content = b64encode(spoken.read_bytes()).decode()
    dropped = page.evaluate_handle(
        """(content) => {
          const held = new DataTransfer();
          const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
          held.items.add(new File([bytes], "watch.ogg", { type: "audio/ogg" }));
          return held;
        }""",
        content,
    )
    page.dispatch_event("footer.colophon", "dragover", {"dataTransfer": dropped})
    expect(page.locator(".dropping")).to_have_text("Drop a recording to search for what it says")
    with answered(page):
        page.dispatch_event("footer.colophon", "drop", {"dataTransfer": dropped})
    expect(page.locator(".dropping")).to_be_hidden()
    expect(page.locator(TRANSCRIPT).first).to_contain_text("father's watch")


@pytest.mark.slow
def test_a_malformed_upload_gives_one_sentence_and_the_next_search_works(
    page: Page, tmp_path: Path, tolerated: list[str]
) -> None:
    tolerated += ["Waveform load error", "Range Not Satisfiable", "RANGE_NOT_SATISFIABLE"]  # it is drawn, too
    for case in write_malformed(tmp_path):
        page.get_by_role("button", name="Upload file").click()
        if case.path.suffix in (".webm", ".mp4", ".mov", ".mkv"):  # a video, which the component does not take
            page.locator("#recording input[type=file]").set_input_files(case.path)
            expect(page.get_by_text(f"Invalid file type: {case.path.name}").first).to_be_visible()
            page.reload()
        else:
            with answered(page):
                page.locator("#recording input[type=file]").set_input_files(case.path)
            sentence = page.locator("#results .notice")
            expect(sentence).to_have_count(1)
            expect(sentence).to_contain_text(re.compile(case.error))
            assert "Traceback" not in sentence.inner_text()
        search(page, "the last tree on Mars")
        expect(page.locator(TRANSCRIPT).first).to_contain_text("Mars")


def test_a_query_without_words_is_refused_in_one_sentence(page: Page) -> None:
    search(page, "?!")
    expect(page.locator("#results .notice")).to_contain_text("no words")


def test_the_page_fits_a_phone_and_switches_to_dark(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    search(page, "umbrella too small for two people")
    page.wait_for_function("document.documentElement.scrollWidth <= 360")  # a resized page settles within frames
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.reload()
    page.wait_for_selector(".map-key li")
    assert page.evaluate("document.body.classList.contains('dark')")


def test_the_page_shows_what_a_program_can_call(page: Page, address: str) -> None:
    expect(page.locator("footer:not(.colophon)")).to_be_hidden()
    page.get_by_role("link", name="API").click()
    for name in (
        "search_text",
        "search_speech",
        "list_libraries",
        "list_recordings",
        "get_context",
        "export_transcript",
    ):
        expect(page.get_by_text(f"/{name}").first).to_be_visible()
    expect(page.get_by_text(f"{address}gradio_api/mcp/")).to_be_in_viewport()


def test_modules_are_kept_by_browsers_at_addresses_that_change_with_them(page: Page) -> None:
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    modules = [name for name in loaded if f"/{script.ROOT}/" in name]
    assert any(name.endswith("common/player.js") for name in modules)
    for name in modules:
        headers = page.request.get(name).headers
        assert headers["content-type"].startswith("text/javascript") and "immutable" in headers["cache-control"], name
