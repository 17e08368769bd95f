"""A person listens to a recording and reads along, in a real browser."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.ui.conftest import looked_at
from tests.ui.interviews import FERRY
from tests.ui.recording import archive
from tests.ui.test_accessible import SHIFTS

pytestmark = pytest.mark.slow  # until it has passed on a machine that does nothing else
TALK, TAPE = f"recording/{archive.NAME}/talk", f"recording/{archive.NAME}/tape"
AT = "(seconds) => Math.abs(clasp.audio.currentTime - seconds) < 1.5 && !clasp.audio.paused"
# Whether a line can be seen: below the player, above the window's end
IN_SIGHT = """(line) => {
  const { top, bottom } = line.getBoundingClientRect();
  return top >= document.querySelector('.strip').getBoundingClientRect().bottom && bottom <= innerHeight;
}"""
CURRENT = ".lines li[aria-current]"


@contextmanager
def opened(browser: Browser, served: str, path: str, **options: object) -> Iterator[Page]:
    """The page of a recording."""
    with looked_at(browser, served, [], path, lambda page: page.add_init_script(SHIFTS), **options) as page:
        page.locator(".lines li").first.wait_for()
        yield page


def play_from(page: Page, seconds: float) -> None:
    page.wait_for_function(AT, arg=seconds)


def test_a_word_plays_and_is_marked_while_it_is_spoken(browser: Browser, served: str) -> None:
    with opened(browser, served, f"{TALK}#t=3.4") as page:
        expect(page.locator(CURRENT)).to_contain_text("Where is the")
        expect(page.locator(".word.spoken")).to_have_text("Where")
        assert page.evaluate("clasp.audio.paused")
        expect(page.locator(".word.unsure")).to_have_text("ferrie?")
        page.locator(".word", has_text="fog.").click()
        play_from(page, 7.2)
        expect(page.locator(CURRENT)).to_contain_text("In the fog.")
        page.get_by_role("button", name="Play from 0:09").click()
        play_from(page, 9)
        page.keyboard.press("k")
        assert page.evaluate("clasp.audio.paused")
        expect(page.get_by_role("button", name="Play", exact=True)).to_have_attribute("aria-pressed", "false")


def test_the_keyboard_plays_and_goes_from_hit_to_hit(browser: Browser, served: str) -> None:
    with opened(browser, served, f"{TALK}?q=where+is+the+ferry") as page:
        starts = [float(mark.get_attribute("data-at")) for mark in page.locator(".mark").all()]
        assert starts and page.locator("li[data-hit]").count() == len(starts)
        page.locator("h1").click()
        page.keyboard.press(" ")
        page.wait_for_function("!clasp.audio.paused")
        page.keyboard.press(" ")
        assert page.evaluate("clasp.audio.paused")
        page.keyboard.press("l")
        expect(page.locator(".clock .now")).to_have_text("0:10")
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".clock .now")).to_have_text("0:05")
        assert page.evaluate("clasp.audio.paused")
        page.keyboard.press("n")
        play_from(page, next((start for start in starts if start > 5.1), starts[0]))
        page.get_by_role("combobox", name="Speed").select_option("2")
        assert page.evaluate("clasp.audio.playbackRate") == 2


def test_a_video_shows_its_picture(browser: Browser, served: str) -> None:
    with opened(browser, served, TALK) as page:
        page.wait_for_function("document.querySelector('video').videoWidth === 160")
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_function("clasp.audio.currentTime > 0.3")
        assert page.evaluate("clasp.audio === document.querySelector('video')")
        assert "/film/" in page.evaluate("clasp.audio.currentSrc")
        expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_the_moment_and_its_citation_are_copied(browser: Browser, served: str) -> None:
    with opened(browser, served, f"{TAPE}?q=words#t=61.2", permissions=["clipboard-read", "clipboard-write"]) as page:
        page.get_by_role("button", name="Copy link").click()
        expect(page.locator("[data-copied]")).to_have_text("Copied")
        link = f"{served}{TAPE}#t=61.2"
        assert page.evaluate("navigator.clipboard.readText()") == link
        page.get_by_role("button", name="Copy citation").click()
        expected = f"Ada, “The long tape”, 1:01, {link}"
        page.wait_for_function("(text) => navigator.clipboard.readText().then((now) => now === text)", arg=expected)
        page.get_by_text("Transcript", exact=True).first.click()
        expect(page.get_by_role("link", name="Subtitles (SRT)")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("link", name="Subtitles (SRT)")).to_be_hidden()
        assert page.url.endswith("#t=61.2")


def test_ten_hours_open_at_once_and_are_found_through(browser: Browser, served: str) -> None:
    with opened(browser, served, f"{TAPE}#t=20000") as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.reload()
        line = page.locator(CURRENT)
        expect(line).to_contain_text(f"{int(20_000 // archive.STEP)} times")
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        assert metrics["TaskDuration"] < 2, metrics  # seconds of the processor
        page.wait_for_timeout(500)
        assert line.evaluate(IN_SIGHT)
        page.get_by_role("searchbox").fill("3000 TIMES")
        expect(page.locator(".find .found")).to_have_text("1 of 1")
        expect(page.locator("mark")).to_have_text("3000 times")
        page.wait_for_timeout(500)
        assert page.locator("li[data-found]").evaluate(IN_SIGHT)
        page.get_by_role("searchbox").fill("nobody has spoken so")
        expect(page.locator(".find .found")).to_have_text("Not found")


def test_the_transcript_scrolls_along_until_the_person_scrolls(browser: Browser, served: str) -> None:
    with opened(browser, served, TAPE) as page:
        page.get_by_role("button", name="Play from 0:04", exact=True).click()
        page.wait_for_function("!clasp.audio.paused")
        page.mouse.move(600, 600)
        page.mouse.wheel(0, 4_000)
        follow = page.get_by_role("button", name="Follow the sound")
        expect(follow).to_be_visible()
        page.wait_for_timeout(300)
        assert not page.locator(CURRENT).evaluate(IN_SIGHT)
        follow.click()
        expect(follow).to_be_hidden()
        page.wait_for_timeout(1_000)
        assert page.locator(CURRENT).evaluate(IN_SIGHT)


@pytest.mark.parametrize("size", [(1280, 900), (360, 780), (1920, 1080)])
def test_the_page_is_for_everybody(browser: Browser, served: str, size: tuple[int, int]) -> None:
    viewport = {"width": size[0], "height": size[1]}
    with opened(browser, served, f"{TALK}?q=ferry", viewport=viewport) as page:
        expect(page.locator(".word").first).to_be_visible()
        page.wait_for_timeout(500)
        assert page.evaluate("window.shifts.reduce((sum, one) => sum + one.value, 0)") < 0.02
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        for _ in ("light", "dark"):
            assert Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"] == []
            page.get_by_role("button", name="Switch between light and dark").click()
            page.wait_for_timeout(300)


def test_from_a_hit_to_its_recording_and_back(browser: Browser, address: str) -> None:
    with looked_at(browser, address, ["signal is aborted", "Connection errored out"], "?library=interviews") as page:
        page.locator("#text textarea").fill(FERRY)
        page.locator("#text textarea").press("Enter")
        hits = page.locator("#results .hits .transcript")
        hits.first.wait_for()
        before = hits.all_text_contents()
        page.locator("#results .recording h3 a").first.click()
        page.locator("li[data-hit]").first.wait_for()
        assert re.search(r"/recording/interviews/\w+\?q=The\+ferry.*#t=\d", page.url)
        expect(page.locator(CURRENT)).to_contain_text(FERRY)
        page.keyboard.press("Escape")
        hits.first.wait_for()
        assert "q=The+ferry" in page.url and hits.all_text_contents() == before
        page.goto(f"{address}?tab=library&library=interviews")
        page.get_by_role("link", name="Village memories").click()
        expect(page.get_by_role("heading", name="Village memories")).to_be_visible()
        page.go_back()
        expect(page.get_by_role("link", name="Village memories")).to_be_visible()
