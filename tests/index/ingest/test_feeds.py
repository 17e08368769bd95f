"""Podcast feeds from a web server on this machine: what is new is added once, whatever breaks off."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.errors import ClaspError, DataError, LibraryError
from index.ingest import downloads
from index.ingest.feed_formats import parse
from index.ingest.feeds import DOWNLOADS, follow, update
from index.library import FILES, Library
from index.progress import FeedProgress
from tests.index.ear import Ear
from tests.index.ingest.web import Page, Web, serving

pytestmark = pytest.mark.usefixtures("database")  # SQLite and PostgreSQL alike

VTT = "WEBVTT\n\n00:00.000 --> 00:20.000\n<v Ada>The ship was lost in the storm.\n"
ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de"><title>Hafen&nbsp;– Radio</title>
<entry><id>urn:1</id><title>Erste</title><updated>2024-05-02T10:00:00Z</updated><category term="Meer"/>
<link rel="alternate" href="/1.html"/><link rel="enclosure" type="audio/mpeg" href="/1.mp3"/></entry>
<entry><id>urn:2</id><title>No sound</title></entry></feed>"""


def rss(items: str) -> bytes:
    return f"""<?xml version="1.0"?>
<rss version="2.0" xmlns:podcast="https://podcastindex.org/namespace/1.0"
 xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel><title>Harbour Stories</title>
<language>en-us</language><itunes:category text="History"/>{items}</channel></rss>""".encode()


def item(name: str, sound: str, *more: str) -> str:
    return f"""<item><title>{name}, told; "at last"</title><guid isPermaLink="false">{name}</guid>
<pubDate>Tue, 05 Mar 2024 23:10:00 +0000</pubDate><enclosure url="{sound}" type="audio/flac" length="1"/>
{"".join(more)}</item>"""


def flac(waveform: Waveform) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, waveform.samples, SAMPLE_RATE, format="FLAC")
    return file.getvalue()


@pytest.fixture(scope="module")
def sounds(utterances: list[Waveform]) -> list[bytes]:
    return [flac(one) for one in utterances[:3]]


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as web:
        yield web


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def library(tmp_path: Path, ear: Ear) -> Iterator[Library]:
    with Library.create(tmp_path / "library", ear) as library:
        yield library


def updated(library: Library, model: Ear) -> FeedProgress:
    *_, last = update(library, model)
    return last


def test_episodes_are_added_once_with_what_the_feed_says(library: Library, ear: Ear, web: Web, sounds: list[bytes]):
    transcript = (
        '<podcast:transcript url="/1.html" type="text/html"/><podcast:transcript url="/1.srt" type="application/srt"/>'
        '<podcast:transcript url="/1.vtt" type="text/vtt"/>'
    )
    web.pages |= {
        "/old": Page(b"", location="/feed.xml"),
        "/feed.xml": Page(rss(item("One", "/1.flac?from=feed", transcript) + item("Two", "/gone.flac"))),
        "/1.flac?from=feed": Page(sounds[1]),
        "/1.vtt": Page(VTT.encode()),
    }
    feed = follow(library, f"{web.address}/old")
    assert (feed.title, feed.episodes, feed.waiting) == ("Harbour Stories", 2, 2)
    with pytest.raises(LibraryError, match="followed already"):
        follow(library, feed.address)
    last = updated(library, ear)
    assert (last.done, last.total, last.added, last.share) == (2, 2, 1, 1.0)
    assert last.failed == (('Two, told; "at last"', "it cannot be had: its server answers 404 Not Found"),)
    assert not last.remarks
    (recording,) = library.recordings()
    facts = (recording.title, recording.date, recording.category, recording.language)
    assert facts == ('One, told; "at last"', "2024-03-05", "History", "en-US")
    assert {(one.text, one.speaker) for one in library.segments()} == {("The ship was lost in the storm.", "Ada")}
    assert recording.path.parent == library.folder / FILES and recording.path.read_bytes() == sounds[1]

    web.log.clear()
    web.pages["/gone.flac"] = Page(sounds[2])
    assert updated(library, ear).added == 1, "what was not there is tried again"
    assert web.asked("/feed.xml") == [(304, "")] and not web.asked("/1.flac?from=feed")
    library.remove(recording.id)
    assert updated(library, ear).total == 0, "what was removed is not fetched again"
    assert [one.name for one in (library.folder / DOWNLOADS).iterdir()] == [".lock"]
    library.feeds.remove(feed.address)
    assert library.feeds.all() == [] and len(library.recordings()) == 1


