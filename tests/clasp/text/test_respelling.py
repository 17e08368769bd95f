"""Japanese and Chinese as they are given to espeak-ng, and the IPA it gives back."""

import subprocess
import sys

import numpy as np
import pytest

from clasp.phones import inventory
from clasp.text import espeak
from clasp.text.respelling import mend, respell
from clasp.training.data.synthesis import Voice, speak


@pytest.mark.parametrize(
    ("text", "kana"),
    [
        ("私は東京へ行きます。", "ワタシワ トーキョーエ イキマス 。"),
        ("お母さんは台所で料理を作っています。", "オカーサンワ ダイドコロデ リョーリヲ ツクッテイマス 。"),
        ("2026年11月29日", "ニセン ニジュー ロクネン ジューイチガツ ニジュー クニチ"),
        ("performanceとWiFi", "パフォーマンスト ワイファイ"),
        ("大人気ない人だ", "オトナゲナイ ヒトダ"),
        ("ｶﾀｶﾅ、か\u3099くせい", "カタカナ 、 ガクセイ"),
        ("русский😀", ""),
    ],
)
def test_kanji_become_the_kana_that_are_said(text: str, kana: str) -> None:
    assert respell(text, "ja+f3") == kana


def test_other_languages_are_left_alone() -> None:
    for voice in ("en-us", "de+m1", "ko"):
        assert respell("Größe 50%, 船・兄", voice) == "Größe 50%, 船・兄"
        assert mend(["s.ˈi.ɜ", "ɽ"], voice) == ["s.ˈi.ɜ", "ɽ"]


@pytest.mark.parametrize(
    ("text", "voice"),
    [("新聞と料理、北京", "ja+f3"), ("熊猫吃小笼包，很便宜", "cmn+m1"), ("音樂", "cmn"), ("Das Schiff", "de")],
)
def test_speech_is_labelled_with_the_phones_of_its_text(text: str, voice: str) -> None:
    language = "zh" if voice.startswith("cmn") else voice[:2]
    speak(text, Voice("espeak", voice, language))  # espeak-ng may lose the first phoneme after much reading
    spoken = speak(text, Voice("espeak", voice, language))
    labels = inventory.collapse([phone for phone, _, _ in spoken.labels])
    np.testing.assert_array_equal(labels, inventory.from_text(text, language))


def test_regions_are_read_by_the_voice_of_their_language() -> None:
    tags = {"zh-TW": "cmn", "zh-Hant-HK": "cmn", "ja-JP": "ja", "en-GB": "en", "de-AT": "de", "pt": "pt-br", "nn": "nb"}
    assert {tag: espeak.voice_of(tag) for tag in tags} == tags
    with pytest.raises(ValueError, match="xx-YY"):
        espeak.voice_of("xx-YY")


def test_the_dictionary_is_loaded_for_japanese_alone() -> None:
    script = (
        "import sys; from clasp.phones import inventory as phones;"
        "phones.from_text('ship', 'en'); phones.from_text('船', 'zh'); assert 'pyopenjtalk' not in sys.modules;"
        "phones.from_text('船', 'ja'); assert 'pyopenjtalk' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
