"""What the sentence encoder is tuned on: sentences that mean the same, in two languages or in two wordings of English.

train, development = sentence_pairs(data, LANGUAGES)
"""

import itertools
from collections.abc import Collection
from pathlib import Path

from clasp.training.data.corpora import clips
from clasp.training.data.parallel import Pair, is_development, key, training_pairs

LANGUAGES = (
    "af", "am", "ar", "as", "az", "be", "bg", "bn", "br", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "eo",
    "es", "et", "eu", "fa", "fi", "fr", "fy", "ga", "gd", "gl", "gu", "ha", "he", "hi", "hr", "hu", "hy", "id",
    "is", "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "ku", "ky", "la", "lo", "lt", "lv", "mg", "mk", "ml",
    "mn", "mr", "ms", "my", "nb", "ne", "nl", "nn", "om", "or", "pa", "pl", "ps", "pt", "ro", "ru", "sa", "sd",
    "si", "sk", "sl", "so", "sq", "sr", "su", "sv", "sw", "ta", "te", "th", "tl", "tr", "ug", "uk", "ur", "uz",
    "vi", "xh", "yi", "zh",
)  # fmt: skip
"""The languages that multilingual-e5-small was trained on, as BCP-47 tags."""

WORDINGS = 4  # of one sentence, at most


def sentence_pairs(data: Path, languages: Collection[str]) -> tuple[list[Pair], list[Pair]]:
    """Pairs to train on, and development pairs: no English sentence, and no translation of one, is in both.

    English sentences that share a translation are pairs of the language "en". None of them is spoken in the validation
    and test splits of real speech, or stands in FLORES.
    """
    exclude = {key(clip.text) for clip in clips(data) if clip.split != "train"}
    pairs = training_pairs(data / "parallel", [language for language in languages if language != "en"], exclude)
    keys = [(key(pair.english), (pair.language, key(pair.other))) for pair in pairs]
    translations = {other for english, other in keys if is_development(english)}
    held_out = {english for english, other in keys if other in translations}  # other wordings of them as well
    translations = {other for english, other in keys if english in held_out}
    development = [pair for pair, (english, _) in zip(pairs, keys, strict=True) if english in held_out]
    train = [pair for pair, (_, other) in zip(pairs, keys, strict=True) if other not in translations]
    return train + wordings(train), development


def wordings(pairs: list[Pair]) -> list[Pair]:
    """Pairs of English sentences with one translation, as pairs of the language "en"."""
    sharing: dict[tuple[str, str], dict[str, str]] = {}
    for pair in pairs:
        sharing.setdefault((pair.language, key(pair.other)), {}).setdefault(key(pair.english), pair.english)
    found = {
        frozenset(two): Pair(*two, "en", "wordings")
        for english in sharing.values()
        for two in itertools.combinations(list(english.values())[:WORDINGS], 2)
    }
    return list(found.values())
