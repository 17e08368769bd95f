"""Transcripts are corrected on the page of a recording: what the server does, and what a person does in a browser."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from starlette.applications import Starlette
from starlette.testclient import TestClient

from index.library import Library
from tests.ui.conftest import looked_at
from tests.ui.recording import archive
from tests.ui.recording.archive import Archive
from ui.routes import routes
from ui.service import READ_ONLY, Service

HERE = {"Origin": "http://testserver"}
BEFORE, AFTER = "Where is the ferrie?", "Where is the ferry now?"


@pytest.fixture(scope="module")
def client(service: Service, tapes: Archive) -> TestClient:
    return TestClient(Starlette(routes=routes(service)), headers=HERE)


@pytest.fixture
def library(service: Service, tapes: Archive) -> Iterator[Library]:
    """That of the talk, as it was afterwards."""
    library = service.library(archive.NAME)
    yield library
    for one in library.segments_of("talk"):
        if one.corrected is not None:
            library.corrections.take_back(one.id, before=one.transcript)


def segment(library: Library) -> int:
    return library.segments_of("talk")[1].id


def test_a_correction_is_posted_and_taken_back(client: TestClient, library: Library) -> None:
    number = segment(library)
    reply = client.post(f"/corrections/{archive.NAME}", json={"segment": number, "text": AFTER, "before": BEFORE})
    assert reply.status_code == 200, reply.text
    assert reply.json()["transcript"] == AFTER and ">Corrected" in reply.json()["html"]
    times = {"Where": 3.2, "is": 3.7, "the": 4.2, "ferry": 4.7, "now?": 4.95}
    words = [[word, start, False] for word, start in times.items()]
    assert reply.json()["words"] == words
    body = client.get(f"/recording/{archive.NAME}/talk").text
    assert AFTER in body and "Automatic transcript, partly corrected</span>" in body
    assert client.get(f"/words/{archive.NAME}/talk").json()[str(number)] == words
    assert AFTER in client.get(f"/transcript/{archive.NAME}/talk?format=srt").text
    late = client.post(f"/corrections/{archive.NAME}", json={"segment": number, "text": "x", "before": BEFORE})
    assert late.status_code == 409 and late.json()["transcript"] == AFTER and "meanwhile" in late.json()["error"]
    back = client.post(f"/corrections/{archive.NAME}", json={"segment": number, "text": None, "before": AFTER})
    assert back.json()["transcript"] == BEFORE and ">auto</small>" in back.json()["html"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"}, 200),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_no_other_site_can_correct(client: TestClient, library: Library, headers: dict[str, str], status: int) -> None:
    asked = {"segment": segment(library), "text": AFTER, "before": BEFORE}
    reply = client.post(f"/corrections/{archive.NAME}", json=asked, headers=headers)
    assert reply.status_code == status, reply.text
    assert (library.segment(segment(library)).transcript == AFTER) == (status == 200)


def test_what_may_not_be_changed_and_what_is_no_correction(
    client: TestClient, service: Service, library: Library
) -> None:
    number = segment(library)
    asked = {"segment": number, "text": AFTER, "before": BEFORE}
    reply = client.post("/corrections/demo", json=asked | {"segment": 1})
    assert (reply.status_code, reply.json()["error"]) == (403, READ_ONLY)
    assert "data-edit" not in client.get(f"/recording/demo/{service.library('demo').recordings()[0].id}").text
    for wrong in ({}, asked | {"segment": "x"}, asked | {"before": None}):
        assert client.post(f"/corrections/{archive.NAME}", json=wrong).status_code == 400
    assert client.post(f"/corrections/{archive.NAME}", json=asked | {"text": "x" * 300_000}).status_code == 413
    assert client.post(f"/corrections/{archive.NAME}", json=asked | {"text": "x" * 20_000}).status_code == 400
    gone = client.post(f"/corrections/{archive.NAME}", json=asked | {"segment": 10**9})
    assert gone.status_code == 400 and "reload the page" in gone.json()["error"]
    assert client.post("/corrections/nowhere", json=asked).status_code == 400
    assert library.segment(number).transcript == BEFORE


def test_on_a_public_page_guests_correct_their_own(
    client: TestClient, service: Service, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "read_only", True)
    guests = service.opened().guests
    token = guests.issue()
    first = library.segments_of("talk")[1]
    dim = service.opened().model.dim
    (own,) = guests.open_or_create(token).add([library.recording("talk")], [first], np.eye(1, dim, dtype=np.float32))
    asked = {"segment": own.id, "text": AFTER, "before": ""}
    for key in (archive.NAME, guests.issue(), "visit"):
        assert client.post(f"/corrections/{key}", json=asked | {"before": BEFORE}).status_code in (400, 403)
    assert client.post(f"/corrections/{token}", json=asked).json()["transcript"] == AFTER
    assert "data-edit" in client.get(f"/recording/{token}/talk").text
    assert "data-edit" not in client.get(f"/recording/{archive.NAME}/talk").text


def test_a_person_corrects_a_line(browser: Browser, served: str, library: Library) -> None:
    with looked_at(browser, served, ["409 (Conflict)"], f"recording/{archive.NAME}/talk#t=3.4") as page:
        line = page.locator(".lines li").nth(1)
        page.keyboard.press("e")
        area = line.get_by_role("textbox", name="Transcript")
        expect(area).to_be_focused()
        expect(area).to_have_value(BEFORE)
        area.fill("no")
        page.keyboard.press("Escape")
        expect(line.locator(".transcript")).to_have_text(BEFORE)
        edit = line.get_by_role("button", name="Edit the transcript at 0:03")
        expect(edit).to_be_focused()
        page.keyboard.press("Enter")
        area.fill(AFTER)
        assert page.evaluate("clasp.audio.paused")
        page.keyboard.press("Control+Enter")
        expect(line.locator(".transcript")).to_have_text(AFTER)
        expect(line.locator(".corrected")).to_contain_text("Corrected")
        expect(edit).to_be_focused()
        expect(line.locator(".word", has_text="now?")).to_have_attribute("data-at", "4.95")
        page.get_by_role("searchbox").fill("ferry now")
        expect(page.locator(".find .found")).to_have_text("1 of 1")
        library.corrections.store(segment(library), "Changed in another tab.", before=AFTER)
        edit.click()
        area.fill("Mine.")
        line.get_by_role("button", name="Save").click()
        expect(line.get_by_role("alert")).to_contain_text("Changed in another tab.")
        line.get_by_role("button", name="Save").click()
        expect(line.locator(".transcript")).to_have_text("Mine.")
        line.get_by_role("button", name="Take back").click()
        expect(line.locator(".transcript")).to_have_text(BEFORE)
        expect(line.locator(".by-machine")).to_have_text("auto")
