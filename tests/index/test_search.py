"""Search against brute force: random vectors, the library's own database and index, the model's own weighting."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from clasp.calibration import Calibration, MatchProbability
from clasp.errors import ClaspError, LibraryError
from clasp.model import Clasp
from clasp.phones.alignment import SHORTLIST, Aligner, pack
from clasp.phones.inventory import INVENTORY
from index.filters import Filter
from index.library import Library, Recording, Segment
from index.search import CLEAR, Query, encode, like, search
from tests.index.conftest import Identity

DIM, HALF = 32, 16
CALIBRATION = Calibration(
    {
        "text": MatchProbability(-3.0, 3.0, -2.0, 1.0, 5.0, 0.5, threshold=0.5),
        "speech": MatchProbability(-4.0, 1.0, -1.0, 2.0, 6.0, 1.0, threshold=0.7),
        "translation": MatchProbability(-1.5, 6.0, -50.0, 0.0, 0.0, 0.0, threshold=0.6),
    },
    false_match_rate=0.05,
)


@dataclass(frozen=True)
class Model(Identity):
    """A model whose queries are given as vectors; it weighs them as every model does."""

    sound_dim: int = HALF
    device: str = "cpu"
    meaning_weight: float = 0.5
    calibration: Calibration = field(default=CALIBRATION, repr=False)

    aligner: Aligner | None = None

    halves = Clasp.halves


@pytest.fixture
def model() -> Model:
    return Model()


def ask(vector: np.ndarray, language: str | None = "en", phones: np.ndarray | None = None) -> Query:
    """A query; without phones unless they are given."""
    silent = np.zeros((0, len(INVENTORY)), np.float32)
    return Query(vector, 0.0, silent if phones is None else phones, language and "a query of some words", language)


def halves_of(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    meaning, sound = vectors[..., :HALF], vectors[..., HALF:]
    unit = [half / np.linalg.norm(half, axis=-1, keepdims=True) for half in (meaning, sound)]
    return unit[0], unit[1]


def cosines(library: Library, query: Query) -> dict[int, tuple[float, float]]:
    """Meaning and sound of every segment, straight from the stored vectors."""
    ids, vectors = library.vectors()
    (meaning, sound), (q_meaning, q_sound) = halves_of(np.asarray(vectors, float)), halves_of(query.vector)
    pairs = zip((meaning @ q_meaning).tolist(), (sound @ q_sound).tolist(), strict=True)
    return dict(zip(ids.tolist(), pairs, strict=True))


def probability(direction: str, meaning: float, sound: float) -> float:
    fit = CALIBRATION.directions[direction]
    return float(fit.probability(meaning, sound, 0.0))


def direction_of(query: Query, language: str) -> str:
    if query.language is None:
        return "speech"
    return "text" if language[:2] in ("", query.language[:2]) else "translation"


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_a_weight_ranks_by_the_weighted_similarity(
    make: Callable[..., Library], model: Model, units: Callable[..., np.ndarray], weight: float
):
    library = make(300)
    query = ask(units(1, DIM, seed=5)[0])
    answer = search(library, model, query, k=20, meaning=weight)
    found = cosines(library, query)
    expected = {number: weight * found[number][0] + (1 - weight) * found[number][1] for number in candidates(found)}
    best = sorted(expected, key=expected.get, reverse=True)[:20]
    assert [hit.segment.id for hit in answer.hits] == best


def candidates(found: dict[int, tuple[float, float]]) -> set[int]:
    """The nearest by meaning and the nearest by sound, of all cosines."""
    return {number for half in (0, 1) for number in sorted(found, key=lambda one: -found[one][half])[:SHORTLIST]}


@pytest.mark.parametrize("language", ["en", "pt", None])
def test_without_a_weight_the_probability_ranks(
    make: Callable[..., Library], model: Model, units: Callable[..., np.ndarray], language: str | None
):
    library = make(SHORTLIST)  # so few that all are candidates
    query = ask(units(1, DIM, seed=6)[0], language)
    answer = search(library, model, query, k=15)
    found = cosines(library, query)
    languages = {segment.id: segment.language for segment in library.segments()}
    expected = {number: probability(direction_of(query, languages[number]), *found[number]) for number in found}
    best = sorted(expected, key=expected.get, reverse=True)[:15]
    assert [hit.segment.id for hit in answer.hits] == best
    for hit in answer.hits:
        number = hit.segment.id
        assert (hit.meaning, hit.sound) == pytest.approx(found[number], abs=1e-5)
        assert hit.probability == pytest.approx(expected[number], abs=1e-5)
        threshold = CALIBRATION.directions[direction_of(query, hit.segment.language)].threshold
        assert hit.strong == (hit.probability >= threshold)
    assert answer.strong == any(hit.strong for hit in answer.hits)
    assert {direction_of(query, hit.segment.language) for hit in answer.hits} == (
        {"speech"} if language is None else {"text", "translation"}
    )


@pytest.mark.parametrize("language", ["en", None])
def test_the_nearest_by_meaning_and_by_sound_are_ranked_in_one_pass(
    make: Callable[..., Library], model: Model, units: Callable[..., np.ndarray], language: str | None
):
    """In a library larger than the shortlist: same hits, same order as by comparing all by both halves."""
    library = make(1_000)
    languages = {segment.id: segment.language for segment in library.segments()}
    for vector in units(5, DIM, seed=11):
        query = ask(vector, language)
        found = cosines(library, query)
        near = candidates(found)
        assert len(near) > SHORTLIST
        expected = {number: probability(direction_of(query, languages[number]), *found[number]) for number in near}
        best = sorted(expected, key=expected.get, reverse=True)[:30]
        hits = search(library, model, query, k=30).hits
        assert [hit.segment.id for hit in hits] == best
        assert [hit.score for hit in hits] == [hit.probability for hit in hits]
        assert [hit.recording for hit in hits] == [library.recording(hit.segment.recording) for hit in hits]


def test_a_translation_is_found_however_much_sounds_alike(
    model: Model, tmp_path: Path, items: Callable[..., tuple], units: Callable[..., np.ndarray]
):
    """Two hundred segments that sound like the query come before the one that means it, by weight one half."""
    query, meant, *rest = units(202, DIM, seed=7)
    vectors = np.concatenate([rest, [meant]]).astype(np.float32)
    vectors[:-1, HALF:] = query[HALF:] + 0.05 * vectors[:-1, HALF:]
    vectors[-1, :HALF] = query[:HALF]
    vectors[-1, HALF:] = -query[HALF:]
    first, second = halves_of(vectors)
    library = Library.create(tmp_path / "library", model)
    library.add(*items(201), np.sqrt(0.5) * np.concatenate([first, second], axis=1))
    asked = ask(query, "ru")
    by_half = search(library, model, asked, k=SHORTLIST, meaning=0.5)
    assert "200" not in [hit.segment.text for hit in by_half.hits]
    answer = search(library, model, asked, k=3)
    assert answer.hits[0].segment.text == "200" and answer.hits[0].strong


def test_phones_decide_between_what_is_near(
    model: Model, tmp_path: Path, items: Callable[..., tuple], units: Callable[..., np.ndarray]
):
    """Forty segments whose vectors are the query's; one was heard to say its words."""
    draw = np.random.default_rng(9)
    said = [np.eye(len(INVENTORY), dtype=np.float32)[draw.integers(1, len(INVENTORY), 12)] for _ in range(40)]
    vectors = np.repeat(units(1, DIM, seed=9), 40, axis=0)
    library = Library.create(tmp_path / "library", model)
    stored = library.add(*items(40), vectors, [pack(one) for one in said])
    listening = replace(model, aligner=Aligner(np.eye(len(INVENTORY)), np.ones(len(INVENTORY))))
    for language in ("en", None):
        for weight in (None, 0.0, 0.5):
            answer = search(library, listening, ask(vectors[0], language, said[27]), k=3, meaning=weight)
            assert answer.hits[0].segment == stored[27]
            assert answer.hits[0].alignment_score > CLEAR > 0 > answer.hits[1].alignment_score
    meant = search(library, listening, ask(vectors[0], "en", said[27]), k=40, meaning=1.0).hits
    assert {round(hit.score, 5) for hit in meant} == {round(meant[0].meaning, 5)}


