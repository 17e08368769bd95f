"""The page of a recording as the server makes it: what it says, and what it fetches."""

import html
import re
import time
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from index.library import Segment
from tests.ui.interviews import BEES, FERRY, Interviews
from tests.ui.recording import archive
from tests.ui.recording.archive import Archive
from ui.recording import page
from ui.routes import routes
from ui.service import Service

VILLAGE = "Village memories"
LINE = re.compile(r'<li data-at="([\d.]+)" data-segment="(\d+)"( data-hit)?.*?</li>', re.DOTALL)
TEXT = re.compile(r'<p class="transcript"[^>]*>(.*?)</p>', re.DOTALL)


@pytest.fixture(scope="module")
def client(service: Service, tapes: Archive) -> TestClient:
    return TestClient(Starlette(routes=routes(service)))


@pytest.fixture(scope="module")
def village(service: Service) -> str:
    """The path of a recording's page."""
    titles = {one.title: one.id for one in service.library("interviews").recordings()}
    return f"/recording/interviews/{titles[VILLAGE]}"


def lines(body: str) -> list[tuple[float, bool, str]]:
    """The utterances of a page: second, whether it is a hit, and what is spoken."""
    found = []
    for match in LINE.finditer(body):
        text = TEXT.search(match[0])
        found.append((float(match[1]), match[3] is not None, html.unescape(text[1]) if text else ""))
    return found


def test_everything_that_is_known_of_a_recording(client: TestClient, village: str, interviews: Interviews) -> None:
    reply = client.get(village)
    assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/html")
    shown = lines(reply.text)
    assert [text for *_, text in shown] == [text for text, *_ in interviews.said[VILLAGE]]
    starts = [start for _, start, _ in interviews.said[VILLAGE]]
    assert [at for at, *_ in shown] == pytest.approx(starts, abs=0.5)
    assert not any(hit for _, hit, _ in shown)
    facts = re.search(r'<p class="facts">(.*?)</p>', reply.text, re.DOTALL)[1]
    for fact in ("interview", "English", "Anna", "1962-05-01", "7 utterances", "Transcript supplied"):
        assert f"{fact}</span>" in facts
    assert "Anna, “Village memories”, 1962-05-01" in reply.text
    assert "data-words" not in reply.text and "<video" not in reply.text


def test_the_hits_of_a_query_are_marked(client: TestClient, village: str) -> None:
    body = client.get(village, params={"q": FERRY}).text
    hits = [text for _, hit, text in lines(body) if hit]
    assert hits.count(FERRY) == 2 and BEES not in hits
    assert body.count('class="mark"') == len(hits)
    assert 'href="./?q=The+ferry' in body and "library=interviews" in body


def test_the_tags_of_a_recording_are_among_its_facts(client: TestClient, village: str) -> None:
    assert "<span>#childhood</span><span>#Ferries</span></p>" in client.get(village).text


def test_what_is_like_an_utterance_is_marked(client: TestClient, village: str) -> None:
    first = next(match[2] for match in LINE.finditer(client.get(village).text) if FERRY in match[0])
    found = lines(client.get(village, params={"like": first}).text)
    assert [(hit, text) for _, hit, text in found if hit and text == FERRY] == [(True, FERRY)]


def test_what_is_said_in_other_recordings_is_linked(client: TestClient) -> None:
    text = html.unescape(client.get("/recording/demo/adventure-01").text)
    assert "Also said in other recordings" in text and 'href="recording/demo/de-01"' in text
    assert "Das Schiff ging drei Tage hinter Lissabon im Sturm verloren." in text
    assert "Also said" not in client.get("/recording/demo/lighthouse").text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [({"q": "x" * 5_000}, "has 5000 characters"), ({"like": "999999"}, "There is no segment 999999")],
)
def test_a_query_that_cannot_be_says_so_above_the_transcript(client, village, query, sentence: str) -> None:
    reply = client.get(village, params=query)
    assert reply.status_code == 200 and len(lines(reply.text)) == 7
    assert sentence in reply.text


@pytest.mark.parametrize("path", ["interviews/<i>no</i>", "nowhere/talk", "../app.py"])
def test_no_such_recording(client: TestClient, path: str) -> None:
    library, _, name = path.partition("/")
    reply = client.get(f"/recording/{library}/{name.replace('/', '%252F')}")
    assert reply.status_code == 404
    assert "<i>" not in reply.text


