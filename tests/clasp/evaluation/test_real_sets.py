"""The texts that ask for real recordings, and the sets made of them: what is asked for is there, and held out."""

import csv
import io
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.errors import DataError
from clasp.evaluation import real_sets
from clasp.evaluation.distortions import Distorted
from clasp.evaluation.evaluate import REAL, chosen
from clasp.evaluation.query_sets import ContrastSet, Query, QuerySet, Text
from clasp.evaluation.real_sets import POOLS, TEXTS, TRANSLATED
from clasp.evaluation.utterances import Utterance, label
from clasp.training.data import corpora
from clasp.training.data.clips import Clip

COLUMNS = {
    "paraphrases.tsv": ["corpus", "clip", "language", "text"],
    "translations.tsv": ["corpus", "clip", "language", "text"],
    "questions.tsv": ["corpus", "clip", "language", "text"],
    "topics.tsv": ["corpus", "clip", "language", "text"],
    "../validation_topics.tsv": ["corpus", "clip", "language", "text"],
    "code_switched.tsv": ["corpus", "clip", "language", "text"],
    "contrasts.tsv": ["corpus", "clip", "language", "kind", "right", "wrong"],
    "spoken_translations.tsv": ["corpus", "clip", "other_corpus", "other_clips"],
}
AT_LEAST = {
    "paraphrases.tsv": 150, "questions.tsv": 40, "code_switched.tsv": 20, "contrasts.tsv": 60, "topics.tsv": 80,
    "../validation_topics.tsv": 70,
}  # fmt: skip
PARAPHRASES_SHARE = 0.1  # of their longer words, with what is said, at most on the average