ODD = {
    "bare ampersands": item("One", "/1.mp3?a=1&b=2"),
    "a prefix that nothing explains": item("One", "/1.mp3", "<spotify:limit recentCount='3'/>"),
    "ampersands in CDATA": item("One", "/1.mp3", "<description><![CDATA[a & b < c]]></description><x>a & b</x>"),
    "media without an enclosure": "<item><title>One</title><m:group xmlns:m='http://search.yahoo.com/mrss/'><m:content "
    "url='/1.jpg' type='image/jpeg'/><m:content url='/1.mp3' type='audio/mpeg'/></m:group></item>",
    "a kind that says nothing": item("One", "/1.mp3").replace("audio/flac", "binary/octet-stream"),
}


@pytest.mark.parametrize("case", ODD)
def test_feeds_that_programs_write_by_hand(case: str) -> None:
    (one,) = parse(rss(ODD[case]).decode(), "https://example.org/feed.xml").episodes
    assert one.address.startswith("https://example.org/1.mp3")


def test_what_stands_before_a_feed() -> None:
    for before in ("\ufeff", "\n\n", "Notice: Undefined index: x in y.php\n"):
        text = before + rss(item("One", "/1.mp3")).decode().replace("?>", ' encoding="latin-1"?>', 1)
        assert len(parse(text, "https://example.org/").episodes) == 1


def test_episodes_that_share_a_name_are_several() -> None:
    items = "".join(item("One", f"/{number}.mp3") for number in (1, 2, 2))
    found = parse(rss(items).decode(), "https://example.org/").episodes
    assert [one.guid for one in found] == ["One", "https://example.org/2.mp3"]


@pytest.mark.parametrize("address", ["feed://example.org/x", "feed:https://example.org/x", "itpc://example.org/x"])
def test_addresses_as_apps_write_them(address: str) -> None:
    assert downloads.web_address(address) == "https://example.org/x"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_breaks_off_goes_on(
    library: Library, ear: Ear, web: Web, sounds: list[bytes], ranges: bool
) -> None:
    sound = sounds[1]
    web.pages |= {
        "/feed.xml": Page(rss(item("One", "/1.flac"))),
        "/1.flac": Page(sound, ranges=ranges, breaks=[1000] * (1 + downloads.ATTEMPTS)),
    }
    follow(library, f"{web.address}/feed.xml")
    last = updated(library, ear)
    assert "the connection broke off" in last.failed[0][1] and library.recordings() == []
    assert library.feeds.all()[0].waiting == 1
    assert updated(library, ear).added == 1
    parts = [part for _, part in web.asked("/1.flac")]
    assert parts == ["", *(f"bytes={1000 * (n if ranges else 1)}-" for n in range(1, len(parts)))] and len(parts) == 5
    assert library.recordings()[0].path.read_bytes() == sound


def test_another_file_at_the_address_is_fetched_from_its_beginning(tmp_path: Path, web: Web) -> None:
    web.pages["/1.mp3"] = Page(b"a" * 5000, breaks=[1000] * downloads.ATTEMPTS)
    target = tmp_path / "1.mp3"
    with downloads.client() as client:
        with pytest.raises(DataError, match="broke off"):
            list(downloads.download(client, f"{web.address}/1.mp3", target))
        web.pages["/1.mp3"] = Page(b"b" * 5000, etag='"2"')
        assert list(downloads.download(client, f"{web.address}/1.mp3", target))[-1] == (5000, 5000)
    assert target.read_bytes() == b"b" * 5000 and list(tmp_path.iterdir()) == [target]