def test_in_a_recording_of_unknown_language_the_phones_count(
    model: Model, tmp_path: Path, items: Callable[..., tuple], units: Callable[..., np.ndarray]
):
    draw = np.random.default_rng(4)
    said = [np.eye(len(INVENTORY), dtype=np.float32)[draw.integers(1, len(INVENTORY), 12)] for _ in range(40)]
    recordings, segments = items(40)
    library = Library.create(tmp_path / "library", model)
    vectors = np.repeat(units(1, DIM, seed=4), 40, axis=0)
    library.add(recordings, [replace(one, language="") for one in segments], vectors, [pack(one) for one in said])
    listening = replace(model, aligner=Aligner(np.eye(len(INVENTORY)), np.ones(len(INVENTORY))))
    (first, *_) = search(library, listening, ask(vectors[0], "de", said[19]), k=3).hits
    assert first.segment.text == "19" and first.alignment_score > CLEAR and first.strong


def test_more_like_one_of_them(
    model: Model, tmp_path: Path, items: Callable[..., tuple], units: Callable[..., np.ndarray]
):
    """Two of forty were heard to say the same, in vectors that are all alike."""
    draw = np.random.default_rng(3)
    said = [draw.dirichlet(np.full(len(INVENTORY), 0.05), 12).astype(np.float32) for _ in range(40)]
    said[31] = said[8]
    library = Library.create(tmp_path / "library", model)
    stored = library.add(*items(40), np.repeat(units(1, DIM), 40, axis=0), [pack(one) for one in said])
    listening = replace(model, aligner=Aligner(np.eye(len(INVENTORY)), np.ones(len(INVENTORY))))
    query = like(library, stored[8].id)
    np.testing.assert_allclose(query.vector, library.vector(stored[8].id))
    answer = search(library, listening, query, k=40)
    assert answer.hits[0].segment == stored[31]
    assert {hit.segment.id for hit in answer.hits} == {one.id for one in stored} - {stored[8].id}
    with pytest.raises(LibraryError, match="no segment 99"):
        like(library, 99)


