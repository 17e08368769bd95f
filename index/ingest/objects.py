"""Recordings in object storage (s3://, gs://): listed, and fetched into the library's folder when their turn comes.

    mirror = Mirror(library.folder / OBJECTS, listed("s3://archive/interviews"))
    for file in mirror.objects:
        mirror.fetch(file)

Endpoint and credentials are those of the environment, as the tools of the storage have them. A file that was fetched
has the size and the time of change of its object: as long as that is so, it is not fetched again.
"""

import errno
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from clasp.errors import AudioError, ClaspError, DataError, LibraryError
from clasp.filenames import comparable, readable, suffix
from clasp.files import whole_file
from index.ingest.encodings import LARGEST
from index.ingest.files import must_not_be_larger
from index.ingest.sidecars import FOLDER_TABLE
from index.ingest.sidecars import SUFFIXES as TEXTS

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

SCHEMES = ("s3", "gs")
PATIENCE = timedelta(minutes=1)  # for Google's storage; that of S3 is asked three times
BLOCK = 2**20  # bytes
TOGETHER = 8  # texts that are fetched at the same time
LONGEST = 200  # letters of what an error says
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
CREDENTIALS = "the credentials in the environment are missing or wrong, or do not allow it"
UNREACHABLE = "its server cannot be reached"
REASONS = {  # by what the errors of both kinds of storage have in them, the surest first
    "Error NO_SUCH_BUCKET": "there is no such bucket",
    "Error NETWORK_CONNECTION": UNREACHABLE, "not resolve host": UNREACHABLE, "not connect to server": UNREACHABLE,
    **dict.fromkeys(
        ("Error ACCESS_DENIED", "Error INVALID_ACCESS_KEY_ID", "Error SIGNATURE_DOES_NOT_MATCH", "OAuth2 access token",
         "PERMISSION_DENIED", "UNAUTHENTICATED"),
        CREDENTIALS,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class StoredObject:
    """A file in object storage."""

    address: str  # s3://bucket/folder/talk.mp3
    size: int  # bytes
    changed: int  # when, in seconds since 1970

    @property
    def name(self) -> str:
        """The last part of its address."""
        return self.address.rpartition("/")[2]

    @property
    def place(self) -> Path | None:
        """Its path in a folder of objects, such as s3/bucket/folder/talk.mp3; None where its address makes none."""
        scheme, path = _parts(self.address)
        parts = (scheme, *path.split("/"))
        return Path(*parts) if Path(*parts).parts == parts and ".." not in parts and "\0" not in path else None

    def is_at(self, file: Path) -> bool:
        """Whether a file is what was fetched of it."""
        try:
            status = file.stat()
        except OSError:
            return False
        return (status.st_size, int(status.st_mtime)) == (self.size, self.changed)

    def fetch(self, file: Path) -> None:
        """Write it to a file, whole or not at all.

        Raises:
            AudioError: if it cannot be read, or changes meanwhile.
            OSError: if it cannot be written.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as path:
            with path.open("wb") as target:
                for block in self._blocks():
                    target.write(block)
            if path.stat().st_size != self.size:
                raise AudioError(f"{readable(self.name)} changed while it was read: add it again.")
            os.utime(path, (self.changed, self.changed))

    def _blocks(self) -> Iterator[bytes]:
        scheme, path = _parts(self.address)
        try:
            with _storage(scheme, path).open_input_stream(path) as source:
                while block := source.read(BLOCK):
                    yield block
        except (OSError, ValueError) as error:
            raise AudioError(f"{readable(self.address)} cannot be read: {_reason(error)}.") from error


class Mirror:
    """A folder in which recordings and texts lie as in object storage, once they are fetched.

    Attributes:
        objects: the recordings, by the path that each has once it is here.
        folders: in which they will lie.
        remarks: what could not be fetched of the texts beside them, a sentence each.
    """

    def __init__(
        self, folder: Path, recordings: Sequence[StoredObject] = (), texts: Sequence[StoredObject] = ()
    ) -> None:
        """Nothing is fetched yet.

        Args:
            folder: absolute.
            recordings: objects that have a place.
            texts: transcripts and tables that lie beside these; they have places, too.
        """
        self.objects = {folder / one.place: one for one in recordings if one.place}
        self.folders = tuple({file.parent for file in self.objects})
        self._texts: dict[Path, dict[Path, StoredObject]] = defaultdict(dict)  # by folder
        for one in texts:
            if one.place:
                self._texts[(folder / one.place).parent][folder / one.place] = one
        self.remarks: list[str] = []

    def has(self, file: Path) -> bool:
        """Whether a file was fetched and is still what is in the storage."""
        return file in self.objects and self.objects[file].is_at(file)

    def fetch(self, file: Path) -> None:
        """Fetch a recording, and what lies beside it and in folders above, unless they are here or none of these.

        Raises:
            AudioError: if the recording is too large or cannot be read.
            LibraryError: if there is no room for it.
        """
        stored = self.objects.get(file)
        if stored is None:
            return
        for folder in (file.parent, *file.parent.parents):
            self._fetch_texts(folder)
        if not stored.is_at(file):
            must_not_be_larger(stored.name, stored.size)
            _fetch(stored, file)

    def _fetch_texts(self, folder: Path) -> None:
        missing = {file: one for file, one in self._texts.pop(folder, {}).items() if not one.is_at(file)}
        if not missing:
            return
        with ThreadPoolExecutor(TOGETHER) as threads:
            self.remarks += filter(None, threads.map(_remark, missing.values(), missing))


def normal_address(address: str) -> str:
    """An address as those of objects are written: without a slash at the end, for one."""
    return "://".join(_parts(address))


def listed(address: str) -> list[StoredObject]:
    """What is at an address: all that lies below a folder; or a single file, and the texts that may be about it.

    Raises:
        ClaspError: if pyarrow is not installed.
        DataError: if there is nothing, or it cannot be looked at.
    """
    scheme, path = _parts(address)
    if not path:
        raise DataError(f"{address} names no bucket: write an address such as s3://bucket/folder.")
    try:
        storage = _storage(scheme, path)
        found = _below(storage, path)
        if not found:
            (itself,) = storage.get_file_info([path])
            if not itself.is_file:
                raise DataError(f"There is nothing at {readable(address)}: give the address of a folder or a file.")
            folder = path.rpartition("/")[0]
            about = (comparable(Path(path).stem), FOLDER_TABLE)
            beside = _below(storage, folder, recursive=False)
            found = [itself, *(one for one in beside if _is_text(one) and comparable(one.base_name).startswith(about))]
    except (OSError, ValueError) as error:
        raise DataError(f"{readable(address)} cannot be read: {_reason(error)}.") from error
    found.sort(key=lambda one: one.path)
    return [StoredObject(f"{scheme}://{one.path}", one.size, int(one.mtime.timestamp())) for one in found]


@contextmanager
def fetched(stored: StoredObject) -> Iterator[Path]:
    """A file with what is in an object, until the end of the block.

    Raises:
        AudioError: if it is too large, or cannot be read.
        OSError: if it cannot be written.
    """
    must_not_be_larger(stored.name, stored.size)
    folder = Path(tempfile.mkdtemp(prefix="clasp-"))
    try:
        stored.fetch(folder / stored.name)
        yield folder / stored.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _below(storage: "FileSystem", path: str, *, recursive: bool = True) -> "list[FileInfo]":
    """The files in a folder, without the empty ones that stand for folders; none where there is no such folder."""
    from pyarrow.fs import FileSelector

    try:
        found = storage.get_file_info(FileSelector(path, recursive=recursive))
    except FileNotFoundError:
        return []
    folders = {one.path for one in found if not one.is_file}
    return [one for one in found if one.is_file and (one.size or one.path not in folders)]


def _is_text(found: "FileInfo") -> bool:
    return suffix(found.base_name) in TEXTS


def _remark(stored: StoredObject, file: Path) -> str:
    """Fetch a text. Returns a sentence on what went wrong, '' if nothing did."""
    if stored.size > LARGEST:
        return f"{readable(stored.name)} is larger than {LARGEST / 2**20:g} MiB: shorten it."
    try:
        _fetch(stored, file)
    except AudioError as error:
        return str(error)
    except OSError as error:
        return f"{readable(stored.address)} cannot be stored: {error.strerror or error}."
    return ""


def _fetch(stored: StoredObject, file: Path) -> None:
    try:
        stored.fetch(file)
    except OSError as error:
        if error.errno in FULL:
            raise LibraryError(
                f"{readable(stored.name)} cannot be stored in {file.parent}: {error.strerror}."
            ) from error
        raise


def _parts(address: str) -> tuple[str, str]:
    """Scheme, in lower case, and path with the bucket of an address."""
    scheme, _, path = address.partition("://")
    return scheme.lower(), path.strip("/")


def _storage(scheme: str, path: str) -> "FileSystem":
    """What reads a bucket.

    Raises:
        ClaspError: if pyarrow is not installed.
        OSError: if the bucket cannot be found.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    try:
        return _file_system(scheme, path.partition("/")[0], endpoint)
    except ImportError as error:
        raise ClaspError(f"{scheme}:// needs pyarrow: pip install 'clasp-search[objects]'.") from error


@cache
def _file_system(scheme: str, bucket: str, endpoint: str) -> "FileSystem":
    from pyarrow.fs import GcsFileSystem, S3FileSystem, resolve_s3_region

    if scheme == "gs":
        return GcsFileSystem(retry_time_limit=PATIENCE)
    return S3FileSystem(endpoint_override=endpoint) if endpoint else S3FileSystem(region=resolve_s3_region(bucket))


def _reason(error: Exception) -> str:
    """What went wrong, as the end of a sentence without a full stop."""
    if isinstance(error, FileNotFoundError):
        return "it is no longer there"
    text = " ".join(str(error).split()).rstrip(".")
    return next((reason for part, reason in REASONS.items() if part in text), text[:LONGEST])
