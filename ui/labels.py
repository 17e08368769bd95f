"""Names as a person writes them: languages, categories, stretches of time, counts and sizes."""

from langcodes import Language

from index.languages import is_code

TITLE = 60  # characters
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
    """The English name of the language of a BCP-47 tag ("pt-BR" → "Portuguese"); the tag itself where it has none."""
    return LANGUAGES.get(tag.partition("-")[0].lower()) or variant(tag.partition("-")[0]) or tag


def variant(tag: str) -> str:
    """The English name of a BCP-47 tag ("pt-BR" → "Portuguese (Brazil)"); the tag itself where it has none."""
    return Language.get(tag).display_name() if is_code(tag) else LANGUAGES.get(tag, tag)


def category(name: str) -> str:
    """ "science_fiction" → "science fiction"."""
    return name.replace("_", " ")


def speaker(name: str) -> str:
    """ "espeak:en-us+f3" → "espeak en-us+f3"."""
    return name.replace(":", " ")


def title(text: str) -> str:
    """The beginning of a long title."""
    return text if len(text) <= TITLE else text[: TITLE - 1].rstrip(" ,.;:") + "…"


def clock(seconds: float) -> str:
    """72.4 → "1:12", 3672 → "1:01:12"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def length(seconds: float) -> str:
    """42 → "42 s", 2,460 → "41 min", 12,240 → "3.4 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3_600:.1f} h"


def size(number: float) -> str:
    """Bytes: 3_500_000 → "3.5 MB"."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while number >= 1_000 and len(units) > 1:
        number, units = number / 1_000, units[1:]
    return f"{number:.0f} {units[0]}" if number >= 10 or units[0] == "bytes" else f"{number:.1f} {units[0]}"


def count(number: int, noun: str) -> str:
    """1, "file" → "1 file"; 1,200, "utterance" → "1,200 utterances"."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
