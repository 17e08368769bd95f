"""Watched folders and podcasts while the app is open: jobs that add what is new."""

import io
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.errors import DataError, LibraryError
from index.ingest.feeds import follow
from index.library import Library
from index.registry import LibraryRegistry
from index.sources import has_sources
from tests.index.ear import Ear
from tests.index.ingest.web import Page, serving
from ui.jobs import Jobs, Report
from ui.library.sources import SourceHandlers
from ui.service import Service
from ui.watching import SourceWatcher


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """That of a page with a library called archive."""
    monkeypatch.setenv("CLASP_LIBRARY", str(tmp_path / "archive"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("CLASP_TRANSCRIBER", "none")
    service = Service()
    service._resources = SimpleNamespace(model=Ear(), registry=LibraryRegistry(Ear()), guests=None)
    service._done.set()
    return service


@pytest.fixture
def library(service: Service) -> Library:
    return service.library("archive")


def finished(jobs: Jobs, key: str = "archive") -> Report:
    """The report of a library's job, once it has ended."""
    deadline = time.monotonic() + 60
    while jobs.running(key) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    job = jobs.of(key)
    assert job is not None and isinstance(job.state, Report)
    return job.state


def write(file: Path, waveform: Waveform) -> None:
    soundfile.write(file, waveform.samples, SAMPLE_RATE)


def test_what_comes_into_a_watched_folder_is_added(
    service: Service, library: Library, tmp_path: Path, utterances: list[Waveform]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    assert not has_sources(library.folder)
    library.watched_folders.add(folder)
    library.watched_folders.add(folder)
    assert has_sources(library.folder) and len(library.watched_folders.all()) == 1
    watcher = SourceWatcher(service)
    watcher.look()
    write(folder / "ship.wav", utterances[1])
    watcher.look()
    assert service.jobs.of("archive") is None, "it may still be being written"

    entered, leave = threading.Event(), threading.Event()

    def other(_: threading.Event):
        entered.set()
        leave.wait(60)
        yield Report(("Done.",))

    service.jobs.start("archive", "Another job", other)
    entered.wait(60)
    watcher.look()
    assert library.recordings() == [], "two jobs never write to a library at once"
    leave.set()
    finished(service.jobs)
    watcher.look()
    report = finished(service.jobs)
    assert report.sentences[0].startswith("1 recording added") and report.search == "?library=archive"
    assert [one.title for one in library.recordings()] == ["ship"]
    (watched,) = library.watched_folders.all()
    assert watched.outcome.startswith("1 recording added") and watched.happened
    watcher.look()
    assert service.jobs.of("archive") is not None, "the report is for the person to close"
    (folder / "ship.wav").unlink()
    watcher.look()
    assert "1 recording left the folder" in library.watched_folders.all()[0].outcome and library.recordings()

    write(folder / "ship.wav", utterances[1])
    again = SourceWatcher(service)  # the app was opened anew
    for _ in range(2):
        again.look()
    assert "1 already in the library" in finished(service.jobs).sentences[0]
    again.look()
    assert service.jobs.of("archive") is None, "nothing new is no news"
    folder.rename(tmp_path / "away")
    again.look()
    assert "connect its disk" in library.watched_folders.all()[0].outcome
    library.watched_folders.remove(folder)
    again.look()
    assert again._watches == {} and not has_sources(library.folder)
    with pytest.raises(LibraryError, match="not watched"):
        library.watched_folders.remove(folder)


def test_only_folders_beside_the_library_are_watched(library: Library, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no folder"):
        library.watched_folders.add(tmp_path / "none")
    with pytest.raises(DataError, match="holds this library itself"):
        library.watched_folders.add(tmp_path)


def test_a_page_that_others_reach_refuses_folders_and_podcasts(
    service: Service, library: Library, tmp_path: Path
) -> None:
    service.local = False
    handlers = SourceHandlers(service, SimpleNamespace(notice="notice", undo="undo", undoing="undoing"))
    for answer in (
        handlers.watch("archive", "", str(tmp_path)),
        handlers.follow("archive", "", "http://127.0.0.1/feed.xml"),
        handlers.update("archive", ""),
        handlers.leave("archive", "", gr.EventData(None, {"feed": "http://127.0.0.1/feed.xml"})),
    ):
        assert "read-only" in answer["notice"]
    assert library.watched_folders.all() == [] and library.feeds.all() == [] and service.jobs.of("archive") is None


def test_nothing_is_watched_where_others_reach_the_page(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(threading.Thread, "start", started.append)
    service.local = False
    SourceWatcher(service).start()
    assert started == []


def test_what_comes_out_in_podcasts_is_added_every_hour(
    service: Service, library: Library, utterances: list[Waveform], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sound = io.BytesIO()
    soundfile.write(sound, utterances[0].samples, SAMPLE_RATE, format="FLAC")
    item = '<item><title>One</title><enclosure url="/1.flac" type="audio/flac"/></item>'
    with serving() as web:
        web.pages |= {
            "/1.flac": Page(sound.getvalue()),
            "/feed.xml": Page(f"<rss><channel>{item}</channel></rss>".encode()),
        }
        feed = follow(library, f"{web.address}/feed.xml")
        watcher = SourceWatcher(service)
        watcher.look()
        assert service.jobs.of("archive") is None, "it has just been looked at"
        library.feeds.store(replace(feed, checked="2024-03-05T10:00:00+00:00"))
        monkeypatch.setenv("CLASP_OFFLINE", "1")
        watcher.look()
        assert service.jobs.of("archive") is None
        monkeypatch.delenv("CLASP_OFFLINE")
        watcher.look()
        assert finished(service.jobs).sentences[0].startswith("1 recording added")
        service.jobs.forget("archive")
        watcher.look()
        assert service.jobs.of("archive") is None, "not before an hour has passed"
