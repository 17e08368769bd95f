"""The library tab in a real browser: somebody's own libraries, and a public page's visitors."""

import json
import re
import shutil
import sqlite3
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
import soundfile
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from clasp import Clasp
from clasp.audio.decode import SAMPLE_RATE
from clasp.training.data.synthesis import Voice, speak
from index.ingest.pipeline import Ingestor
from index.library import Library
from tests.index.ingest.web import Page as Served
from tests.index.ingest.web import Web, serving
from tests.ui.conftest import LEAVING, looked_at, running

FERRY = "The ferry did not leave the harbour because the fog was too thick."
BEES = "We kept the bees behind the chapel, where the lime trees give shade."
WATCH = "My brother repaired watches and radios in a room above the bakery."
SUBTITLES = f"1\n00:00:00,000 --> 00:00:30,000\n{FERRY}\n"
TABLE = "#library-table tbody"


def said(path: Path, *texts: str, speaker: str = "en-us") -> Path:
    """A recording in which these sentences are said."""
    pause = np.zeros(SAMPLE_RATE, np.float32)
    parts = [part for text in texts for part in (pause, speak(text, Voice("espeak", speaker, "en")).samples)]
    soundfile.write(path, np.concatenate([*parts, pause]).astype(np.float32), SAMPLE_RATE)
    return path


@pytest.fixture(scope="module")
def spoken_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two recordings, one of them with subtitles, and a file that is none."""
    folder = tmp_path_factory.mktemp("spoken")
    (folder / "ferry.srt").write_text(SUBTITLES)
    (folder / "broken.mp3").write_bytes(np.random.default_rng(0).bytes(20_000))
    files = [said(folder / "ferry.wav", FERRY), said(folder / "bees.flac", BEES, speaker="en-us+f3")]
    return [*files, folder / "ferry.srt", folder / "broken.mp3"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app of `own` keeps what it has: library, data, uploads."""
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def own(home: Path) -> Iterator[str]:
    """The address of an app whose user owns the libraries."""
    places = {"CLASP_LIBRARY": home / "archive", "XDG_DATA_HOME": home / "data", "GRADIO_TEMP_DIR": home / "uploads"}
    with running(home, **{name: str(path) for name, path in places.items()}, NO_PROXY="127.0.0.1") as url:
        yield url


@pytest.fixture(scope="module")
def owner(browser: Browser, own: str) -> Iterator[Page]:
    """One's own page, which stays open."""
    with looked_at(browser, own, LEAVING) as page:
        yield page


@pytest.fixture
def page(owner: Page) -> Page:
    """Its library tab, with all of the table."""
    opened(owner)
    if owner.locator("#library-find").is_visible():
        owner.locator("#library-find input").fill("")
    return owner


def opened(page: Page) -> None:
    """Turn to the library tab."""
    page.get_by_role("tab", name="Library").click()
    page.wait_for_selector("#library-facts p, #library-facts dl, #library-table section")


def attach(page: Page, *files: Path) -> None:
    """Choose files to be added."""
    page.locator("#library-files input[type=file]").set_input_files(files)
    expect(page.locator("#library-files .filename")).to_have_count(len(files))


def upload(page: Page, *files: Path) -> None:
    """Add files, and wait for the report."""
    attach(page, *files)
    page.locator("#library-add").click()
    page.wait_for_selector(".job:not([data-running])")


def titles(page: Page) -> list[str]:
    """The recordings that the table shows, in its order."""
    return page.locator(f"{TABLE} th").all_inner_texts()


def choose_library(page: Page, name: str) -> None:
    page.get_by_role("combobox", name="Library", exact=True).last.click()
    page.get_by_role("option", name=name).click()


