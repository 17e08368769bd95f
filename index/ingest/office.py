"""Files of Word, Excel, LibreOffice and the like (.docx, .xlsx, .odt, .ods): XML in a zip, read within bounds.

with opened(Path("interview.docx")) as package:
    package.root("word/document.xml")
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import Element

from clasp.errors import DataError
from clasp.filenames import readable, suffix
from index.ingest.encodings import decoded
from index.ingest.safe_xml import local, root

LARGEST = 32 * 2**20  # bytes of XML that are read of a file
LARGEST_UNFOLDED = 512 * 2**20  # bytes that are unfolded for these, such as a million cells without content
LARGEST_FILE = 64 * 2**20  # bytes
BLOCK = 2**20  # bytes
MOST_BLANKS = 100  # that are written as one
SILENT = frozenset(("note", "annotation", "frame", "custom-shape", "ruby-text", "page-number", "page-count", ""))
_BREAKS = {"tab": "\t", "line-break": "\n"}
_BEFORE_2007 = b"\xd0\xcf\x11\xe0"  # what wraps documents that have a password, too
_LOCKED = "EncryptedPackage".encode("utf-16-le")


class Package:
    """The parts of a file, by their paths in it."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._parts = {one.filename.replace("\\", "/").lower(): one for one in archive.infolist()}
        self._left, self._folded = LARGEST, LARGEST_UNFOLDED

    def root(self, part: str, without: re.Pattern[bytes] | None = None) -> Element | None:
        """The root of a part; None where there is no such part.

        Args:
            without: tags that are left out before they are parsed.

        Raises:
            DataError: if it is no XML, or too large; the end of a sentence.
        """
        if part.lower() not in self._parts:
            return None
        return root(decoded(b"".join(self._read(self._parts[part.lower()], without))))

    def main(self) -> tuple[str, Element | None]:
        """The part that the others belong to, as Office has it, and its root.

        Raises:
            DataError: if it is no XML, or too large.
        """
        part = next(iter(self.related("", "officeDocument").values()), "")
        return part, self.root(part)

    def related(self, part: str, kind: str) -> dict[str, str]:
        """The parts of a kind that belong to one, by their identifiers there; to '' belong those of the whole.

        Raises:
            DataError: if what says so is no XML, or too large.
        """
        folder, name = posixpath.split(part)
        relations = self.root(posixpath.join(folder, "_rels", f"{name}.rels"))
        return {
            one.get("Id", ""): posixpath.normpath(posixpath.join("/", folder, one.get("Target", ""))).lstrip("/")
            for one in (() if relations is None else relations)
            if one.get("Type", "").rpartition("/")[2] == kind
        }

    def _read(self, part: zipfile.ZipInfo, without: re.Pattern[bytes] | None) -> Iterator[bytes]:
        """The bytes of a part in blocks that end before a tag."""
        rest = b""
        with self._archive.open(part) as file:
            while block := file.read(BLOCK):
                self._folded -= len(block)
                block = rest + block
                end = block.rfind(b"<") if without else len(block)
                block, rest = (block[:end], block[end:]) if end > 0 else (b"", block)
                yield self._counted(without.sub(b"", block) if without else block, rest)
        yield self._counted(without.sub(b"", rest) if without else rest)

    def _counted(self, block: bytes, rest: bytes = b"") -> bytes:
        self._left -= len(block)
        if min(self._left - len(rest), self._folded) < 0:
            raise DataError(f"has more than {LARGEST / 2**20:g} MiB of content: shorten it")
        return block


@contextmanager
def opened(path: Path) -> Iterator[Package]:
    """The parts of a file, until the end of the block.

    Raises:
        DataError: if it cannot be read, also from within the block: a sentence that names it.
    """
    name, kind = readable(path.name), suffix(path.name)
    again = f"open it with the program that it is from, and save it as {kind} again"
    try:
        with path.open("rb") as file:
            if path.stat().st_size > LARGEST_FILE:
                raise DataError(f"is larger than {LARGEST_FILE / 2**20:g} MiB: shorten it")
            if file.read(len(_BEFORE_2007)) == _BEFORE_2007:
                file.seek(0)
                locked = _LOCKED in file.read()
                advice = f"an old format inside: save it as {kind}"
                raise DataError("is protected by a password: save it without one" if locked else f"is of {advice}")
            if not zipfile.is_zipfile(file):
                raise DataError(f"is damaged, or something else than its suffix says: {again}")
            with zipfile.ZipFile(file) as archive:
                package = Package(archive)
                if _is_locked(package):
                    raise DataError("is protected by a password: save it without one")
                yield package
    except DataError as error:
        raise DataError(f"{name} {error}.") from error
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, LookupError) as error:
        raise DataError(f"{name} is damaged: {again}.") from error


def _is_locked(package: Package) -> bool:
    """Whether LibreOffice keeps it under a password."""
    manifest = package.root("META-INF/manifest.xml")
    return manifest is not None and any(local(one) == "encryption-data" for one in manifest.iter())


def children(element: Element | None, name: str) -> Iterator[Element]:
    """All elements below one that have a name, whatever their namespace."""
    return (one for one in (() if element is None else element.iter()) if local(one) == name)


def attribute(element: Element, name: str) -> str:
    """An attribute, whatever its namespace; '' where there is none."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def open_text(element: Element) -> str:
    """What a paragraph of LibreOffice says, without notes, pictures, and what is only counted."""
    parts = [_in_line(element.text)]
    for one in element:
        name = local(one)
        if name == "s":
            parts.append(" " * min(int(attribute(one, "c") or 1), MOST_BLANKS))
        elif name not in SILENT:
            parts.append(_BREAKS.get(name) or open_text(one))
        parts.append(_in_line(one.tail))
    return "".join(parts)


def _in_line(text: str | None) -> str:
    return re.sub(r"[ \t\r\n]+", " ", text or "")
