"""Which language a text is in, offline (py3langid, 97 languages).

identifier = LanguageIdentifier(("en", "de", "nb"))
identifier("Wo ist der Bahnhof?")  # "de"
"""

from collections.abc import Sequence

COMMON = frozenset((
    "ar", "cs", "da", "de", "el", "es", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "nb", "nl", "pl",
    "pt", "ro", "ru", "sv", "tr", "uk", "vi", "zh",
))  # fmt: skip
COMMON_ODDS, RARE_ODDS = 0.3, 0.03
"""How likely a query is to be in a common or a rare language rather than in English, before it is read. With these,
of the first three words of FLORES sentences .97 are recognized in English, .91 in common and .68 in rare languages;
without them .85, .88 and .86. Of whole sentences 1.0, 1.0 and .95."""

_NAMES = {"nb": "no"}  # BCP-47 tag -> py3langid's, where they differ


class LanguageIdentifier:
    """Tells which of some languages, BCP-47 tags, a text is in."""

    def __init__(self, languages: Sequence[str]) -> None:
        from py3langid.langid import MODEL_FILE
        from py3langid.langid import LanguageIdentifier as Classifier

        self._classifier = Classifier.from_model_file(MODEL_FILE, norm_probs=True)
        known = set(self._classifier.labels)
        tags = {_NAMES.get(language, language): language for language in languages}
        self._tags = {name: tag for name, tag in tags.items() if name in known}
        self._classifier.set_languages(list(self._tags))

    def __call__(self, text: str) -> str:
        """The likeliest language of a text."""
        ranked = {self._tags[name]: probability for name, probability in self._classifier.rank(text)}
        return max(ranked, key=lambda tag: ranked[tag] * _odds(tag))


def _odds(tag: str) -> float:
    return 1.0 if tag == "en" else COMMON_ODDS if tag in COMMON else RARE_ODDS
