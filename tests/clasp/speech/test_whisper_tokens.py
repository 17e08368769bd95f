"""Words made of Whisper's tokens, in every kind of script, and its names of languages."""

import pytest

from clasp.speech.whisper_tokens import WhisperTokens
from clasp.speech.whisper_weights import whisper_folder


@pytest.fixture(scope="module")
def tokens() -> WhisperTokens:
    return WhisperTokens(whisper_folder() / "tokenizer.json")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", [" Hello,", " world!", " It's", " 5", " o'clock", " –", ' "now"...']),
        ("de", [" Straßenbahn-Fahrer", " müssen", " draußen", " übernachten."]),
        ("ru", [" Пассажиры", " ждали", " подъёмного", " крана."]),
        ("fa", [" کتاب‌هایی", " که", " خواندم؟"]),
        ("hi", [" मुझे", " पानी", " चाहिए।"]),
        ("ko", [" 오늘은", " 비가", " 온다."]),
        ("zh", ["我们", "走吧。"]),
        ("th", ["น", "้", "ำ"]),
        ("en", [" 🎙", " émoji"]),
    ],
)
def test_words(tokens: WhisperTokens, language: str, words: list[str]):
    ids = tokens._tokenizer.encode("".join(words), add_special_tokens=False).ids
    found = tokens.words(ids, language)
    assert tokens.text(ids) == "".join(words)
    if language != "th":
        assert [one.text for one in found] == words
    assert "".join(one.text for one in found) == "".join(words)
    assert [one.first for one in found] + [len(ids)] == [0] + [one.last for one in found]


def test_a_letter_that_was_cut_off_is_still_a_word(tokens: WhisperTokens):
    ids = tokens._tokenizer.encode(" 🎙", add_special_tokens=False).ids
    assert tokens.words(ids[:-1], "en")[-1].last == len(ids) - 1
    assert tokens.words([], "en") == [] and tokens.text([]) == ""


def test_languages_have_their_usual_tags(tokens: WhisperTokens):
    assert len(tokens.languages) == 99 and "en" in tokens.languages and "transcribe" not in tokens.languages
    tags = {"en-GB": "en", "pt_BR": "pt", "zh-Hant-TW": "zh", "nb": "no", "fil": "tl", "iw": "he", "tlh": "", "": ""}
    assert {tag: tokens.code(tag) for tag in tags} == tags
    assert len(set(tokens.start("de"))) == 3 and tokens.start("de")[0] == tokens.start("fr")[0] > tokens.end


def test_a_vocabulary_of_something_else_is_an_error(tmp_path):
    from tokenizers import Tokenizer, models

    Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="there is no "):
        WhisperTokens(tmp_path / "tokenizer.json")