def test_a_title_brings_a_recording_once(tmp_path: Path, units: Callable[..., np.ndarray]):
    """All of it has the title's words, and most of it does not say them; a speaker's name is no other."""
    fit = MatchProbability(-9.0, 0, -9.0, 0, 0, 0, threshold=0.9, word_bias=-2.0, word_slope=3.0, possible=0.5)
    model = Model(calibration=Calibration(dict.fromkeys(("text", "few", "word", "translation"), fit), 0.05))
    texts = ["It was dark.", "The lighthouse keeper had gone.", "We rowed home.", "Nobody spoke."]
    recordings = [Recording("sea", Path("sea.wav"), "Two sisters at the lighthouse", 40.0),
                  Recording("mill", Path("mill.wav"), "The mill", 40.0)]  # fmt: skip
    segments = [Segment(0, "sea", 10.0 * n, 10.0 * n + 5, text) for n, text in enumerate(texts)]
    segments += [Segment(0, "mill", 10.0 * n, 10.0 * n + 5, f"Flour {n}.", speaker="Ada Pike") for n in range(4)]
    library = Library.create(tmp_path / "library", model)
    library.add(recordings, segments, units(len(segments), DIM))

    def possible(text: str) -> list[tuple[str, str]]:
        answer = search(library, model, replace(ask(units(1, DIM)[0]), text=text))
        return [(hit.recording.id, hit.segment.transcript) for hit in answer.hits if hit.possible]

    found = possible("lighthouse")
    assert len(found) == 2 and ("sea", texts[1]) in found and {name for name, _ in found} == {"sea"}
    assert [name for name, _ in possible("Pike")] == ["mill"]
    assert len(possible("flour")) == 4  # said each time


def test_filters_and_small_libraries(make: Callable[..., Library], model: Model, units: Callable[..., np.ndarray]):
    library = make(30)
    query = ask(units(1, DIM, seed=8)[0])
    assert len(search(library, model, query, k=100).hits) == 30
    filtered = search(library, model, query, k=100, filters=Filter(("news",), ("de", "pt-BR")))
    assert {(hit.segment.category, hit.segment.language) for hit in filtered.hits} == {
        ("news", "de"),
        ("news", "pt-BR"),
    }
    empty = search(make(0, "empty"), model, query)
    assert empty.hits == [] and not empty.strong
    with pytest.raises(ClaspError, match="no category 'sport': it has "):
        search(library, model, query, filters=Filter(("news", "sport")))
    with pytest.raises(ClaspError, match="no language 'fr': it has "):
        search(library, model, query, filters=Filter(languages=("French",)))


@pytest.mark.parametrize(
    ("text", "error"),
    [("", "no words"), (" \n\0", "no words"), ("¿?", "no words"), ("a" * 1_001, "1001 characters")],
)
def test_a_text_without_words_or_without_end(text: str, error: str, model: Model):
    with pytest.raises(ClaspError, match=error):
        encode(model, text=text)


def test_a_query_is_written_in_the_language_that_is_given(tiny: Clasp):
    assert encode(tiny, text="a bald man", language="Polish").language == "pl"
    assert encode(tiny, text="a bald man").language == tiny.language_of("a bald man")
    with pytest.raises(ClaspError, match="is no language"):
        encode(tiny, text="a bald man", language="Polynonsense")


def test_a_query_is_text_or_speech(model: Model):
    with pytest.raises(ValueError, match="either"):
        encode(model)
