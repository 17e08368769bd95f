"""Moments of long recordings: found, heard, filtered, sorted, shared and downloaded, in a real browser."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect

from tests.ui import interviews as told
from tests.ui.conftest import LEAVING, looked_at
from tests.ui.interviews import Interviews
from tests.ui.test_page import PLAYS, answered, search

QUERY = "the ferry stayed in the harbour because of the fog"
ASKED = "?q=the+ferry+stayed+in+the+harbour+because+of+the+fog&library=interviews"
VILLAGE, FERRYMAN = "Village memories", "The ferryman"


@pytest.fixture(scope="module")
def look(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Opens an address of the page, always in the same window."""
    with looked_at(browser, address, LEAVING) as page:

        def opened(path: str, until: str = "#results .timings") -> Page:
            page.goto(address + path)
            page.locator(until).wait_for()
            return page

        yield opened


def recording(page: Page, title: str):
    return page.locator("#results .recording", has=page.get_by_role("heading", name=title, exact=True))


def words(page: Page) -> list[str]:
    return page.locator("#results .hits .transcript").all_text_contents()


def now(page: Page) -> float:
    """Seconds at which the sound is, once it plays."""
    page.wait_for_function(PLAYS)
    return page.evaluate("clasp.audio.currentTime")


def choose(page: Page, name: str, option: str) -> None:
    with answered(page):
        page.get_by_role("combobox", name=name).click()
        page.get_by_role("option", name=option, exact=True).click()


def test_hits_of_a_recording_stand_together_below_its_waveform(look, interviews: Interviews) -> None:
    page = look(ASKED)
    expect(page.locator("#map")).to_be_hidden()
    expect(page.locator("#examples")).to_be_hidden()
    village = recording(page, VILLAGE)
    expect(village.locator("> .facts")).to_contain_text("interviewEnglishAnna1962-05-01")
    hits = village.locator(".hit").count()
    assert hits == village.locator(".mark").count() >= 1
    strip = village.locator(".strip")
    duration = float(strip.get_attribute("data-duration"))
    assert duration == pytest.approx(interviews.said[VILLAGE][-1][2] + told.GAP, abs=0.2)
    whole = strip.bounding_box()
    mark = village.locator(".mark").first.bounding_box()
    at = (mark["x"] - whole["x"]) / whole["width"] * duration
    starts = [start for text, start, _ in interviews.said[VILLAGE] if text == told.FERRY]
    assert min(abs(at - start) for start in starts) < 0.3


def test_the_waveform_is_quiet_where_nobody_speaks(look, interviews: Interviews) -> None:
    page = look(ASKED)
    strip = recording(page, VILLAGE).locator(".strip")
    path = strip.locator("path")
    heights = path.get_attribute("d", timeout=10_000).split("M")[1:]  # as "0.5 49.0V51.0"
    duration = float(strip.get_attribute("data-duration"))
    high = [50 - float(bar.split("V")[0].split()[1]) for bar in heights]

    def loud(start: float, end: float) -> float:
        first, last = (round(edge / duration * len(high)) for edge in (start, end))
        return max(high[first : last + 1])

    said = interviews.said[VILLAGE]
    for (_, start, end), (_, following, _) in pairwise(said):
        assert loud(start + 0.3, end - 0.3) > 20
        assert loud(end + 0.3, following - 0.3) < 5


def test_a_mark_plays_its_moment_and_the_strip_from_anywhere(look) -> None:
    page = look(ASKED)
    strip = recording(page, VILLAGE).locator(".strip")
    duration = float(strip.get_attribute("data-duration"))
    mark = strip.locator(".mark").last
    start = float(mark.get_attribute("data-start"))
    mark.click()
    assert start <= now(page) < start + 2
    segment = mark.get_attribute("data-play")
    expect(page.locator(f'.hit .play-button[data-play="{segment}"]').first).to_have_attribute("aria-pressed", "true")
    box = strip.bounding_box()
    page.mouse.click(box["x"] + 0.4 * box["width"], box["y"] + 8)
    page.wait_for_function(f"Math.abs(clasp.audio.currentTime - {0.4 * duration}) < 2 && !clasp.audio.paused")
    expect(strip).to_have_class("strip playing")
    assert 0.38 < float(strip.evaluate("s => s.style.getPropertyValue('--now')")) < 0.5
    seek = strip.get_by_role("slider")
    before = float(seek.get_attribute("aria-valuenow"))
    seek.press("ArrowRight")
    page.wait_for_function(f"clasp.audio.currentTime >= {before + 5}")
    seek.press(" ")
    assert page.evaluate("clasp.audio.paused")