def test_recordings_are_added_and_what_cannot_be_read_is_named(
    page: Page, home: Path, spoken_files: list[Path]
) -> None:
    expect(page.locator("#library-table")).to_contain_text("No recordings yet")
    attach(page, *spoken_files)
    page.locator("#library-add").click()
    page.wait_for_selector("[role=progressbar]")
    expect(page.locator("#library-adding")).to_be_hidden()  # one thing at a time
    report = page.locator(".job[role=status]")
    expect(report).to_contain_text("2 recordings added: 2 utterances")
    expect(report).to_contain_text("1 could not be read")
    expect(report.locator("li")).to_have_text(re.compile("^broken.mp3 is not a recording"))
    expect(report.locator("a")).to_have_attribute("href", "?library=archive")
    assert titles(page) == ["bees", "ferry"]
    facts = page.locator("#library-facts")
    expect(facts).to_contain_text("Recordings2")
    expect(facts).to_contain_text("copied recordings")
    assert len(list((home / "archive" / "files").iterdir())) == 2
    assert [path for path in (home / "uploads").rglob("*") if path.is_file() and path.stat().st_size] == []
    database = sqlite3.connect(home / "archive" / "library.db")
    assert database.execute("SELECT text FROM segments ORDER BY text").fetchall() == [("",), (FERRY,)]
    database.close()


def test_what_was_added_is_found_and_heard(page: Page) -> None:
    page.locator("#library-table .play-button").first.click()
    page.wait_for_function("() => !clasp.audio.paused && clasp.audio.currentTime > 0")
    page.get_by_role("tab", name="Search").click()
    expect(page.locator("#by-library input")).to_have_value("archive")  # for something was added to it
    page.locator("#text textarea").fill(FERRY)
    page.locator("#text textarea").press("Enter")
    expect(page.locator("#results .transcript").first).to_contain_text(FERRY)


def test_adding_again_says_what_is_known(page: Page, spoken_files: list[Path]) -> None:
    upload(page, spoken_files[0])
    expect(page.locator(".job")).to_contain_text("1 already in the library")
    page.locator("#library-dismiss").click()
    expect(page.locator(".job")).to_have_count(0)
    attach(page, spoken_files[2])
    page.locator("#library-add").click()
    expect(page.locator("#library-notice")).to_contain_text("There is no recording among these files")


def test_recordings_are_edited_found_and_sorted(page: Page) -> None:
    page.get_by_role("button", name="Edit ferry").click()
    expect(page.locator("#library-title input")).to_be_focused()
    page.locator("#library-title input").fill("Harbour <b>1962</b>")
    page.locator("#library-speaker input").fill("Ada")
    page.locator("#library-date input").fill("1962-13")
    page.locator("#library-save").click()
    expect(page.locator("#library-notice")).to_contain_text("'1962-13' is no date")
    page.locator("#library-date input").fill("1962-05")
    page.locator("#library-save").click()
    expect(page.locator("#library-notice")).to_contain_text("Saved.")
    assert titles(page) == ["bees", "Harbour <b>1962</b>"]
    expect(page.locator(f"{TABLE} tr").last).to_contain_text("Ada")
    page.get_by_role("button", name="Title").click()
    expect(page.locator(f"{TABLE} th").first).to_have_text("Harbour <b>1962</b>")
    page.locator("#library-find input").fill("ada 1962")
    expect(page.locator(f"{TABLE} th")).to_have_text(["Harbour <b>1962</b>"])
    page.locator("#library-find input").fill("nobody")
    expect(page.locator("#library-table")).to_contain_text("No recording matches these words")