def test_a_transcript_of_a_machine_is_marked_as_such(client: TestClient) -> None:
    body = client.get(f"/recording/{archive.NAME}/talk").text
    assert html.escape(archive.TALK, quote=False).replace('"', "&#34;") in body and archive.TALK not in body
    assert "Automatic transcript</span>" in body
    shown = [match[0] for match in LINE.finditer(body)]
    assert [">auto</small>" in line for line in shown] == [True, True, True, False]
    assert "No transcript" in shown[3] and "Play from 0:09" in shown[3]
    assert [re.findall(r'<b class="speaker"[^>]*>(\w+)', line) for line in shown] == [["Anna"], ["Bert"], ["Anna"], []]
    colours = [re.search(r"--speaker:var\(--category-(\d+)\)", line)[1] for line in shown]
    assert colours == ["0", "1", "0", "0"]


def test_the_times_of_words(client: TestClient, service: Service) -> None:
    segments = service.library(archive.NAME).segments_of("talk")
    found = client.get(f"/words/{archive.NAME}/talk").json()
    assert list(found) == [str(one.id) for one in segments[:3]]
    assert found[str(segments[1].id)] == [
        ["Where", 3.2, False], ["is", 3.7, False], ["the", 4.2, False], ["ferrie?", 4.7, True]
    ]  # fmt: skip
    assert client.get(f"/words/{archive.NAME}/tape").json() == {}
    assert client.get(f"/words/{archive.NAME}/none").status_code == 404


def test_a_video_is_sent_as_it_is_and_by_ranges(client: TestClient, tapes: Archive) -> None:
    body = client.get(f"/recording/{archive.NAME}/talk").text
    assert 'width="160" height="90"' in body and f'data-film="film/{archive.NAME}/talk"' in body
    content = tapes.film.read_bytes()
    reply = client.get(f"/film/{archive.NAME}/talk")
    assert reply.content == content and reply.headers["content-type"] == "video/webm"
    part = client.get(f"/film/{archive.NAME}/talk", headers={"Range": "bytes=100-299"})
    assert part.status_code == 206 and part.content == content[100:300]


@pytest.mark.parametrize("name", ["tape", "gone", "none"])
def test_no_other_file_is_sent(client: TestClient, name: str) -> None:
    assert client.get(f"/film/{archive.NAME}/{name}").status_code == 404


def test_a_recording_whose_file_is_missing_can_still_be_read(client: TestClient) -> None:
    body = client.get(f"/recording/{archive.NAME}/gone").text
    assert "file is missing" in body and "inert" in body
    assert "A text without times." in body


def test_a_long_recording_is_there_at_once(client: TestClient) -> None:
    client.get(f"/recording/{archive.NAME}/tape")
    started = time.process_time()
    reply = client.get(f"/recording/{archive.NAME}/tape")
    assert time.process_time() - started < 1.5
    assert len(lines(reply.text)) == archive.UTTERANCES
    assert reply.headers["content-encoding"] == "gzip" and int(reply.headers["content-length"]) < 500_000


def test_a_visitors_recording_gives_no_address_away(service: Service, client: TestClient, tmp_path: Path) -> None:
    guests, library = service.opened().guests, service.library("interviews")
    token = guests.issue()
    recording = library.recordings()[0]
    segments = library.segments_of(recording.id)
    vectors = [library.vector(one.id) for one in segments]
    guests.open_or_create(token).add([recording], segments, vectors)
    body = client.get(f"/recording/{token}/{recording.id}").text
    assert "data-private" in body and 'data-copy="link"' not in body
    assert token not in re.search(r'class="back" href="([^"]*)"', body)[1]


def test_a_speaker_is_named_where_somebody_else_goes_on() -> None:
    speakers = ["Anna", "Anna", "", "Bert", "Clara", "Anna"]
    found = page.lines([Segment(n, "r", n, n + 1, speaker=name) for n, name in enumerate(speakers)], [])
    assert [one.speaker for one in found] == ["Anna", "", "", "Bert", "Clara", "Anna"]
    assert [one.colour for one in found] == [0, 0, None, 1, 2, 0]
    alone = page.lines([Segment(n, "r", n, n + 1, speaker="Anna") for n in range(3)], [])
    assert {(one.speaker, one.colour) for one in alone} == {("", None)}