def test_what_is_too_large_is_left(tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLASP_FILE_MIB", "0.001")
    web.pages["/1.mp3"] = Page(b"a" * 5000)
    with downloads.client() as client, pytest.raises(DataError, match="set CLASP_FILE_MIB"):
        list(downloads.download(client, f"{web.address}/1.mp3", tmp_path / "1.mp3"))
    assert not (tmp_path / "1.mp3.part").exists()


def test_a_feed_that_is_dead_or_none_stops_no_other(library: Library, ear: Ear, web: Web, sounds: list[bytes]) -> None:
    web.pages |= {"/a": Page(rss("")), "/b": Page(rss("")), "/c": Page(rss(item("One", "/1.flac")))}
    for path in "abc":
        follow(library, f"{web.address}/{path}")
    web.pages |= {"/a": Page(b"", status=503), "/b": Page(b"<html/>", etag='"2"'), "/1.flac": Page(sounds[0])}
    last = updated(library, ear)
    assert last.added == 1 and library.feeds.get(f"{web.address}/c").problem == ""
    assert last.remarks == (
        f"{web.address}/a cannot be had: its server answers 503 Service Unavailable.",
        f"{web.address}/b is no feed: neither RSS nor Atom.",
    )
    assert {one.problem for one in library.feeds.all()} == {*last.remarks, ""}
    web.pages["/a"] = Page(rss(""))
    updated(library, ear)
    assert library.feeds.get(f"{web.address}/a").problem == ""


def test_an_episode_that_is_no_recording_is_not_fetched_again(library: Library, ear: Ear, web: Web) -> None:
    web.pages |= {"/feed.xml": Page(rss(item("One", "/1.flac"))), "/1.flac": Page(b"no sound at all")}
    follow(library, f"{web.address}/feed.xml")
    assert "is not a recording that can be read" in updated(library, ear).failed[0][1]
    assert updated(library, ear).total == 0
    web.pages["/feed.xml"] = Page(rss(item("One", "/other.flac")), etag='"2"')
    assert updated(library, ear).total == 1, "it has another file now"


def test_whoever_stops_goes_on_later(library: Library, ear: Ear, web: Web, sounds: list[bytes]) -> None:
    web.pages |= {"/feed.xml": Page(rss(item("One", "/1.flac"))), "/1.flac": Page(sounds[2])}
    follow(library, f"{web.address}/feed.xml")
    states = update(library, ear)
    assert any("MiB" in one.current for one in states)
    with pytest.raises(LibraryError, match="updated already"):
        list(update(library, ear))
    states.close()
    assert updated(library, ear).added == 1


def test_atom_is_understood() -> None:
    feed = parse(ATOM, "https://example.org/feeds/atom.xml")
    (episode,) = feed.episodes
    assert feed.title == "Hafen – Radio" and episode.guid == "urn:1" and episode.title == "Erste"
    assert (episode.address, episode.date) == ("https://example.org/1.mp3", "2024-05-02")
    assert (episode.category, episode.language) == ("Meer", "de")


@pytest.mark.parametrize(
    "text",
    [
        "", "<rss/>", "<rss><channel>", "\0\1", "<a>" * 100_000,
        '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><rss><channel>&b;</channel></rss>',
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel>&a;</channel></rss>',
    ],
)  # fmt: skip
def test_hostile_feeds_are_refused(text: str) -> None:
    with pytest.raises(DataError):
        parse(text, "https://example.org/")


@pytest.mark.parametrize("address", ["", "example.org", "file:///etc/passwd", "ftp://a/b", "http://", "http://[a/"])
def test_what_is_not_on_the_web_is_no_feed(library: Library, address: str) -> None:
    with pytest.raises(DataError, match="no address of a feed"):
        follow(library, address)


def test_links_that_leave_the_web_are_passed_over(web: Web, tmp_path: Path) -> None:
    assert parse(rss(item("One", "file:///etc/passwd")).decode(), "https://example.org/").episodes == ()
    web.pages["/1.mp3"] = Page(b"", location="file:///etc/passwd")
    with downloads.client() as client, pytest.raises(DataError, match="leads nowhere"):
        list(downloads.download(client, f"{web.address}/1.mp3", tmp_path / "1.mp3"))


def test_nothing_is_fetched_offline(library: Library, ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLASP_OFFLINE", "1")
    with pytest.raises(ClaspError, match="CLASP_OFFLINE"):
        updated(library, ear)