def test_several_are_edited_at_once(page: Page) -> None:
    bees, harbour = (page.locator(f"{TABLE} tr", has_text=title).locator(".tags") for title in ("bees", "Harbour"))
    page.get_by_role("button", name="Edit bees").click()
    expect(page.locator("#library-title input")).to_be_focused()  # the form is whole
    page.locator("#library-tags input").fill("fog")
    page.locator("#library-save").click()
    expect(bees).to_have_text("#fog")
    page.get_by_label("Select all on this page").check()
    expect(page.locator("#library-chosen")).to_contain_text("2 recordings selected")
    page.locator("#library-edit").click()
    expect(page.locator("#library-speaker input")).to_be_focused()  # the form is whole
    expect(page.locator("#library-title")).to_be_hidden()
    page.locator("#library-category input").fill("interview")
    page.locator("#library-tags input").fill("1962; Fog")
    page.locator("#library-save").click()
    expect(page.locator(f"{TABLE} td[data-column=Category]")).to_have_text(["interview", "interview"])
    expect(bees).to_have_text("#fog #1962")  # tags are added
    expect(harbour).to_have_text("#1962 #Fog")
    page.locator("#library-undo").click()
    expect(page.locator("#library-notice")).to_contain_text("Undone.")
    expect(page.locator(f"{TABLE} td[data-column=Category]")).to_have_text(["", ""])
    expect(page.locator(f"{TABLE} .tags")).to_have_text(["#fog"])
    page.get_by_role("button", name="Edit bees").click()
    expect(page.locator("#library-title input")).to_be_focused()
    page.locator("#library-tags input").fill("")
    page.locator("#library-tags input").press("Enter")
    expect(page.locator(f"{TABLE} .tags")).to_have_count(0)
    expect(page.locator(f"{TABLE} tr", has_text="bees")).not_to_contain_text("Ada")
    expect(page.locator(f"{TABLE} tr", has_text="Harbour")).to_contain_text("Ada")


def test_a_folder_of_this_computer_is_added_while_the_page_comes_and_goes_and_stopped(
    page: Page, home: Path, tmp_path: Path
) -> None:
    for number in range(30):
        said(tmp_path / f"memo {number:02}.wav", f"{WATCH} This is memo number {number}.", BEES, FERRY, WATCH)
    page.locator("#library-path input").fill(str(tmp_path))
    page.locator("#library-path input").press("Enter")
    expect(page.locator(".job[data-running]")).to_contain_text("of 30 files")
    page.reload()
    opened(page)
    expect(page.locator(".job[data-running]")).to_contain_text("so far")
    page.locator("#library-stop").click()
    expect(page.locator(".job[role=status]")).to_contain_text("Stopped. What was finished is kept")
    rows = page.locator(f"{TABLE} tr", has_text="memo")
    assert 0 < rows.count() < 30
    assert len(list(tmp_path.glob("*.wav"))) == 30 and len(list((home / "archive" / "files").iterdir())) == 2
    Path(tmp_path / "memo 00.wav").rename(tmp_path / "moved")
    page.locator("#library-find input").fill("memo 00")
    expect(page.locator(f"{TABLE} .amiss")).to_contain_text("put it back, or add it from its new location")
    page.locator("#library-dismiss").click()


def test_removing_asks_once_more_and_originals_stay(page: Page, home: Path) -> None:
    page.locator("#library-find input").fill("memo")
    expect(page.locator(f"{TABLE} tr", has_text="memo 01")).to_be_visible()
    expect(page.locator(f"{TABLE} tr", has_not_text="memo")).to_have_count(0)
    memos = page.locator(f"{TABLE} tr").count()
    page.get_by_label("Select all on this page").check()
    page.locator("#library-find input").fill("bees")
    expect(page.locator(f"{TABLE} th")).to_have_text(["bees"])
    page.get_by_label("Select bees").check()  # those on other pages stay chosen
    expect(page.locator("#library-chosen")).to_contain_text(f"{memos + 1} recordings selected")
    page.locator("#library-ask").click()
    question = page.locator("#library-confirm")
    expect(question).to_contain_text("You can restore them from the bin for 30 days")
    expect(question).to_contain_text("The copies in this library are deleted after that")
    expect(question).to_contain_text("The original files stay where they are")
    page.locator("#library-keep").click()
    expect(question).to_be_hidden()
    page.locator("#library-ask").click()
    page.locator("#library-remove").click()
    expect(page.locator("#library-notice")).to_contain_text("removed")
    page.locator("#library-undo").click()
    expect(page.locator("#library-notice")).to_contain_text("Undone.")
    expect(page.locator("#library-undo")).to_be_hidden()
    expect(page.locator(f"{TABLE} th")).to_have_text(["bees"])
    page.get_by_label("Select bees").check()
    page.locator("#library-find input").fill("memo")
    expect(page.locator(f"{TABLE} tr")).to_have_count(memos)
    page.get_by_label("Select all on this page").check()
    page.locator("#library-ask").click()
    page.locator("#library-remove").click()
    expect(page.locator("#library-notice")).to_contain_text("removed")
    page.locator("#library-find input").fill("")
    expect(page.locator(f"{TABLE} th")).to_have_text(["Harbour <b>1962</b>"])
    page.get_by_role("button", name=f"Bin ({memos + 1})").click()
    page.get_by_role("button", name="Delete bees for good").click()
    page.get_by_role("button", name="Really delete it?").click()
    expect(page.locator("#library-notice")).to_contain_text("Deleted for good.")
    expect(page.locator("#library-binned li")).to_have_count(memos)
    assert len(list((home / "archive" / "files").iterdir())) == 1


