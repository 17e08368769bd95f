"""Sets of synthetic speech on a small copy of the data layout."""

from pathlib import Path

import pytest

from clasp.errors import DataError
from clasp.evaluation import synthetic_sets
from clasp.evaluation.query_sets import QuerySet
from clasp.evaluation.utterances import Utterance, label
from clasp.training.data.corpora import CATEGORIES
from clasp.training.data.synthesis import HELD_OUT_VOICES, TRAINING_VOICES
from tests.clasp.evaluation.conftest import sentence

FUNCTION_WORDS = {"since", "their", "there", "until", "would"}


def asked(made: QuerySet) -> list[tuple[str, str]]:
    """What is typed, and what the right answer says."""
    return [(query.asked.text, made.pool[min(query.answers)].text) for query in made.queries]


def test_brown_takes_distinct_sentences_of_one_split_and_voices_in_turn(miniature: Path) -> None:
    chosen = synthetic_sets.brown(miniature, "test", 8, TRAINING_VOICES[:3])
    assert len({label(one.text) for one in chosen}) == 8
    assert {int(one.text.split("number")[1]) // 100 for one in chosen} == {0}  # file ca00
    assert [one.source for one in chosen[:4]] == [*TRAINING_VOICES[:3], TRAINING_VOICES[0]]
    assert chosen == synthetic_sets.brown(miniature, "test", 8, TRAINING_VOICES[:3])
    assert {one.category for one in chosen} == {"news"}
    validation = synthetic_sets.brown(miniature, "validation", 100, TRAINING_VOICES)
    assert len(validation) == 11  # of twelve one has too few words
    assert {int(one.text.split("number")[1]) // 100 for one in validation} == {5}


def test_every_utterance_is_asked_for_by_its_words(miniature: Path) -> None:
    (made,) = synthetic_sets.training_voices(miniature)
    assert made.own_words and made.grouped
    assert [said for _, said in asked(made)] == [text for text, _ in asked(made)] == [one.text for one in made.pool]


def test_each_new_voice_asks_the_pool_of_both(miniature: Path) -> None:
    slt, kal = synthetic_sets.new_engine(miniature)
    assert (slt.name, kal.name) == ("new-engine-slt", "new-engine-kal")
    assert slt.pool == kal.pool and len(slt.queries) + len(kal.queries) == len(slt.pool)
    for made, voice in ((slt, HELD_OUT_VOICES[0]), (kal, HELD_OUT_VOICES[1])):
        assert {made.pool[min(query.answers)].source for query in made.queries} == {voice}


def test_the_new_engine_asks_for_the_same_sentences_aloud(miniature: Path) -> None:
    (made,) = synthetic_sets.speech_to_speech(miniature)
    assert all(isinstance(query.asked, Utterance) for query in made.queries)
    assert all(text == said for text, said in asked(made))
    assert {query.asked.source for query in made.queries} == set(HELD_OUT_VOICES)


def test_paraphrases_are_two_hundred_in_every_category_and_share_no_word_that_tells(miniature: Path) -> None:
    (made,) = synthetic_sets.paraphrases(miniature)
    pairs = asked(made)
    assert len(pairs) == len({label(text) for text, _ in pairs}) == len({label(said) for _, said in pairs}) == 200
    assert {one.text for one in made.pool[200:]} <= {sentence(n) for n in range(11)}  # the test split
    said = made.pool[:200]
    assert {sum(one.category == category for one in said) for category in CATEGORIES} == {13, 14}
    assert all(8 <= len(one.text.split()) <= 20 for one in said)
    for text, said in pairs:
        shared = set(label(said).split()) & set(label(text).split())
        assert {word for word in shared if len(word) > 4} <= FUNCTION_WORDS, text


def test_paraphrases_are_not_in_the_demo_library(miniature: Path) -> None:
    library = Path(__file__).parents[3] / "assets" / "library" / "texts.tsv"
    known = {label(line.split("\t")[3]) for line in library.read_text(encoding="utf-8").splitlines()}
    (made,) = synthetic_sets.paraphrases(miniature)
    assert not known & {label(text) for pair in asked(made) for text in pair}


def test_english_speech_is_asked_for_in_every_language(miniature: Path) -> None:
    sets = {made.name: made for made in synthetic_sets.texts(miniature)}
    assert all(text == f"{said} ar" for text, said in asked(sets["text-ar"]))
    english = {said for _, said in asked(sets["text-en"])}
    assert english == {sentence(n) for n in range(30) if n != 3}  # one has no Japanese
    assert {made.pool for made in sets.values()} == {sets["text-en"].pool}
    assert sets["text-fr"].floors and not sets["text-ar"].floors


def test_languages_are_spoken_by_their_own_voices(miniature: Path) -> None:
    made = next(one for one in synthetic_sets.foreign(miniature) if one.name == "spoken-fr")
    assert len(made.pool) == 30
    assert all(one.text.endswith(" fr") and one.language == "fr" for one in made.pool)
    assert all(one.source.name.split("+")[0] == "fr" for one in made.pool)
    assert {one.text for one in made.pool} == {f"{sentence(n)} fr" for n in range(30)}


def test_missing_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"brown\.zip"):
        synthetic_sets.training_voices(tmp_path)
