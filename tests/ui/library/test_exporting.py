"""Transcripts downloaded: in the library tab, as hits, by their address, and by a program."""

import io
import json
import urllib.error
import urllib.request
import zipfile
from email.message import Message
from pathlib import Path
from urllib.parse import unquote

import pysubs2
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect
from pympi import Eaf

from index.exports.formats import FORMATS
from tests.ui.interviews import FERRY, MILK, Interviews
from ui.endpoints import Endpoints


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


@pytest.fixture(scope="module")
def ids(client: Client) -> dict[str, str]:
    """The recordings of the library, by title."""
    listed = client.predict("interviews", api_name="/list_recordings")["recordings"]
    return {one["title"]: one["id"] for one in listed}


def fetched(url: str) -> tuple[int, Message, bytes]:
    try:
        with urllib.request.urlopen(url) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_every_format_by_its_address(address: str, ids: dict[str, str], interviews: Interviews) -> None:
    for name, one in FORMATS.items():
        code, headers, content = fetched(f"{address}transcript/interviews/{ids['Village memories']}?format={name}")
        assert code == 200 and content
        assert headers["content-type"].startswith(one.media_type) and "no-cache" in headers["cache-control"]
        assert unquote(headers["content-disposition"]) == f"attachment; filename*=utf-8''Village memories{one.suffix}"
        if name == "srt":
            events = pysubs2.SSAFile.from_string(content.decode()).events
            texts = [text for text, *_ in interviews.said["Village memories"]]
            assert [one.text for one in events] == [f"[Anna]: {text}" for text in texts]


def test_an_address_that_leads_nowhere_says_why(address: str, ids: dict[str, str]) -> None:
    for place, sentence in {
        f"interviews/{ids['Notiz']}?format=doc": "There is no format 'doc': choose one of srt",
        f"interviews/{ids['Notiz']}": "There is no format ''",
        "interviews/nothing?format=srt": "There is no recording 'nothing'",
        f"none/{ids['Notiz']}?format=srt": "There is no library called 'none'",
    }.items():
        code, _, content = fetched(f"{address}transcript/{place}")
        assert code == 404 and sentence in json.loads(content)["detail"]


def test_a_program_gets_text_and_address(address: str, client: Client, ids: dict[str, str]) -> None:
    found = client.predict(ids["Notiz"], "vtt", "interviews", api_name="/export_transcript")
    assert all(name in Endpoints.export_transcript.__doc__ for name in FORMATS)
    assert (found["file"], found["recording"]["title"]) == ("Notiz.vtt", "Notiz") and f"<v Anna>{MILK}" in found["text"]
    assert fetched(address + found["url"])[2].decode() == found["text"]
    project = client.predict(ids["Notiz"], "qdpx", "interviews", api_name="/export_transcript")
    assert project["text"] == "" and zipfile.is_zipfile(io.BytesIO(fetched(address + project["url"])[2]))
    with pytest.raises(AppError, match="no format 'doc'"):
        client.predict(ids["Notiz"], "doc", "interviews", api_name="/export_transcript")
    with pytest.raises(AppError, match="only be searched on the page"):
        client.predict(ids["Notiz"], "srt", "visit", api_name="/export_transcript")


def saved(page: Page, menu: str, label: str) -> tuple[str, bytes]:
    """The name and content of the file that an entry of a menu downloads."""
    page.locator(f"{menu} .menu summary").click()
    with page.expect_download() as waiting:
        page.locator(menu).get_by_role("button", name=label, exact=True).click()
    expect(page.locator(f"{menu} .menu")).not_to_have_attribute("open", "")
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_what_is_ticked_and_what_was_found_are_downloaded(page: Page, tmp_path: Path) -> None:
    page.get_by_role("tab", name="Library").click()
    page.get_by_label("Select The ferryman").click()
    expect(page.locator("#library-chosen")).to_contain_text("The ferryman selected")
    menu = page.locator("#library-formats .menu")
    menu.locator("summary").click()
    box = menu.locator("ul").bounding_box()
    assert box is not None and box["y"] > 0 and box["y"] + box["height"] < 900, "all of the menu is in the window"
    page.screenshot(path=tmp_path / "menu.png")
    page.keyboard.press("Escape")
    name, content = saved(page, "#library-formats", "ELAN (EAF)")
    (tmp_path / name).write_bytes(content)
    tier = Eaf(str(tmp_path / name)).get_annotation_data_for_tier("Bert - utterances")
    assert name == "The ferryman.eaf" and FERRY in [text for _, _, text in tier]
    page.get_by_label("Select all on this page").check()
    expect(page.locator("#library-chosen")).to_contain_text("3 recordings selected")
    name, content = saved(page, "#library-formats", "Subtitles (SRT)")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert name == "transcripts.zip"
        assert sorted(archive.namelist()) == ["Notiz.srt", "The ferryman.srt", "Village memories.srt"]

    page.get_by_role("tab", name="Search").click()
    page.locator("#text textarea").fill("the old canal")
    page.keyboard.press("Enter")
    name, content = saved(page, "#results", "Plain text")
    assert name in ("clasp-the-old-canal.txt", "clasp-the-old-canal.zip") and content