def test_a_library_is_checked_exported_and_imported(page: Page, own: str, tmp_path: Path) -> None:
    page.get_by_role("button", name="Maintenance").click()
    page.locator("#library-check").click()
    expect(page.locator(".job[role=status]")).to_contain_text("No problems found")
    page.locator("#library-export").click()
    link = page.get_by_role("link", name="Download archive.zip")
    with page.expect_download() as download:
        link.click()
    archive = tmp_path / "archive.zip"
    download.value.save_as(archive)
    assert any(name.startswith("files/") for name in zipfile.ZipFile(archive).namelist())
    page.get_by_role("button", name="New library").click()
    page.locator("#library-new").get_by_label("Name").fill("../up")
    page.locator("#library-make").click()
    expect(page.locator("#library-notice")).to_contain_text("cannot name a library")
    page.locator("#library-new").get_by_label("Name").fill("Brought back")
    page.locator("#library-new input[type=file]").set_input_files(archive)
    page.wait_for_selector("#library-new .filename")
    page.locator("#library-make").click()
    expect(page.locator(".job[role=status]")).to_contain_text("“Brought back” is now one of your libraries")
    choose_library(page, "Brought back")
    expect(page.locator(f"{TABLE} th")).to_have_text(["Harbour <b>1962</b>"])
    choose_library(page, "Demo library")
    expect(page.locator("#library-facts")).to_contain_text("read-only")
    expect(page.locator(f"{TABLE} tr")).to_have_count(50)
    expect(page.locator("#library-adding, #library-care, [data-edit], [data-all]").first).to_be_hidden()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator(".pages")).to_contain_text("51–100 of 909")


def test_a_library_of_another_model_is_made_ready_and_a_damaged_one_repaired(
    page: Page, home: Path, tmp_path: Path
) -> None:
    libraries = home / "data" / "clasp" / "libraries"
    older, torn = (f"{name} {tmp_path.name[-1]}" for name in ("Older", "Torn"))  # others if the test is run again
    for name in (older, torn):
        shutil.copytree(home / "archive", libraries / name)
    with closing(sqlite3.connect(libraries / older / "library.db")) as database, database:
        database.execute("UPDATE library SET model = 'another'")
    with closing(sqlite3.connect(libraries / torn / "library.db")) as database, database:
        database.execute("DELETE FROM vectors")
    page.reload()
    opened(page)
    choose_library(page, older)
    expect(page.locator("#library-facts .notice")).to_contain_text("made by another model")
    expect(page.locator("#library-adding")).to_be_hidden()
    page.locator("#library-reembed").click()
    expect(page.locator(".job[role=status]")).to_contain_text("1 utterance can be searched again")
    expect(page.locator(f"{TABLE} th")).to_have_text(["Harbour <b>1962</b>"])
    expect(page.locator("#library-reembed")).to_be_hidden()
    choose_library(page, torn)
    if not page.locator("#library-repair").is_visible():
        page.get_by_role("button", name="Maintenance").click()
    page.locator("#library-repair").click()
    expect(page.locator(".job[role=status] li")).to_have_text("1 segments without a vector: taken out.")


