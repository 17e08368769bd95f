"""Systems with a tiny model, against the product itself: a library that adds, transcribes and searches."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from clasp.audio.decode import Waveform
from clasp.calibration import Calibration, MatchProbability
from clasp.evaluation import utterances
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.query_sets import Text
from clasp.evaluation.systems import DirectSearch, Fused, Search, System, kind, systems
from clasp.evaluation.transcripts import Transcripts
from clasp.evaluation.utterances import Utterance
from clasp.model import Clasp, load
from clasp.phones.alignment import pack
from clasp.phones.inventory import INVENTORY
from clasp.speech.transcript import NO_TRANSCRIPT, Transcript
from clasp.training.data.synthesis import Voice
from index.library import Library, Recording, Segment
from index.search import encode, search

SENTENCES = ("The ship was lost.", "Bread", "Wo ist der Bahnhof?", "Four owls sat on a roof.", "Nobody saw her leave.")
LANGUAGES = ("en", "en", "de", "en", "en")
WRITTEN = ("the sheep was lost", "", "wo ist der Bahnhof", "for all sat on a roof", "nobody saw her leave")


class Typist:
    """Writes down WRITTEN, surer of some than of others."""

    name = "typist"

    def transcribe(self, waveforms: Sequence[Waveform], language: str) -> list[Transcript]:
        rows = [row for row, spoken in enumerate(LANGUAGES) if spoken == language]
        made = [Transcript(WRITTEN[row], language, (), -0.2 * row, 1.0 + row / 5, row / 10) for row in rows]
        return [one if one.text else NO_TRANSCRIPT for one in made]


@pytest.fixture(scope="module")
def model(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Clasp:
    """A tiny model that compares phones and has a calibration."""
    folder = tmp_path_factory.mktemp("calibrated")
    load(tiny_folder).save(folder)
    count = len(INVENTORY)
    confusions = (np.eye(count) + 0.1).astype(np.float32)
    save_file({"confusions": confusions, "frequencies": np.ones(count, np.float32)}, folder / "alignment.safetensors")
    one = MatchProbability(-3.0, 4.0, -2.0, 1.0, 2.0, 0.5, threshold=0.5)
    untranscribed = MatchProbability(-2.0, 2.0, -3.0, 1.0, 2.0, 0.5, threshold=0.5)
    fits = {"text": one, "speech": one, "translation": one}
    Calibration(fits, 0.1, dict.fromkeys(fits, untranscribed)).save(folder / "calibration.json")
    return load(folder)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Utterance]]:
    cache = tmp_path_factory.mktemp("spoken")
    voices = {language: Voice("espeak", language, language) for language in LANGUAGES}
    made = [Utterance(text, language, voices[language]) for text, language in zip(SENTENCES, LANGUAGES, strict=True)]
    utterances.prepare(made, cache)
    return cache, made


@pytest.fixture(scope="module")
def every(model: Clasp, pool: tuple[Path, list[Utterance]]) -> dict[str, System]:
    cache, _ = pool
    return {one.name: one for one in systems(Encodings(model, cache), Transcripts(Typist(), cache))}


@pytest.fixture(scope="module")
def library(model: Clasp, pool: tuple[Path, list[Utterance]], tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The same utterances as the product keeps them."""
    cache, spoken = pool
    waveforms = list(utterances.waveforms(spoken, cache))
    made = model.encode_speech(waveforms, return_phones=True)
    library = Library.create(tmp_path_factory.mktemp("library") / "library", model)
    facts = [(str(n), Path(f"{n}.flac"), str(n), one.duration) for n, one in enumerate(waveforms)]
    recordings = [Recording(*fact, language, "", "") for fact, language in zip(facts, LANGUAGES, strict=True)]
    segments = [Segment(0, one.id, 0.0, one.duration, "", one.language, "", "") for one in recordings]
    library.add(recordings, segments, made.vectors, [pack(phones) for phones in made.phones])
    return library