def test_a_format_that_browsers_do_not_play_is_heard_like_any_other(look, interviews: Interviews) -> None:
    page = look(ASKED + "&speaker=Bert")
    said = next(start for text, start, _ in interviews.said[FERRYMAN] if text == told.FERRY)
    ferryman = recording(page, FERRYMAN)
    ferryman.locator(".mark").first.click()
    assert said - 1 < now(page) < said + 2
    duration = float(ferryman.locator(".strip").get_attribute("data-duration"))
    assert abs(page.evaluate("clasp.audio.duration") - duration) < 0.01
    box = ferryman.locator(".strip").bounding_box()
    page.mouse.click(box["x"] + 0.1 * box["width"], box["y"] + 8)
    page.wait_for_function(f"Math.abs(clasp.audio.currentTime - {0.1 * duration}) < 2 && !clasp.audio.paused")
    position = float(ferryman.get_by_role("slider").get_attribute("aria-valuenow"))
    assert position < 0.2 * duration
    page.evaluate("clasp.stop()")


def test_what_was_said_before_and_after(look) -> None:
    page = look("?q=the+winter+the+wells+froze+we+melted+snow&library=interviews")
    hit = page.locator(".hit", has=page.locator(".transcript", has_text="wells froze")).first
    button = hit.get_by_role("button", name="Before and after")
    near = hit.locator(".near").first
    expect(near).to_be_hidden()
    button.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    assert near.locator(".words").all_text_contents() == [told.BEES, told.WELLS, told.BRIDGE]
    near.locator(".play-button").last.click()
    assert now(page) >= float(near.locator(".play-button").last.get_attribute("data-start"))
    page.evaluate("clasp.stop()")


def test_nearly_the_same_is_folded_and_more_like_a_hit_finds_it(look) -> None:
    page = look(ASKED)
    first = page.locator("#results .hit", has=page.get_by_role("button", name="near-duplicate")).first
    assert words(page).count(told.FERRY) == 2  # of three: two are in one recording
    first.get_by_role("button", name="near-duplicate").click()
    same = first.locator(".near").last
    assert same.locator(".words").all_text_contents() == [told.FERRY] * same.locator("li").count()
    number = first.get_attribute("data-segment")
    with answered(page):
        first.get_by_role("button", name="More like this").click()
    assert parse_qs(urlsplit(page.url).query)["like"] == [number]
    expect(page.locator("#text textarea")).to_have_value("")
    expect(page.locator(".asked .words")).to_have_text(told.FERRY)
    assert words(page)[0] == told.FERRY
    assert page.locator(f'#results .hit[data-segment="{number}"]').count() == 0
    with answered(page):
        page.go_back()
    expect(page.locator("#text textarea")).to_have_value(QUERY)
    assert first.get_attribute("data-segment") == number


def test_every_filter(look) -> None:
    page = look(ASKED)
    page.get_by_role("button", name="More filters").click()
    page.locator(".more summary").click()
    titles = page.locator("#results .recording h3")
    choose(page, "Speaker", "Bert")
    assert set(titles.all_text_contents()) == {FERRYMAN}
    expect(page.get_by_role("button", name="More filters · 1")).to_be_visible()
    choose(page, "Speaker", "All speakers")
    assert set(titles.all_text_contents()) >= {VILLAGE}
    expect(page.get_by_role("combobox", name="Speaker")).to_have_value("All speakers")
    choose(page, "Tag", "childhood")
    assert set(titles.all_text_contents()) == {VILLAGE} and parse_qs(urlsplit(page.url).query)["tag"] == ["childhood"]
    choose(page, "Tag", "All tags")
    choose(page, "Recording", VILLAGE)
    assert set(titles.all_text_contents()) == {VILLAGE}
    choose(page, "Language", "German")
    expect(page.locator(".nothing")).to_contain_text("No utterance passes these filters")
    with answered(page):
        page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("button", name="Clear filters")).to_have_count(0)
    choose(page, "Category", "Memo")
    assert words(page) == [told.MILK]
    choose(page, "Category", "All categories")
    since = page.get_by_role("textbox", name="Recorded from")
    with answered(page):
        since.fill("1965")
        since.press("Enter")
    assert set(titles.all_text_contents()) == {FERRYMAN}
    with answered(page):
        since.fill("long ago")
        since.press("Enter")
    expect(page.locator(".notice")).to_contain_text("is no date")
    with answered(page):
        since.fill("")
        since.press("Enter")
    with answered(page):
        page.get_by_role("textbox", name="Recorded until").fill("1962")
        page.get_by_role("textbox", name="Recorded until").press("Enter")
    assert set(titles.all_text_contents()) == {VILLAGE}
    assert parse_qs(urlsplit(page.url).query)["to"] == ["1962"]


def test_by_time(look) -> None:
    page = look(ASKED + "&recording=" + look(ASKED).locator(".strip").first.get_attribute("data-src").split("/")[-1])
    page.locator(".more summary").click()
    likely = page.locator("#results .more .mark + .mark").count()
    with answered(page):
        page.get_by_role("combobox", name="Sort").select_option("time")
    assert parse_qs(urlsplit(page.url).query)["sort"] == ["time"]
    for group in page.locator("#results .recording").all():
        starts = [float(one.get_attribute("data-start")) for one in group.locator(".hit > .play-button").all()]
        assert starts == sorted(starts)
    assert likely > 0 and page.locator("#results .more .hit").count() > 1


