"""Files fetched from the web: whole, resumed where they broke off, and no larger than is set.

with client() as web:
    page = document(web, "https://example.org/feed.xml")
    page.content, page.etag
    for size, total in download(web, "https://example.org/1.mp3", Path("1.mp3")):
        print(size, total)
"""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clasp import __version__
from clasp.errors import ClaspError, DataError
from clasp.settings import current

if TYPE_CHECKING:
    from httpx import Client, Response

LARGEST = 16 * 2**20  # bytes of a document
CONNECT_SECONDS = 20.0  # longest wait for a server to answer at all
SILENT_SECONDS = 30.0  # longest wait for more of an answer
DOCUMENT_SECONDS = 60.0  # longest that a document may take
FILE_SECONDS = 3_600.0  # longest that a file may take; the next time goes on from there
_OF_APPS = re.compile(r"(?:feed|itpc|pcast|podcast):(//)?", re.IGNORECASE)  # feed://example.org, feed:https://…
ATTEMPTS = 3  # at a file that breaks off


@dataclass(frozen=True)
class Document:
    """What a server has at an address."""

    content: bytes
    address: str  # where it was found, behind all redirections
    etag: str = ""
    modified: str = ""


class BrokenDownload(DataError):
    """What has come is no longer all that there is; the rest can be fetched later."""


@contextmanager
def client() -> "Iterator[Client]":
    """A connection to the web.

    Raises:
        ClaspError: if CLASP_OFFLINE says that nothing is to be fetched.
    """
    import httpx

    if current().offline:
        raise ClaspError("Nothing is fetched while CLASP_OFFLINE is 1: set it to 0 to read feeds.")
    timeout = httpx.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
    headers = {"User-Agent": f"CLASP/{__version__}"}
    with httpx.Client(follow_redirects=True, max_redirects=10, timeout=timeout, headers=headers) as web:
        yield web


def web_address(text: str) -> str:
    """An address of the web, as it was typed.

    Raises:
        DataError: if it is none.
    """
    try:
        address = _OF_APPS.sub(lambda found: "https://" if found[1] else "", text.strip())
        parts = urlsplit(address)
        if parts.scheme in ("http", "https") and parts.hostname:
            return address
    except ValueError:
        pass
    raise DataError(f"{text.strip()[:80]!r} is no address of a feed: write one such as https://example.org/feed.xml.")


def document(web: "Client", address: str, *, etag: str = "", modified: str = "") -> Document | None:
    """What is at an address; None if it is what it was when the server gave this `etag` or `modified`.

    Raises:
        DataError: if it cannot be had, or is too large; the reason, as the end of a sentence.
    """
    conditions = {"If-None-Match": etag, "If-Modified-Since": modified}
    headers = {name: value for name, value in conditions.items() if value}
    started, content = time.monotonic(), bytearray()
    with _answered(web, address, headers) as response:
        if response.status_code == 304:
            return None
        _must_be_found(response)
        for block in response.iter_bytes():
            content += block
            if len(content) > LARGEST:
                raise DataError(f"is larger than {LARGEST / 2**20:g} MiB")
            if time.monotonic() - started > DOCUMENT_SECONDS:
                raise DataError("comes too slowly")
    answer = response.headers
    return Document(bytes(content), str(response.url), answer.get("ETag", ""), answer.get("Last-Modified", ""))


def download(web: "Client", address: str, target: Path) -> Iterator[tuple[int, int]]:
    """Fetch a file; yields how many bytes of how many there are (0: not known). What was fetched of it before is beside
    `target` and not fetched again, if the server can tell that the file is still the same.

    Raises:
        BrokenDownload: if it broke off; what has come is used the next time.
        DataError: if it cannot be had, or is larger than is set; the reason, as the end of a sentence.
        OSError: if it cannot be written.
    """
    started = time.monotonic()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            for size, total in _resumed(web, address, target):
                yield size, total
                if time.monotonic() - started > FILE_SECONDS:
                    raise BrokenDownload("comes too slowly; the next time goes on from there")
            return
        except BrokenDownload:
            if attempt == ATTEMPTS or time.monotonic() - started > FILE_SECONDS:
                raise


def _resumed(web: "Client", address: str, target: Path) -> Iterator[tuple[int, int]]:
    """One attempt: the rest of what is there, or all of it."""
    part, mark = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json")
    size, same = _stored_part(part, mark, address)
    most = current().file_mib * 2**20
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-", "If-Range": same} if same else {})
    with _answered(web, address, headers) as response:
        if response.status_code == 416:  # there is no more, or something else
            part.unlink(missing_ok=True)
            raise BrokenDownload("is other than it was")
        _must_be_found(response)
        first, total = _content_range(response.headers.get("Content-Range", ""))
        goes_on = response.status_code == 206 and first == size
        if response.status_code == 206 and not goes_on:
            part.unlink(missing_ok=True)
            raise BrokenDownload("has other bytes than were asked for")
        size = size if goes_on else 0
        total = total or size + int(response.headers.get("Content-Length") or 0)
        if not goes_on:
            mark.write_text(json.dumps([address, _validator(response)]), encoding="utf-8")
        with part.open("ab" if goes_on else "wb") as file:
            if total <= most:
                yield size, total
                for block in response.iter_raw():
                    file.write(block)
                    size += len(block)
                    if size > most:
                        break
                    yield size, total
            file.flush()
            os.fsync(file.fileno())
    if max(size, total) > most:
        part.unlink()
        raise DataError(f"is larger than {current().file_mib:g} MiB: set CLASP_FILE_MIB to have it all the same")
    if size == 0:
        raise DataError("is empty")
    os.replace(part, target)
    mark.unlink(missing_ok=True)


def _stored_part(part: Path, mark: Path, address: str) -> tuple[int, str]:
    """How many bytes of a file there are from before, and what tells the server of which file; '' if nothing does."""
    try:
        known, same = json.loads(mark.read_text(encoding="utf-8"))
        size = part.stat().st_size
    except (OSError, ValueError):
        return 0, ""
    return (size, same) if known == address and same and size else (0, "")


def _validator(response: "Response") -> str:
    """What tells one state of a file from another, byte by byte; '' if nothing does."""
    etag = response.headers.get("ETag", "")
    return response.headers.get("Last-Modified", "") if etag.startswith("W/") or not etag else etag


def _content_range(header: str) -> tuple[int, int]:
    """The first byte that comes, and how many the whole file has (0: not known); -1 if nothing is said."""
    match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", header.strip())
    return (int(match[1]), 0 if match[2] == "*" else int(match[2])) if match else (-1, 0)


@contextmanager
def _answered(web: "Client", address: str, headers: dict[str, str]) -> "Iterator[Response]":
    """The answer of a server, whose errors end sentences."""
    import httpx

    try:
        with web.stream("GET", address, headers=headers) as response:
            yield response
    except (httpx.TooManyRedirects, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        raise DataError("leads nowhere: its address, or one that it is redirected to, is none") from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise DataError("cannot be had: its server cannot be reached") from error
    except httpx.TimeoutException as error:
        raise BrokenDownload("cannot be had: its server falls silent") from error
    except httpx.HTTPError as error:
        raise BrokenDownload("cannot be had: the connection broke off") from error


def _must_be_found(response: "Response") -> None:
    if not response.is_success:
        reason = f"{response.status_code} {response.reason_phrase}".strip()
        raise DataError(f"cannot be had: its server answers {reason}")