def test_the_systems_that_there_are(every: dict[str, System], model: Clasp, tiny_published: Clasp) -> None:
    assert list(every) == ["search", "fused", "transcript", "search-direct", "direct", "sound", "text"]
    assert [one.name for one in systems(Encodings(model), None)] == ["search-direct", "direct", "sound", "text"]
    assert [one.name for one in systems(Encodings(tiny_published), None)] == ["search-direct", "direct", "text"]
    assert not DirectSearch(Encodings(tiny_published)).calibrated


def test_a_search_ranks_and_judges_as_the_product_does(
    every: dict[str, System], model: Clasp, pool: tuple[Path, list[Utterance]], library: Library
) -> None:
    """Before the transcripts are there, and when they are."""
    cache, spoken = pool
    ids = library.vectors()[0].tolist()
    transcripts = Transcripts(Typist(), cache).of(spoken)
    texts = ["the ship was lost", "Bread", "four owls", "where is the station"]
    for name in ("search-direct", "search"):
        if name == "search":
            library.transcripts.store(ids, transcripts, "typist")
            assert sum(library.transcripts.fuse(model)) > 0
        vectors = every[name].encode_speech(spoken)
        np.testing.assert_allclose(library.vectors()[1], vectors, atol=2e-3)  # stored in half precision
        for text in texts:
            odds = every[name].rank([Text(text, "en")], spoken)[0]
            hits = search(library, model, encode(model, text=text), k=len(spoken)).hits
            found = {hit.segment.id: hit.probability for hit in hits}
            expected = dict(zip(ids, 1 / (1 + np.exp(-odds)), strict=True))
            assert found == {number: pytest.approx(expected[number], abs=0.01) for number in expected}


def test_what_is_not_understood_is_as_it_was_heard(
    every: dict[str, System], pool: tuple[Path, list[Utterance]], model: Clasp
) -> None:
    _, spoken = pool
    direct, fused, written = (every[name].encode_speech(spoken) for name in ("direct", "fused", "transcript"))
    np.testing.assert_allclose(fused[1], direct[1], atol=1e-6)
    assert not written[1].any()
    for row in (0, 2, 3, 4):  # between the two witnesses
        assert fused[row] @ direct[row] > direct[row] @ written[row]
        assert fused[row] @ written[row] > direct[row] @ written[row]
        np.testing.assert_allclose(written[row], model.halves(model.encode_text([WRITTEN[row]]))[0][0], atol=1e-5)
    np.testing.assert_allclose(
        every["text"].encode_speech(spoken), model.halves(model.encode_text(list(SENTENCES)))[0], atol=1e-5
    )


def test_spoken_queries_are_asked_without_a_transcript(
    every: dict[str, System], pool: tuple[Path, list[Utterance]], model: Clasp
) -> None:
    _, spoken = pool
    search = every["search"]
    assert isinstance(search, Search)
    odds = search.rank(spoken[:2], spoken)
    assert odds.shape == (2, 5)
    assert np.array_equal(odds, search.rank(spoken[:2], spoken))
    assert kind(spoken[0], spoken) == "speech"
    assert [kind(Text(text, "en"), spoken) for text in ("a", "a b c", "a b c d")] == ["word", "few", "text"]
    assert kind(Text("a b c d", None), spoken[2:3]) == "text"
    assert kind(Text("a", "en"), spoken[2:3]) == "translation"


def test_a_recognizer_that_lacks_a_language_is_not_asked(every: dict[str, System], monkeypatch) -> None:
    fused = every["fused"]
    assert isinstance(fused, Fused) and fused.knows({"en", "de"})
    monkeypatch.setattr("clasp.evaluation.recognizers.understands", lambda recognizer, language: language != "de")
    assert not fused.knows({"en", "de"}) and fused.knows({"en"})
    assert not every["search"].knows({"de"}) and every["direct"].knows({"de"})
