"""Names as a person writes them: languages, categories, stretches of time."""

LANGUAGES = {
    "ar": "Arabic",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv": "Swedish",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}


def language(tag: str) -> str:
    """The English name of a BCP-47 tag ("pt-BR" → "Portuguese"); the tag itself where it is not known."""
    return LANGUAGES.get(tag.partition("-")[0].lower(), tag)


def category(name: str) -> str:
    """ "science_fiction" → "science fiction"."""
    return name.replace("_", " ")


def voice(name: str) -> str:
    """ "espeak:en-us+f3" → "espeak en-us+f3"."""
    return name.replace(":", " ")


def clock(seconds: float) -> str:
    """72.4 → "1:12"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