def publish(web: Web, folder: Path, **texts: str) -> None:
    """A podcast with these episodes, whose transcripts come along."""
    items = ""
    for name, text in texts.items():
        sound = said(folder / f"{name}.flac", text)
        web.pages[f"/{name}.flac"] = Served(sound.read_bytes())
        web.pages[f"/{name}.srt"] = Served(SUBTITLES.replace(FERRY, text).encode())
        items += f'<item><title>{name}</title><enclosure url="/{name}.flac" type="audio/flac"/>'
        items += f'<transcript url="/{name}.srt" type="application/srt"/></item>'
    feed = f"<rss><channel><title>Harbour Stories</title>{items}</channel></rss>"
    web.pages["/feed.xml"] = Served(feed.encode(), etag=f'"{len(texts)}"')


def test_folders_are_watched_and_a_saved_search_finds_what_a_podcast_brings(
    page: Page, own: str, tmp_path: Path
) -> None:
    name = f"By itself {tmp_path.name[-1]}"  # another one if the test is run again
    new, listed, report = (page.locator(one) for one in ("#library-new", "#library-source-list", ".job[role=status]"))
    if not new.get_by_label("Name").is_visible():
        page.get_by_role("button", name="New library").click()
    new.get_by_label("Name").fill(name)
    page.locator("#library-make").click()
    expect(page.locator("#library-name input")).to_have_value(name)
    (tmp_path / "in").mkdir()
    folder = page.get_by_label("Folder to watch on this computer")
    if not folder.is_visible():
        page.get_by_role("button", name="Watched folders and podcasts").click()
    for path, outcome in (("none", "There is no"), ("in", "is watched from now on")):
        folder.fill(str(tmp_path / path))
        page.get_by_role("button", name="Watch", exact=True).click()
        expect(page.locator("#library-notice")).to_contain_text(outcome)
    expect(listed).to_contain_text(f"{tmp_path / 'in'}Nothing has come in yet.")
    with serving() as web:
        publish(web, tmp_path, bees=BEES)
        page.get_by_label("Address of a podcast").fill(f"{web.address}/feed.xml")
        page.get_by_role("button", name="Follow").click()
        expect(report).to_contain_text("1 recording added")
        save_search(page, own, name, FERRY)
        publish(web, tmp_path, bees=BEES, ferry=FERRY)
        page.get_by_role("button", name="Watched folders and podcasts").click()
        page.get_by_role("button", name="Update podcasts").click()
        expect(report).to_contain_text(f"something new: “{FERRY}” (1)")
    expect(listed).to_contain_text("Harbour Stories2 episodes")
    saved = page.locator("#library-saved details")
    expect(saved.locator("summary")).to_contain_text("1 new")
    problems = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [one["id"] for one in problems if one["impact"] in ("serious", "critical")] == []
    saved.locator("summary").click()
    hit = saved.get_by_role("link")
    expect(hit).to_have_text(FERRY)
    expect(hit).to_have_attribute("href", re.compile(r"^recording/By%20itself%20\d/\w+\?q=The\+ferry"))
    expect(saved.locator("summary .new")).to_have_count(0)
    choose_library(page, "archive")
    expect(saved).to_have_count(0)
    choose_library(page, name)
    expect(saved.locator("summary")).to_contain_text("1 hit")
    expect(saved.locator("summary .new")).to_have_count(0)
    saved.locator("summary").click()
    page.get_by_role("button", name="Remove the saved search").click()
    expect(saved).to_have_count(0)
    page.get_by_role("button", name="Stop watching").click()
    expect(page.get_by_role("button", name="Stop watching")).to_have_count(0)
    page.get_by_role("button", name="Stop following Harbour Stories").click()
    expect(listed).to_be_hidden()
    assert titles(page) == ["bees", "ferry"]


