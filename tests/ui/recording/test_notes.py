"""Notes at moments of a recording: what the server does, and what a person does in a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from index.library import Library
from tests.ui.conftest import looked_at
from tests.ui.recording import archive
from tests.ui.recording.archive import Archive
from ui.routes import routes
from ui.service import Service

TO = f"/notes/{archive.NAME}"


@pytest.fixture(scope="module")
def client(service: Service, tapes: Archive) -> TestClient:
    return TestClient(Starlette(routes=routes(service)), headers={"Origin": "http://testserver"})


@pytest.fixture
def library(service: Service, tapes: Archive) -> Iterator[Library]:
    library = service.library(archive.NAME)
    yield library
    for one in library.notes.of("talk"):
        library.notes.remove(one.id)


def test_notes_are_posted_and_shown(client: TestClient, library: Library) -> None:
    asked = {"recording": "talk", "at": 4.2, "text": "Which <ferry>?", "tags": "ferry, fog"}
    reply = client.post(TO, json=asked).json()
    (note,) = library.notes.of("talk")
    assert reply["count"] == 1 and list(reply["lines"]) == [str(library.segments_of("talk")[1].id)]
    body = client.get(f"/recording/{archive.NAME}/talk").text
    assert body.count('Which &lt;ferry&gt;? <span class="tag">#ferry</span>') == 2 and "Notes (<" in body
    client.post(TO, json={"recording": "talk", "note": note.id, "text": "The night ferry", "tags": ""})
    assert [one.text for one in library.notes.of("talk")] == ["The night ferry"]
    other = client.post(TO, json={"recording": "talk", "note": note.id + 1, "text": None})
    assert other.status_code == 400 and "reload" in other.json()["error"]
    assert client.post(TO, json=asked, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert client.post("/notes/demo", json=asked).status_code == 403
    assert client.post(TO, json={"recording": "talk", "note": note.id, "text": None}).json()["count"] == 0


def test_a_person_writes_a_note_and_deletes_it(browser: Browser, served: str, library: Library) -> None:
    with looked_at(browser, served, ["400 (Bad Request)"], f"recording/{archive.NAME}/talk#t=3.4") as page:
        page.locator(".lines li[aria-current]").wait_for()
        page.keyboard.press("m")
        dialog = page.get_by_role("dialog", name="Note at 0:03")
        expect(dialog.get_by_role("textbox", name="Note")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        page.get_by_role("button", name="Add a note").click()
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_role("alert")).to_contain_text("needs a text or a tag")
        dialog.get_by_role("textbox", name="Note").fill("Ask k about the fog")
        dialog.get_by_role("textbox", name="Tags").fill("fog")
        page.keyboard.press("Control+Enter")
        expect(dialog).to_be_hidden()
        expect(page.locator(".lines li").nth(1).locator(".note")).to_have_text("Ask k about the fog #fog")
        page.get_by_text("Notes (1)").click()
        page.get_by_role("button", name="Edit the note at 0:03").click()
        dialog.get_by_role("textbox", name="Note").fill("Ask Ada")
        dialog.get_by_role("button", name="Save").click()
        expect(page.locator(".lines .note")).to_have_text("Ask Ada #fog")
        page.get_by_role("button", name="Delete the note at 0:03").click()
        expect(page.locator(".lines .note")).to_have_count(0)
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".lines .note")).to_have_text("Ask Ada #fog")
        assert page.evaluate("clasp.audio.paused")
