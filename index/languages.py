"""Languages as people write them ("English", "eng", "en_US"), as BCP-47 tags, and which of these are one language.

tag("Englisch") == "en"
same("pt-BR", "pt-PT")                              # what a typed query and a hit have in common
includes("en", "en-US") and not includes("en-US", "en")   # what a filter lets pass
"""

import re
from contextlib import suppress
from functools import lru_cache

import langcodes

from clasp.errors import DataError

UNKNOWN = ("und", "unk", "mul", "mis", "zxx", "unknown", "undetermined")
SEVERAL = re.compile(r"[/,;&+|]")  # between names
NORWEGIAN = {"nb": "no", "nn": "no"}  # the two written forms of what is spoken
IN_REGION = re.compile(r"(.+?)(?: ?[(\[](.+?)[)\]]?|(?: [-–]|,) (.+))?")  # "English (United Kingdom)", "English - UK"
_SEVERAL_NAMES = re.compile(rf"{SEVERAL.pattern}| and | und | et | y ")
_LANGUAGE = re.compile(r"^(?:język|язык) | (?:language|язык|мова|sprache)$", re.IGNORECASE)


def tag(text: str) -> str:
    """The BCP-47 tag of a language that is given as a tag, a code, or a name in any common language; '' for ''.

    Raises:
        DataError: if it is none.
    """
    text = re.sub(r" ?\(\?\)$|\?$", "", " ".join(text.split()).strip(" .;'\"[]"))
    text = text.rstrip("/").rpartition("/")[2] if "://" in text else text  # http://id.loc.gov/vocabulary/iso639-2/eng
    text = re.sub(r"^iso ?639(?:-\d)?: ?", "", text, flags=re.IGNORECASE)
    code = re.sub(r" ?\(([A-Za-z]{2})\)$", r"-\1", text).replace("_", "-").partition(".")[0]  # en (US), en_US.UTF-8
    if not text or text.lower() in UNKNOWN:
        return ""
    if is_code(code):
        return langcodes.standardize_tag(code)
    match = IN_REGION.fullmatch(text if _named(text) else _LANGUAGE.sub("", text))
    name, region = (match[1], match[2] or match[3]) if match else (text, "")
    found = None if SEVERAL.search(name) or (len(name) <= 3 and name.isascii()) else _named(name)
    where = (_found(region, "territory") or _named(f"{region} {name}")) if found and region else None
    if found and where:  # Traditional Chinese
        return found.update(where).to_tag()
    is_remark = match and match[2] and not any(map(_is_language, re.findall(r"\w+", region)))
    if found and (not region or is_remark):
        return "" if found.language in UNKNOWN else found.to_tag()
    names = [name, region] if region else _SEVERAL_NAMES.split(text)  # English [eng], Spanish; Castilian
    if names[1:] and all(map(_is_language, names)) and all(same(names[0], one) for one in names):
        return tag(names[0])
    return _unknown(text)


def known_tag(text: str) -> str:
    """The same, and '' where the text is none."""
    try:
        return tag(text)
    except DataError:
        return ""


def _named(name: str) -> langcodes.Language | None:
    """The language of a name, which must be all of it: "English interviews" is none, though it begins with one."""
    found, beginning = _found(name), _found(name.rpartition(" ")[0])
    more = found and found == beginning and found.display_name().casefold() != name.casefold()
    return None if more else found


def _found(name: str, kind: str = "language") -> langcodes.Language | None:
    with suppress(LookupError):
        return langcodes.Language.find_name(kind, name) if name else None
    return None


def is_code(text: str) -> bool:
    """Whether this is a valid tag, or a code of ISO 639, of a language that people speak."""
    try:
        return langcodes.tag_is_valid(text) and not text.lower().startswith(("x-", "i-", *UNKNOWN))
    except ValueError:
        return False


@lru_cache(1024)
def primary(language: str) -> str:
    """What makes tags one language: "pt-BR" and "pt" → "pt", "cmn" → "zh". What is no tag stands for itself."""
    try:
        whole = langcodes.standardize_tag(tag(language), macro=True) if language else ""
    except DataError:
        return language.casefold()
    first = whole.partition("-")[0]
    return NORWEGIAN.get(first, first)


def same(one: str, other: str) -> bool:
    """Whether two tags are of one language; '' is of none."""
    return bool(one) and primary(one) == primary(other)


def includes(asked: str, spoken: str) -> bool:
    """Whether `spoken` is what is asked for: "en" includes "en-US", "en-US" includes only itself."""
    return same(asked, spoken) and _subtags(asked) <= _subtags(spoken)


@lru_cache(1024)
def _subtags(language: str) -> frozenset[str]:
    """Script, region and the like."""
    return frozenset(language.lower().replace("_", "-").split("-")[1:])


def _unknown(text: str) -> str:
    parts = _SEVERAL_NAMES.split(text)
    if len(parts) > 1 and all(map(_is_language, parts)):
        raise DataError(f"{text[:40]!r} names several languages: write the one that is spoken most.")
    raise DataError(f"{text[:40]!r} is no language: write its name or a tag, such as English, en or en-US.")


def _is_language(text: str) -> bool:
    with suppress(DataError):
        return bool(tag(text))
    return False