def save_search(page: Page, address: str, library: str, text: str) -> None:
    """Search a library, save the search, and come back."""
    page.goto(f"{address}?{urlencode({'q': text, 'library': library})}")
    page.get_by_role("button", name="Save search").click()
    expect(page.locator("#results .done")).to_contain_text(f"will be searched for “{text}”")
    opened(page)
    choose_library(page, library)


def test_the_tab_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    choose_library(page, "archive")
    page.get_by_role("button", name=re.compile("^Edit Harbour")).click()
    expect(page.locator("#library-save")).to_be_in_viewport()
    page.locator("#library-care button").first.click()
    page.locator("#library-new button").first.click()
    page.wait_for_function("document.documentElement.scrollWidth <= 360")  # a resized page settles within frames


# ---- a public page


@pytest.fixture(scope="module")
def archive(home: Path, own: str, bundled: Clasp, spoken_files: list[Path]) -> Path:
    """The library of `own`, as the tests above have left it; with a recording if they were not run."""
    folder = home / "archive"
    if Library.is_free(folder):
        with Library.create(folder, bundled) as library:
            list(Ingestor(library, bundled).add([spoken_files[0]]))
    return folder


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory, home: Path, archive: Path) -> Iterator[str]:
    """The address of a read-only app with that library. The model that it is to use cannot be had."""
    folder = tmp_path_factory.mktemp("public")
    places = {"CLASP_LIBRARY": archive, "XDG_DATA_HOME": home / "data", "GRADIO_TEMP_DIR": folder / "uploads"}
    settings = {name: str(path) for name, path in places.items()}
    settings |= {"CLASP_MODEL": "published", "CLASP_OFFLINE": "1"}
    with running(folder, **settings, CLASP_READ_ONLY="1", CLASP_GUEST_MIB="1") as url:
        yield url


