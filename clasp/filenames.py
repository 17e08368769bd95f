"""Names of files, which are bytes, as a person reads them."""

import os
from functools import lru_cache
from pathlib import Path
from unicodedata import category, normalize
from urllib.parse import unquote

JOINERS = "\u200c\u200d"  # without which Persian and emoji are misspelt
_ALIKE = str.maketrans("’‘“”", "''\"\"", JOINERS)


def readable(name: str) -> str:
    """The name or path of a file on one line and composed (NFC), with � for what cannot be shown, and without marks
    that turn the direction of writing. Bytes that are no UTF-8 are taken for Windows' Western European, in which most
    such names were written."""
    if name.isascii() and name.isprintable():
        return name
    try:
        name.encode()
    except UnicodeEncodeError:
        name = os.fsencode(name).decode("cp1252", "replace")
    letters = [one for one in normalize("NFC", name) if one in JOINERS or category(one) != "Cf"]
    spaced = [" " if category(one) == "Zs" else one for one in letters]
    return "".join(one if one.isprintable() or one in JOINERS else "�" for one in spaced)


@lru_cache(2**14)
def comparable(name: str) -> str:
    """A name as names are compared: however it is encoded and composed, in capitals or not, with %20 for a space or
    not, with curly quotation marks or straight ones, and whatever blanks it has."""
    return " ".join(normalize("NFC", unquote(readable(name).translate(_ALIKE))).casefold().split())


def suffix(name: str) -> str:
    """The suffix of a name in lower case, whatever blanks and dots follow it."""
    return Path(name.rstrip(" .")).suffix.lower()
