"""Letters to phones, the inventory, and what is made of a recognizer's posteriors."""

import functools
import gc

import numpy as np
import pytest

from clasp.errors import ModelError
from clasp.phones import inventory
from clasp.phones.inventory import BLANK, INVENTORY
from clasp.training.data.parallel import LANGUAGES
from clasp.training.simulated_asr import READ_LANGUAGES


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("The ship was lost.", "en", "ðəʃɪpwʌzlɔst"),
        ("Das Schiff", "de", "dasʃɪf"),
        ("le bateau", "fr", "ləbato"),
        ("", "en", ""),
    ],
)
def test_text_becomes_phones(text: str, language: str, expected: str) -> None:
    assert inventory.to_ipa(inventory.from_text(text, language)) == expected


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_every_language_has_rules(language: str) -> None:
    words = {
        "ru": "корабль",
        "ar": "سفينة",
        "fa": "کشتی",
        "zh": "船在海上",
        "hi": "जहाज़",
        "ja": "ふねはうみ",
        "ko": "배가 사라졌다",
    }
    found = inventory.from_text(words.get(language, "navigator"), language)
    assert len(found) >= 4
    assert found.min() > BLANK
    assert found.max() < len(INVENTORY)
    assert (found[1:] != found[:-1]).all()


@pytest.mark.parametrize(("language", "text"), [("xx", "hello"), ("my", "သူသည် အခြားကျွမ်းကျင်သူများ"), ("fo", "skipið")])
def test_a_language_without_rules_is_refused(language: str, text: str) -> None:
    with pytest.raises(ModelError, match=repr(language)):
        inventory.from_text(text, language)


def test_numbers_are_read_in_every_language_that_is_learned_from() -> None:
    for language in READ_LANGUAGES:
        assert len(inventory.from_text("2026", language)) >= 5, language


def test_cantonese_is_read() -> None:
    assert inventory.to_ipa(inventory.from_text("中國銀行，七八九", "yue")) == "tsuŋkwokŋɐnhoŋtshɐtpatkɐu"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("船が沈んだ。", "fɯneɡaɕizɯnda"),
        ("私は東京へ行きます。", "wataɕiwatokjoeikimasɯ"),
        ("今日は天気がいいですね。", "kjowateŋkiɡaidesɯne"),
        ("お母さんは料理を作っています。", "okasaŋwaɾjoɾiotsɯkɯteimasɯ"),
        ("新聞を三冊買った。", "ɕimbɯŋosaŋsatsɯkata"),
        ("明日の朝、七時に起きる。", "aɕitanoasaɕitɕidʑiniokiɾɯ"),
        ("山に登るのは危ない。", "jamaninoboɾɯnowabɯnai"),
        ("えっ、本当？ちょっと待って！", "eʔhontotɕotomate"),
        ("コーヒーを3杯、5,000円。", "kociosambaiɡoseŋeŋ"),
        ("スウェーデンのA社", "sɯedenoeiɕa"),
    ],
)
def test_japanese_is_read_with_its_kanji(text: str, expected: str) -> None:
    assert inventory.to_ipa(inventory.from_text(text, "ja")) == expected


@pytest.mark.parametrize(
    ("simplified", "traditional", "expected"),
    [
        ("银行", "銀行", "jinxɑŋ"),
        ("行走", "行走", "ɕiŋtsou"),
        ("重庆", "重慶", "ʈʂhʊŋtɕhiŋ"),
        ("重要", "重要", "ʈʂʊŋjɑu"),
        ("长大", "長大", "ʈʂɑŋtɑ"),
        ("长度", "長度", "ʈʂhɑŋtu"),
        ("还是", "還是", "xaiʂɨ"),
        ("归还", "歸還", "kweixwan"),
        ("音乐", "音樂", "jinjyɛ"),
        ("快乐", "快樂", "khwailə"),
        ("便宜", "便宜", "phjɛnji"),
        ("穷人的兄弟", "窮人的兄弟", "tɕhjʊŋʐəntəɕjʊŋti"),
        ("你去哪儿", "你去哪兒", "nitɕhynɑɚ"),
    ],
)
def test_chinese_characters_are_read_as_their_word_says(simplified: str, traditional: str, expected: str) -> None:
    for text in (simplified, traditional):
        assert inventory.to_ipa(inventory.from_text(text, "zh")) == expected


def test_chinese_holds_numbers_and_latin_words() -> None:
    said = inventory.to_ipa(inventory.from_text("2026年我去bank取500块钱，50%。", "zh"))
    year, bank, half = "ɚliŋɚljounjɛn", "wotɕhybaŋktɕhywupaikhwaitɕhjɛn", "paifənʈʂɨwuʂɨ"
    assert said == year + bank + half
    assert inventory.to_ipa(inventory.from_text("A4纸/😀", "zh")) == "eɪsɨʈʂɨ"


@pytest.mark.parametrize(("language", "sentence"), [("ja", "彼は走った。"), ("zh", "他跑得很快。")])
def test_long_texts_are_read_to_their_end(language: str, sentence: str) -> None:
    one = len(inventory.from_text(sentence, language))
    for end in ("", "\n"):
        assert len(inventory.from_text((sentence + end) * 2_000, language)) == 2_000 * one


@pytest.mark.parametrize("language", ["ja", "zh"])
@pytest.mark.parametrize("text", ["", " ", "。。。", "ー", "😀", "\0"])
def test_nothing_is_said_of_what_has_no_sound(text: str, language: str) -> None:
    assert len(inventory.from_text(text, language)) == 0


def test_what_was_typed_is_not_remembered() -> None:
    def remembered() -> dict[str, int]:
        """How much each cache without a limit holds."""
        caches = [one for one in gc.get_objects() if type(one) is functools._lru_cache_wrapper]
        return {one.__qualname__: one.cache_info().currsize for one in caches
                if one.cache_info().maxsize is None and one.__module__.startswith("clasp.")}  # fmt: skip

    inventory.from_text("The first of all.", "en")
    before = remembered()
    inventory.from_text("My card number is nobody's business.", "en")
    assert before and remembered() == before


def test_segments_are_the_runs_of_the_best_phone() -> None:
    best = [0, 5, 5, 0, 5, 7, 7, 7]
    posteriors = np.full((len(best), len(INVENTORY)), 0.1 / (len(INVENTORY) - 1), np.float32)
    posteriors[np.arange(len(best)), best] = 0.9
    found = inventory.collapse_posteriors(posteriors)
    assert found.argmax(-1).tolist() == [5, 5, 7]
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-5)
    assert (found[:, BLANK] == 0).all()
    assert inventory.collapse_posteriors(posteriors[:1]).shape == (0, len(INVENTORY))
    assert inventory.collapse_posteriors(posteriors[:0]).shape == (0, len(INVENTORY))