def fetched(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_the_page_says_why_another_model_has_opened(browser: Browser, public: str, tolerated: list[str]) -> None:
    with looked_at(browser, public, tolerated) as page:
        notice = page.locator(".notice").first
        expect(notice).to_contain_text("CLASP_OFFLINE is set")
        expect(notice).to_contain_text("Using the bundled model instead.")


def test_a_visitors_uploads_are_theirs_alone(
    browser: Browser, public: str, tolerated: list[str], tmp_path: Path
) -> None:
    with looked_at(browser, public, tolerated) as page, looked_at(browser, public, tolerated) as other:
        opened(page)
        expect(page.locator("#library-facts")).to_contain_text("It is deleted after 60 minutes")
        large = tmp_path / "large.wav"
        soundfile.write(large, np.zeros(600_000, np.int16), SAMPLE_RATE)
        attach(page, large)
        page.locator("#library-add").click()
        expect(page.locator("#library-notice")).to_contain_text("These files are too large")
        page.get_by_role("button", name="Clear").click()
        upload(page, said(tmp_path / "watch.wav", WATCH))
        expect(page.locator("#library-facts")).to_contain_text(re.compile("It is deleted at .*\\d\\d"))
        assert titles(page) == ["watch"]
        sound = page.locator("#library-table .play-button").get_attribute("data-src")
        assert fetched(public + sound) == 200
        secret, recording = sound.split("/")[1:]
        for key in ("visit", "archive", "demo", secret[:-1], ""):
            assert fetched(f"{public}audio/{key}/{recording}") == 404
        opened(other)
        expect(other.locator("#library-table")).to_contain_text("No recordings yet")
        page.reload()
        opened(page)
        assert titles(page) == ["watch"]
        for element in ("#library-new", "#library-care", "#library-path"):
            assert page.locator(element).count() == 0
        choose_library(page, "archive")
        expect(page.locator("#library-facts")).to_contain_text("read-only")
        expect(page.locator("#library-adding")).to_be_hidden()


def events(address: str) -> list[dict[str, Any]]:
    """All that the page can ask of the server, as Gradio describes it."""
    with urllib.request.urlopen(f"{address}config") as reply:
        config = json.load(reply)
    kinds = {one["id"]: one for one in config["components"]}
    told = [one for one in config["dependencies"] if one["backend_fn"]]  # the others stay in the browser
    return [one | {"inputs": [kinds[number] for number in one["inputs"]]} for one in told]


def asked(address: str, event: dict[str, Any], values: dict[str, Any], data: Any, session: str = "forged") -> str:
    """Send an event as any program can; gives everything that comes back."""
    inputs = [values.get(one["props"].get("elem_id"), values.get(one["type"])) for one in event["inputs"]]
    body = {"fn_index": event["id"], "data": inputs, "event_data": data, "session_hash": session}
    headers = {"Content-Type": "application/json"}
    join = urllib.request.Request(f"{address}gradio_api/queue/join", json.dumps(body).encode(), headers)
    urllib.request.urlopen(join).close()
    with urllib.request.urlopen(f"{address}gradio_api/queue/data?session_hash={session}", timeout=60) as reply:
        said = ""
        for line in reply:
            said += line.decode()
            if "process_completed" in said or "close_stream" in said:
                return said
    return said


def test_forged_requests_change_nothing(public: str, home: Path, spoken_files: list[Path]) -> None:
    def state() -> tuple[Any, ...]:
        with sqlite3.connect(home / "archive" / "library.db") as database:
            rows = database.execute("SELECT * FROM recordings").fetchall()
            return rows, database.execute("SELECT generation FROM library").fetchall(), sorted(home.glob("data/**/*"))

    before = state()
    names = [recording[0] for recording in before[0]]
    done = {}
    for event in events(public):
        if any(one["props"].get("elem_id") == "library-name" for one in event["inputs"]):
            for library in ("archive", "demo", "visit"):
                values = {
                    "library-name": library, "browserstate": "nobody", "library-path": str(spoken_files[0].parent),
                    "library-title": "forged", "library-files": None, "library-find": "",
                }  # fmt: skip
                data = {"ids": names, "edit": True, "sort": "title"}
                done[event["api_name"], library] = asked(public, event, values, data)
    assert {name for name, _ in done} >= {"upload", "select", "save", "remove", "stop", "dismiss"}
    assert not {name for name, _ in done} & {"add_path", "create", "check", "repair", "export", "transcribe", "reembed"}
    assert not {name for name, _ in done} & {"watch", "follow", "update", "leave"}
    changes = (
        "upload", "select", "edit", "save", "ask_remove", "remove", "undo", "restore", "discard", "stop", "dismiss",
        "see_saved", "forget_saved",
    )  # fmt: skip
    for name in changes:
        assert "read-only" in done[name, "archive"] and "read-only" in done[name, "demo"]
    assert state() == before


def test_forged_requests_lay_out_no_map(public: str, home: Path) -> None:
    before = sorted(home.glob("data/**/*"))
    done = {}
    for event in events(public):
        if any(one["props"].get("elem_id") == "map-library" for one in event["inputs"]):
            for library in ("archive", "demo", "visit"):  # all that `load`, the first of them, has offered
                values = {"map-library": library, "browserstate": "nobody"}
                data = {"text": "the watch", "ids": [1, "2", None]}
                done[event["api_name"], library] = asked(public, event, values, data, "stranger")
    every = {"choose_library", "poll", "fit", "stop_fit", "close_report", "find", "download"}
    assert {name for name, _ in done} >= every
    assert "read-only" in done["fit", "archive"] and "read-only" in done["fit", "demo"]
    assert all("not added any recordings" in done[name, "visit"] for name in ("fit", "find"))
    time.sleep(1)
    assert sorted(home.glob("data/**/*")) == before
