"""Names of files, which are bytes, as a person reads them."""

import os
import unicodedata


def readable(name: str) -> str:
    """The name or path of a file on one line and composed (NFC), with � for what cannot be shown. Bytes that are no
    UTF-8 are taken for Windows' Western European, in which most such names were written."""
    try:
        name.encode()
    except UnicodeEncodeError:
        name = os.fsencode(name).decode("cp1252", "replace")
    return "".join(letter if letter.isprintable() else "�" for letter in unicodedata.normalize("NFC", name))
