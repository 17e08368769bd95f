"""Japanese and Chinese for espeak-ng: what it reads wrongly is spelled anew, what is no IPA is mended.

Japanese kanji and numbers become kana as pronounced, by the dictionary of pyopenjtalk. Chinese characters stay:
espeak-ng knows the phrases that decide between two readings, in simplified and traditional characters; only what it
would read in English, or wrongly, becomes pinyin.
"""

import re
import unicodedata
from collections.abc import Callable

_SENTENCE = re.compile(r"[^。！？!?\n]{1,1000}[。！？!?]*")  # some ten thousand characters at once are refused
_NOT_KANA = re.compile(r"[^ァ-ヴー、。！？ ]+")
_LONG = re.compile(r"(?<![ァ-ヴ])ー+|(?<=ー)ー+")  # a length mark with nothing to lengthen
_RARE = str.maketrans("ヮヵヶ．，", "ワカケ。、")
_SMALL = re.compile(  # small letters that make no syllable with what is before them: ねぇ
    "(?<![フヴツクグ])ァ|(?<![フヴウテデツクグ])ィ|(?<![トド])ゥ|(?<![フヴウシジチツイク])ェ|(?<![フヴウツク])ォ"
    "|(?<![キシチニヒミリギジヂビピテデフヴ])[ャュョ]|(?<=[ウクスツヌフムユルグズブプュ]ウ)[ィェォ]"
)
_LARGE = str.maketrans("ァィゥェォャュョ", "アイウエオヤユヨ")

_HAN = "\u3400-\u9fff\uf900-\ufaff"
_PINYIN = {"便宜": "pian2yi5", "贾": "jia3", "賈": "jia3"} | {
    character: syllable  # "xiong" and the like are unknown to espeak-ng, and "xong" is the name for them here
    for syllable, characters in {
        "xong1": "兄凶胸匈汹恟讻詾兇洶",
        "xong2": "熊雄",
        "xong4": "诇詗",
        "qong1": "芎",
        "qong2": "穷穹琼茕邛蛩窮瓊煢筇",
        "jong1": "扃坰駉",
        "jong3": "窘迥炯冏囧泂",
    }.items()
    for character in characters
}
_SPELLED = re.compile("|".join(_PINYIN) + f"|(?<=[{_HAN}])[儿兒]")  # an r-coloured end is unknown as well
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*[%％]")
_YEAR = re.compile(r"(?<!\d)\d{4}(?=\s*年)")
_NAMELESS = re.compile("[\U00010000-\U0010ffff/／・ぁ-ヿ]+")  # espeak-ng would name them in English
_DIGITS = str.maketrans("0123456789", "零一二三四五六七八九")

_BETWEEN = r"([ˈˌ\x1f]*)"  # stress marks, and the borders of phonemes
_MENDED: dict[str, list[tuple[str, str | Callable[[re.Match[str]], str]]]] = {
    "ja": [
        ("ʲ", "j"),
        ("ɽ", "ɾ"),
        ("(ɾ" + _BETWEEN + "j" + _BETWEEN + ")ä(?=[ˈˌ\x1f]*[äoɯ])", r"\1"),  # it says "ryao" for "ryo"
        ("[ũĩ]" + _BETWEEN + "(?=[pbm])", r"m\1"),
        ("[ũĩ]", "ŋ"),
        ("h" + _BETWEEN + "(?=p)", r"\1"),  # the first half of a long p
    ],
    "cmn": [
        (r"(ts|s)\.", lambda match: {"ts": "ʈʂ", "s": "ʂ"}[match[1]]),
        (r"i(\.|̪)", "ɨ"),
        ("(ɕ|tɕh?)" + _BETWEEN + "onɡ", r"\1\2jʊŋ"),
        ("onɡ", "ʊŋ"),
        ("ər", "ɚ"),
        ("o-", "ə"),
        ("χ", "x"),
        ("i(?=[ɑɛou])", "j"),
        ("u(?=[ɑaoəe])", "w"),
        (r"ɜ|[0-9]", ""),  # tones
    ],
    "yue": [  # Jyutping, letter for letter
        ("([ptk])(?=[ˈˌ\x1f]*[aeiouyw])", r"\1h"),
        ("[bdɡ](?![0-9]*h)", lambda match: {"b": "p", "d": "t", "ɡ": "k"}[match[0]]),
        ("nk", "ŋ"),
        ("c", "tsh"),
        ("z", "ts"),
        ("yu", "y"),
        ("oe", "œ"),
        ("eo", "ø"),
        ("(?<!a)a(?!a)", "ɐ"),
        (r"ɜ|[0-9]", ""),
    ],
}


def respell(text: str, voice: str) -> str:
    """`text` as the espeak-ng voice `voice` ("ja", "cmn", with or without a variant) reads it rightly."""
    change = {"ja": _kana, "cmn": _mandarin}.get(_base(voice))
    return change(text) if change else text


def mend(ipa: list[str], voice: str) -> list[str]:
    """The IPA that `voice` gave for pieces that follow each other (clauses or phonemes), as many of them."""
    joined = "\x1f".join(ipa)
    for wrong, right in _MENDED.get(_base(voice), ()):
        joined = re.sub(wrong, right, joined)
    return joined.split("\x1f")


def _base(voice: str) -> str:
    return voice.partition("+")[0]


def _kana(text: str) -> str:
    """Katakana as they are pronounced, a space between accent phrases; other scripts are left out."""
    from pyopenjtalk import run_frontend

    pronounced = []
    for sentence in _SENTENCE.findall(unicodedata.normalize("NFKC", text)):
        for word in run_frontend(sentence):
            pronounced.append("" if word["chain_flag"] == 1 else " ")
            pronounced.append(word["string"] if word["pron"] == "、" else word["pron"])
    kana = _NOT_KANA.sub("", "".join(pronounced).translate(_RARE))
    return _SMALL.sub(lambda match: match[0].translate(_LARGE), _LONG.sub("", kana)).strip()


def _mandarin(text: str) -> str:
    text = _NAMELESS.sub(" ", text)
    text = re.sub(r"(?<=[A-Za-z])(?=[0-9])", " ", text)  # "A4" is not the pinyin à
    text = _PERCENT.sub(r"百分之\1", text)
    text = _YEAR.sub(lambda match: match[0].translate(_DIGITS), text)
    return _SPELLED.sub(lambda match: f" {_PINYIN.get(match[0], 'er2')} ", text)