def download(page: Page, kind: str) -> tuple[str, bytes]:
    page.locator(".menu summary").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name=kind).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_hits_can_be_downloaded(look, interviews: Interviews) -> None:
    page = look(ASKED)
    name, content = download(page, "CSV")
    assert name == "clasp-the-ferry-stayed-in-the-harbour-because-of-the-fog.csv"
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    likely = page.locator("#results .hit").count() - page.locator("#results .more .hit").count()
    folded = page.locator("#results .near[id^=same] li").count()
    folded -= page.locator("#results .more .near[id^=same] li").count()
    assert len(rows) == likely + folded >= 3
    assert rows[0]["transcript"] == told.FERRY and {row["title"] for row in rows} == {VILLAGE, FERRYMAN}
    name, content = download(page, "JSON")
    assert json.loads(content)["query"] == QUERY and len(json.loads(content)["hits"]) == len(rows)
    name, content = download(page, "ZIP")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        clips = [one for one in archive.namelist() if one.endswith(".flac")]
        assert len(clips) == len(rows)
        for clip, row in zip(sorted(clips), rows, strict=True):
            sound = soundfile.info(io.BytesIO(archive.read(clip)))
            assert sound.duration == pytest.approx(float(row["end"]) - float(row["start"]), abs=0.02)
    search(page, "the old canal")
    name, content = download(page, "CSV")
    assert name == "clasp-the-old-canal.csv" and told.CANAL in content.decode()


def test_an_address_is_shared_gone_back_to_and_reloaded(look, browser: Browser, address: str) -> None:
    page = look("?q=bees+behind+the+chapel&library=interviews")
    search(page, QUERY)
    choose(page, "Category", "Interview")
    with answered(page):
        page.locator("#meaning input[type=range]").press("ArrowRight")
    here, found = page.url, words(page)
    assert parse_qs(urlsplit(here).query) == {
        "q": [QUERY], "library": ["interviews"], "category": ["interview"], "meaning": ["0.55"],
    }  # fmt: skip
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    with looked_at(browser, address, LEAVING) as other:
        other.goto(here)
        other.locator("#results .timings").wait_for()
        assert words(other) == found
        expect(other.locator("#text textarea")).to_have_value(QUERY)
        expect(other.get_by_role("combobox", name="Library")).to_have_value("interviews")
        expect(other.get_by_role("combobox", name="Category")).to_have_value("Interview")
        assert other.url == here
    page.reload()
    page.locator("#results .timings").wait_for()
    assert words(page) == found
    with answered(page):
        page.go_back()
    assert words(page)[0] == told.BEES
    with answered(page):
        page.go_forward()
    assert (words(page), page.url) == (found, here)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("?q=storm&library=nowhere", "no library called 'nowhere'"),
        ("?q=storm&category=gossip", "no category 'gossip'"),
        ("?q=storm&speaker=nobody", "no speaker 'nobody'"),
        ("?q=storm&meaning=very", "from 0 to 1"),
        ("?like=999999", "no segment 999999"),
    ],
)
def test_an_address_that_means_nothing_gets_one_sentence(look, path: str, sentence: str) -> None:
    page = look(path, "#results .notice")
    expect(page.locator("#results .notice")).to_contain_text(sentence)
    search(page, "the last tree on Mars")
    expect(page.locator("#results .hits .transcript").first).to_contain_text("Mars")


def test_another_library_is_asked_the_same(look) -> None:
    page = look("?q=the+ferry+stayed+in+the+harbour+because+of+the+fog")
    expect(page.locator("#map")).to_be_visible()
    choose(page, "Library", "interviews")
    assert words(page)[0] == told.FERRY
    expect(page.locator("#map")).to_be_hidden()
    choose(page, "Library", "empty")
    expect(page.locator("#results")).to_contain_text("This library is empty")
    expect(page.locator("#results")).to_contain_text("Library tab")
    expect(page.get_by_role("combobox", name="Category")).to_have_count(0)
    choose(page, "Library", "Demo library")
    expect(page.locator("#map")).to_be_visible()
    expect(page.get_by_role("combobox", name="Category")).to_be_visible()


def test_sound_that_cannot_be_fetched_is_told(browser: Browser, address: str) -> None:
    with looked_at(browser, address, ["ERR_FAILED", *LEAVING]) as page:
        page.route("**/audio/**", lambda route: route.abort())
        page.goto(address + ASKED)
        hit = page.locator("#results .hit").first
        hit.locator(".play-button").first.click()
        expect(hit.get_by_role("alert")).to_contain_text("could not be played")
        expect(hit.locator(".play-button").first).to_have_attribute("aria-pressed", "false")


def test_recordings_fit_a_phone(look) -> None:
    page = look(ASKED)
    page.set_viewport_size({"width": 360, "height": 740})
    page.get_by_role("button", name="More filters").click()
    page.get_by_role("button", name="Before and after").first.click()
    page.locator(".menu summary").click()
    page.wait_for_function("document.documentElement.scrollWidth <= 360")  # a resized page settles within frames
    page.set_viewport_size({"width": 1280, "height": 900})
