"""Saved searches: they find what is new, once, and tell of it."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.calibration import Calibration, MatchProbability
from clasp.errors import DataError, LibraryError
from clasp.model import Clasp, EncoderOutput
from clasp.phones.inventory import INVENTORY
from index.filters import Filter
from index.library import Library, Recording, Segment
from index.new_hits import find_new, summary
from index.search import encode
from tests.index.conftest import Identity

pytestmark = pytest.mark.usefixtures("database")  # SQLite and PostgreSQL alike

DIM, HALF = 32, 16
CERTAIN = MatchProbability(-8.0, 10.0, -2.0, 6.0, 1.0, 0.5, threshold=0.5, possible=0.2)
LOUD = Waveform(np.sin(np.arange(SAMPLE_RATE, dtype=np.float32)))


@dataclass(frozen=True)
class Model(Identity):
    """A model that makes a direction of a text, and another one of whatever is spoken."""

    sound_dim: int = HALF
    device: str = "cpu"
    meaning_weight: float = 0.5
    calibration: Calibration = field(
        default=Calibration(dict.fromkeys(("text", "speech", "translation"), CERTAIN), false_match_rate=0.05),
        repr=False,
    )
    aligner: None = None

    halves = Clasp.halves

    def language_of(self, _: str) -> str:
        return "en"

    def encode_text(self, texts: list[str], *_: object, return_phones: bool) -> EncoderOutput:
        return self._encoded([len(text) for text in texts])

    def encode_speech(self, waveforms: list[Waveform], *, return_phones: bool) -> EncoderOutput:
        return self._encoded([0 for _ in waveforms])

    def _encoded(self, seeds: list[int]) -> EncoderOutput:
        key = int(self.checksum[0], 16)
        halves = [np.random.default_rng((key, seed)).standard_normal((2, HALF)) for seed in seeds]
        units = [half / np.linalg.norm(half, axis=1, keepdims=True) for half in halves]
        vectors = np.array([unit.ravel() / np.sqrt(2) for unit in units], np.float32)
        return EncoderOutput(vectors, [np.zeros((0, len(INVENTORY)), np.float32) for _ in seeds])


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def library(tmp_path: Path, model: Model, units: Callable[..., np.ndarray]) -> Iterator[Library]:
    """It has something that any of the searches would find."""
    with Library.create(tmp_path / "library", model) as library:
        add(library, "old", vectors_of(model))
        yield library


def vectors_of(model: Model) -> np.ndarray:
    """What says "flood", and what sounds like LOUD."""
    return np.concatenate([encode(model, text="flood").vector[None], encode(model, waveform=LOUD).vector[None]])


def add(library: Library, name: str, vectors: np.ndarray, category: str = "") -> list[int]:
    """A recording with these segments."""
    segments = [
        Segment(0, name, float(n), n + 1.0, f"{name} {n}", "en", category=category) for n in range(len(vectors))
    ]
    recording = Recording(name, Path(f"{name}.wav"), name, float(len(vectors)), "en", category=category)
    return [one.id for one in library.add([recording], segments, vectors)]


def save(library: Library, model: Model, name: str = "Floods", **facts: object) -> None:
    library.saved_searches.add(name, encode(model, text="flood"), model.checksum, **facts)


def test_what_is_new_is_found_once(library: Library, model: Model, units: Callable[..., np.ndarray]) -> None:
    save(library, model)
    library.saved_searches.add("Spoken", encode(model, waveform=LOUD), model.checksum, LOUD)
    assert find_new(library, model) == [], "what was there before is no news"
    add(library, "noise", units(5, DIM, seed=9))
    flood, loud = add(library, "new", vectors_of(model))
    found = {one.search.name: [hit.segment for hit in one.hits] for one in find_new(library, model)}
    assert flood in found["Floods"] and loud in found["Spoken"] and loud not in found["Floods"]
    assert find_new(library, model) == []
    floods = library.saved_searches.get("Floods")
    assert (floods.text, floods.found, floods.unseen) == ("flood", len(found["Floods"]), len(found["Floods"]))
    best = library.saved_searches.hits("Floods")[0]
    assert best.segment == flood and best.strong and not best.seen
    library.saved_searches.see("Floods")
    assert library.saved_searches.get("Floods").unseen == 0 < library.saved_searches.get("Spoken").unseen
    library.remove("new")
    assert flood not in [one.segment for one in library.saved_searches.hits("Floods")]
    library.saved_searches.remove("Floods")
    with pytest.raises(LibraryError, match="no saved search called 'Floods'"):
        library.saved_searches.hits("Floods")


def test_what_is_transcribed_later_is_searched_again(
    library: Library, model: Model, units: Callable[..., np.ndarray]
) -> None:
    save(library, model)
    (number,) = add(library, "new", -encode(model, text="flood").vector[None])
    assert find_new(library, model) == []
    with library._indexed.writing() as database:  # as its transcript is taken in
        vector = encode(model, text="flood").vector[None]
        texts = [library.segment(one).transcript for one in (number, 1)]
        database.replace_vectors([number, 1], np.concatenate([vector, vector]), np.ones((2, HALF), np.float32), texts)
        library._indexed.follow()
    (found,) = find_new(library, model)
    assert [one.segment for one in found.hits] == [number], "and not what was there before"
    assert summary([found]) == "Saved searches have found something new: “Floods” (1)."


def test_filters_hold_and_may_name_what_is_not_there_yet(library: Library, model: Model) -> None:
    save(library, model, filters=Filter(categories=("news",)))
    add(library, "new", vectors_of(model))
    assert find_new(library, model) == []
    flood, _ = add(library, "other", vectors_of(model), category="news")
    assert [one.segment for one in find_new(library, model)[0].hits] == [flood]


def test_another_model_encodes_them_anew(library: Library, model: Model) -> None:
    save(library, model)
    library.saved_searches.add("Spoken", encode(model, waveform=LOUD), model.checksum, LOUD)
    other = replace(model, checksum="b" * 64)
    flood, loud = add(library, "new", vectors_of(other))
    found = {one.search.name: [hit.segment for hit in one.hits] for one in find_new(library, other)}
    assert found["Floods"][0] == flood and found["Spoken"][0] == loud
    assert {one.model for one in library.saved_searches.all()} == {other.checksum}
    assert library.saved_searches.query("Spoken").sound.startswith(b"fLaC")


def test_names_and_queries_are_checked(library: Library, model: Model) -> None:
    save(library, model)
    names = [library.saved_searches.free_name(text) for text in ("Floods", " Storms\n", "a" * 200)]
    assert names == ["Floods 2", "Storms", "a" * 80]
    with pytest.raises(LibraryError, match="already"):
        save(library, model)
    with pytest.raises(DataError, match="needs a name"):
        save(library, model, " ")
    with pytest.raises(DataError, match="spoken query"):
        library.saved_searches.add("Alike", encode(model, waveform=LOUD), model.checksum)


def test_whoever_is_named_is_told_and_disturbs_nothing(
    library: Library, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/notified\nexit 1\n')
    program.chmod(0o755)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    save(library, model)
    add(library, "first", vectors_of(model)[:1])
    assert find_new(library, model) and not sent, "nobody is told unless a setting says so"
    monkeypatch.setenv("CLASP_WEBHOOK", f"http://127.0.0.1:{server.server_port}/hook")
    monkeypatch.setenv("CLASP_NOTIFY", "1")
    monkeypatch.setattr("sys.platform", "linux")
    add(library, "new", vectors_of(model)[:1])
    assert find_new(library, model)
    (facts,) = sent
    assert facts["searches"][0]["name"] == "Floods" and facts["searches"][0]["hits"][0]["transcript"] == "new 0"
    assert "“Floods” (1)" in (tmp_path / "notified").read_text()
    server.shutdown()
    server.server_close()
    monkeypatch.setenv("CLASP_WEBHOOK", "nowhere")
    add(library, "last", vectors_of(model)[:1])
    assert find_new(library, model)