def rows(name: str) -> list[dict[str, str]]:
    with (TEXTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def clip(number: int, text: str, split: str = "test", **others: str) -> Clip:
    settings = {"language": "en", "corpus": "en-ljspeech", "speaker": f"speaker {number}"} | others
    return Clip(id=f"clip-{number}", text=text, category="", split=split, place="", path=Path("none.zip"), **settings)


def pool(*texts: str, split: str = "test") -> list[Utterance]:
    return [Utterance(text, "en", clip(number, text, split)) for number, text in enumerate(texts)]


@pytest.fixture(scope="module")
def data() -> Path:
    """The recordings themselves, which are not part of the project."""
    try:
        return corpora.data_folder()
    except DataError:
        pytest.skip("the training data is not here")


@pytest.mark.parametrize("name", COLUMNS)
def test_texts_are_well_formed_and_each_asks_something_of_its_own(name: str) -> None:
    found = rows(name)
    assert len(found) >= AT_LEAST.get(name, 1)
    for row in found:
        assert list(row) == COLUMNS[name]
        assert all(value and value == value.strip() for value in row.values()), row
    texts = [label(row[column]) for row in found for column in ("text", "right") if column in row]
    if name != "translations.tsv":  # recordings in two languages may say the same
        assert len(texts) == len(set(texts))


def test_there_are_enough_of_every_kind() -> None:
    translated = Counter(row["corpus"][:2] for row in rows("translations.tsv"))
    assert set(translated) == set(TRANSLATED) and min(translated.values()) >= 40
    kinds = Counter(row["kind"] for row in rows("contrasts.tsv"))
    assert set(kinds) == {"number", "negation"} and min(kinds.values()) >= 30
    assert {row["corpus"] for row in rows("paraphrases.tsv")} == set(POOLS["en"][0])
    assert all(label(row["right"]) != label(row["wrong"]) for row in rows("contrasts.tsv"))


def test_only_held_out_recordings_are_asked_for(data: Path) -> None:
    found = chosen(data, [REAL])
    assert {one.name.split("-")[1] for one in found} == {family.split("-")[1] for family in real_sets.FAMILIES}
    assert len({one.name for one in found}) == len(found)
    for one in found:
        if isinstance(one, ContrastSet):
            assert {contrast.utterance.source.split for contrast in one.contrasts} == {"test"}
            continue
        few = one.name.endswith(("-it", "-ru")) or "spoken-translations" in one.name
        held_out = {"test", "validation"} if few else {"test"}
        for query in one.queries:  # one of the right answers is held out; of spoken queries, the query
            sources = [query.asked.source] if isinstance(query.asked, Utterance) else []
            sources = sources or [one.pool[place].source for place in query.answers]
            clips = [source.clip if isinstance(source, Distorted) else source for source in sources]
            assert held_out & {source.split for source in clips}, (one.name, query)
        assert all(query.answers and max(query.answers) < len(one.pool) for query in one.queries)


def test_the_pools_are_as_large_as_they_should_be_and_say_nothing_twice(data: Path) -> None:
    sizes = {language: len(real_sets.recordings(data, language)) for language in POOLS}
    assert {language: sizes[language] for language in ("en", "fr", "de", "nl")} == {
        "en": 1000, "fr": 500, "de": 200, "nl": 200,
    }  # fmt: skip
    for language in POOLS:
        said = [label(one.text) for one in real_sets.recordings(data, language)]
        assert len(said) == len(set(said))


def test_topics_have_two_or_three_words_and_those_to_calibrate_by_are_not_measured(data: Path) -> None:
    splits = {"topics.tsv": "test", "../validation_topics.tsv": "validation"}
    for name, split in splits.items():
        for row, clips in real_sets._rows(data, name):
            assert len(row["text"].split()) in (2, 3) and clips[0].split == split, row
            long = {word for word in label(row["text"]).split() if len(word) > 4}
            assert not long & set(label(clips[0].text).split()), row


def test_texts_are_not_what_is_said(data: Path) -> None:
    shares = []
    for name in ("paraphrases.tsv", "translations.tsv", "questions.tsv", "contrasts.tsv", "code_switched.tsv"):
        for row, clips in real_sets._rows(data, name):
            written = {label(row[column]) for column in ("text", "right", "wrong") if column in row}
            assert label(clips[0].text) not in written, row
            if name == "paraphrases.tsv":
                words = {word for word in label(row["text"]).split() if len(word) > 4}
                shares.append(len(words & set(label(clips[0].text).split())) / max(1, len(words)))
    assert np.mean(shares) <= PARAPHRASES_SHARE


def test_the_same_sentence_is_found_in_another_voice(data: Path) -> None:
    (asked,) = chosen(data, ["real-same-sentence"])
    assert len(asked.queries) >= 50
    for query in asked.queries:
        (place,) = query.answers
        found = asked.pool[place]
        assert label(found.text) == label(query.asked.text)
        assert found.source.speaker != query.asked.source.speaker


def test_sets_are_chosen_by_name_or_by_family(data: Path) -> None:
    found = chosen(data, ["training-voices", "real-short-2"])
    assert [one.name for one in found] == ["real-short-2", "training-voices"]
    assert len(chosen(data, ["real-short"])) == 3
    assert chosen(data, ["translation"]) == []
    with pytest.raises(DataError, match="no test real-short-9: give one of real-short-1, "):
        chosen(data, ["real-short-9"])


TALES = (
    "The old miller sold his donkey to Ambrose Finch.",
    "A miller and his donkey went to market.",
    "Nobody at the market had seen Rosalind, and the rain didn't stop.",
)


def test_short_queries_are_said_in_one_recording_alone() -> None:
    for words in (1, 2, 3):
        found = real_sets.unique_phrases(pool(*TALES), words, 10)
        assert len(found) == 3 and {place for _, place in found} == {0, 1, 2}
        for text, place in found:
            assert len(text.split()) == words
            assert [text in label(tale) for tale in TALES] == [place == number for number in range(3)]
            assert text in TALES[place].lower()  # nothing that an apostrophe parts
            assert min(len(text.split()[0]), len(text.split()[-1])) >= real_sets.LETTERS
        assert found == real_sets.unique_phrases(pool(*TALES), words, 10)
    assert len(real_sets.unique_phrases(pool(*TALES), 1, 2)) == 2
    assert real_sets.unique_phrases(pool(*TALES, split="train"), 1, 10) == []


def test_words_that_many_say_begin_no_short_query() -> None:
    said = pool(*(f"about number{letter} about" for letter in "abcdef"), "about whatever")
    assert real_sets.unique_phrases(said, 2, 10) == []
    assert {text for text, _ in real_sets.unique_phrases(said, 1, 10)} == {
        *(f"number{letter}" for letter in "abcdef"), "whatever",
    }  # fmt: skip


def test_names_are_capitalised_within_a_sentence_and_said_once() -> None:
    found = real_sets.unique_names(pool(*TALES, "We saw the Market in May, and may it rain."), 10)
    assert sorted(found) == [("Ambrose Finch", 0), ("Rosalind", 2)]  # a market and what may be are no names


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Uzbek recordings of ten speakers, and a file of texts that asks for some of them."""
    (tmp_path / "speech").mkdir()
    (tmp_path / "brown.zip").touch()
    with zipfile.ZipFile(tmp_path / "speech" / "uz-commonvoice.zip", "w") as archive:
        lines = ["file\tlanguage\tspeaker\ttext"]
        for number in range(40):
            encoded = io.BytesIO()
            tone = 0.3 * np.sin(np.arange(SAMPLE_RATE) * (0.05 + number / 400)).astype(np.float32)
            soundfile.write(encoded, tone, SAMPLE_RATE, format="OGG", subtype="OPUS")
            archive.writestr(f"clips/{number}.opus", encoded.getvalue())
            lines.append(f"{number}.opus\tuz\tspeaker{number // 2}\tgap {number // 3} bu")
        archive.writestr("metadata.tsv", "\n".join(lines) + "\n")
    monkeypatch.setattr(real_sets, "TEXTS", tmp_path)
    real_sets._named.cache_clear()
    yield tmp_path
    real_sets._named.cache_clear()


def ask(folder: Path, *clips: str) -> None:
    lines = [f"uz-commonvoice\t{name}\ten\tsentence {number}" for number, name in enumerate(clips)]
    (folder / "texts.tsv").write_text("\n".join(["corpus\tclip\tlanguage\ttext", *lines]) + "\n", encoding="utf-8")


def test_equal_sentences_are_all_correct_and_a_text_may_name_several(small: Path) -> None:
    every = {clip.id: clip for clip in corpora.packed(small / "speech" / "uz-commonvoice.zip")}
    held_out = [clip for clip in every.values() if clip.split == "test"]
    first, other = held_out[0], next(one for one in every.values() if one.text != held_out[0].text)
    ask(small, f"{first.id} {other.id}")
    recordings = real_sets.recordings(small, "uz")
    (query,) = real_sets._written(small, "texts.tsv", recordings)
    assert query.asked == Text("sentence 0", "en")
    assert {recordings[place].text for place in query.answers} == {first.text, other.text}
    (own_words,) = chosen(small, ["real-own-words-uz"])
    assert isinstance(own_words, QuerySet)
    assert own_words.queries[0] == Query(Text(recordings[0].text, "uz"), frozenset([0]))
    splits = [one.source.split for one in recordings]
    assert splits == sorted(splits, key=real_sets.SPLITS.index)


def test_a_clip_that_is_missing_or_not_held_out_is_named(small: Path) -> None:
    ask(small, "no-such-clip")
    with pytest.raises(DataError, match="no clip no-such-clip in uz-commonvoice"):
        real_sets._rows(small, "texts.tsv")
    training = next(one for one in corpora.packed(small / "speech" / "uz-commonvoice.zip") if one.split == "train")
    ask(small, training.id)
    with pytest.raises(DataError, match=f"uz-commonvoice {training.id} is in the training split"):
        real_sets._rows(small, "texts.tsv")
