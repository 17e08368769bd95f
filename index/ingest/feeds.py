"""Podcast feeds into a library: what is new in them is fetched and added like any other recording.

    follow(library, "https://example.org/feed.xml")
    for progress in update(library, model):
        print(progress.done, progress.total, progress.current)

Episodes are put into the library's folder, with what the feed says of them beside them while they are added: title,
category, language, date, and a transcript. Whoever stops, or is stopped, loses no more than the last minute. A feed or
an episode that cannot be had is named, and tried again the next time.
"""

import csv
import hashlib
import mimetypes
import re
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from clasp.audio.container import SUFFIXES
from clasp.errors import DataError, LibraryError
from clasp.filenames import readable, suffix
from clasp.files import sha256
from index import languages
from index.ingest import transcripts
from index.ingest.downloads import client, document, download, web_address
from index.ingest.encodings import decoded
from index.ingest.feed_formats import parse
from index.ingest.pipeline import Ingestor
from index.library import Library
from index.model import SpeechEncoder
from index.progress import AddProgress, FeedProgress, timed
from index.records import Episode, Feed, TranscriptLink

if TYPE_CHECKING:
    from httpx import Client

DOWNLOADS = "downloads"  # folder in that of the library, of what is being fetched
MIB = 2**20
LONGEST = 50  # characters of a file's name
TRANSCRIPT_TYPES = {  # the suffix of each kind that can be read, the better ones first
    "text/vtt": ".vtt", "application/srt": ".srt", "application/x-subrip": ".srt", "text/srt": ".srt",
    "application/json": ".json", "text/plain": ".txt",
}  # fmt: skip
_COUNTED = ("added", "existing", "updated", "segments", "seconds", "silent", "partial", "remarks")  # of AddProgress
_ENCODING = re.compile(rb"""\A\s*<\?xml[^>]*encoding=["']([\w.-]{2,40})["']""")


def follow(library: Library, address: str) -> Feed:
    """Have a library follow a feed, which is looked at once; `update` fetches its episodes.

    Raises:
        DataError: if the address is none, or there is no feed at it.
        LibraryError: if it is followed already.
    """
    address = web_address(address)
    if any(one.address == address for one in library.feeds.all()):
        raise LibraryError(f"{address} is followed already.")
    with client() as web:
        try:
            _look(library, Feed(address), web)
        except DataError as error:
            raise DataError(f"{address} {error}.") from error
    return library.feeds.get(address)


@timed
def update(
    library: Library, model: SpeechEncoder, addresses: Sequence[str] = ()
) -> Generator[FeedProgress, None, None]:
    """Look whether there is anything new in feeds, and add what has not been taken up yet; yields how far it has come.

    Args:
        addresses: of the feeds; none: of all that the library follows.

    Raises:
        LibraryError: if one of them is not followed, the library cannot be written (is the disk full?), or another
            program is updating its feeds.
    """
    feeds = [library.feeds.get(one) for one in addresses] or library.feeds.all()
    progress = FeedProgress(0)
    with client() as web, _alone(library.folder / DOWNLOADS):
        for feed in feeds:
            yield replace(progress, current=feed.title or feed.address)
            try:
                _look(library, feed, web)
            except DataError as error:
                remark = f"{feed.address} {error}."
                library.feeds.store(replace(feed, checked=_now(), problem=remark))
                progress = replace(progress, remarks=(*progress.remarks, remark))
        _tidy(library)
        waiting = [(feed, episode) for feed in feeds for episode in library.feeds.waiting(feed.address)]
        progress = replace(progress, total=len(waiting))
        for feed, episode in waiting:
            before = progress
            for progress in _take_up(library, model, feed, episode, web, before):
                yield progress
    yield replace(progress, current="", finished=True)


def _look(library: Library, feed: Feed, web: "Client") -> None:
    """Fetch a feed, unless it is as it was, and store what is in it.

    Raises:
        DataError: if it cannot be had, or is none; the reason, as the end of a sentence.
    """
    found = document(web, feed.address, etag=feed.etag, modified=feed.modified)
    if found is None:
        library.feeds.store(replace(feed, checked=_now(), problem=""))
        return
    parsed = parse(_text(found.content), found.address)
    title = parsed.title or urlsplit(feed.address).hostname or feed.address
    known = replace(feed, title=title, etag=found.etag, modified=found.modified, checked=_now(), problem="")
    library.feeds.store(known, parsed.episodes)


def _tidy(library: Library) -> None:
    """Delete what was fetched in part of episodes that no feed has any longer."""
    feeds = library.feeds.all()
    known = {_folder_name(feed, one) for feed in feeds for one in library.feeds.waiting(feed.address)}
    for folder in (library.folder / DOWNLOADS).iterdir():
        if folder.is_dir() and folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)


def _take_up(
    library: Library, model: SpeechEncoder, feed: Feed, episode: Episode, web: "Client", before: FeedProgress
) -> Iterator[FeedProgress]:
    """Fetch an episode and add it; the last progress is the one after it."""
    title = episode.title or episode.address
    folder = library.folder / DOWNLOADS / _folder_name(feed, episode)
    file = folder / _file_name(episode)
    progress = before
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.is_file():
            for size, total in download(web, episode.address, file):
                of = f" of {total / MIB:.0f}" if total else ""
                yield replace(before, current=f"{title} · {size / MIB:.0f}{of} MiB")
        remarks = _describe(episode, file, web)
    except DataError as error:
        reason = f"{error}".strip()
        library.feeds.settle(feed.address, episode.guid, problem=f"It {reason}.", done=False)
        yield replace(before, done=before.done + 1, failed=(*before.failed, (title, f"it {reason}")))
        return
    except OSError as error:
        raise LibraryError(
            f"{readable(title)} cannot be stored in {library.folder}: {error.strerror or error}."
        ) from error
    digest = sha256(file)
    for one in Ingestor(library, model, copy=True).add([file]):
        progress = replace(_sum(before, one), current=title)
        yield progress
    recording = library.recording_of(digest)
    problem = "" if recording else next((reason for _, reason in one.failed), "It cannot be read.")
    library.feeds.settle(feed.address, episode.guid, recording=recording.id if recording else "", problem=problem)
    shutil.rmtree(folder, ignore_errors=True)
    failed = before.failed if recording else (*before.failed, (title, problem))
    yield replace(progress, done=before.done + 1, failed=failed, remarks=(*progress.remarks, *remarks))


def _describe(episode: Episode, file: Path, web: "Client") -> list[str]:
    """Put what the feed says of an episode beside it, and its transcript. Returns remarks on what could not be had."""
    facts = {"file": file.name, "title": episode.title, "category": episode.category, "language": episode.language}
    with file.with_suffix(".csv").open("w", encoding="utf-8", newline="") as table:
        csv.writer(table).writerows(zip(*(facts | {"date": episode.date}).items(), strict=True))
    link = _best_transcript(episode)
    if link is None:
        return []
    try:
        found = document(web, link.address)
    except DataError as error:
        return [f"The transcript of {readable(episode.title or file.name)} {error}."]
    if found is not None:
        file.with_suffix(_transcript_suffix(link)).write_bytes(found.content)
    return []


def _best_transcript(episode: Episode) -> TranscriptLink | None:
    """The transcript that is taken: in the language of the episode if its language is said, in the best format."""
    kinds = list(TRANSCRIPT_TYPES.values())
    suffixes = {one: kind for one in episode.transcripts if (kind := _transcript_suffix(one))}

    def order(one: TranscriptLink) -> tuple[bool, int]:
        other = bool(one.language) and not languages.same(one.language, episode.language)
        return other, kinds.index(suffixes[one]) if suffixes[one] in kinds else len(kinds)

    return min(suffixes, key=order, default=None)


def _transcript_suffix(link: TranscriptLink) -> str:
    """The suffix of a transcript by its kind or else its address; '' if it cannot be read."""
    if link.type and link.type != "application/octet-stream":
        return TRANSCRIPT_TYPES.get(link.type, "")
    kind = suffix(urlsplit(link.address).path)
    return kind if kind in transcripts.READERS else ""


def _folder_name(feed: Feed, episode: Episode) -> str:
    return hashlib.sha256(f"{feed.address}\n{episode.guid}".encode("utf-8", "replace")).hexdigest()[:16]


def _file_name(episode: Episode) -> str:
    """What its file is called while it is added: its title, with the suffix of its address or its kind."""
    path = unquote(urlsplit(episode.address).path)
    guessed = mimetypes.guess_extension(episode.type.partition(";")[0].strip()) or ""
    kind = next((one for one in (suffix(path), guessed) if one in SUFFIXES), "")
    name = " ".join(re.sub(r"[^\w-]+", " ", episode.title).split())[:LONGEST].strip(" -")
    return (name or "episode") + kind


def _sum(before: FeedProgress, one: AddProgress) -> FeedProgress:
    """What came before and how far the adding of an episode has come, together."""
    counts = {name: getattr(before, name) + getattr(one, name) for name in _COUNTED}
    return replace(before, file_seconds=one.file_seconds, **counts)


def _text(content: bytes) -> str:
    """The text of a feed, in the encoding that it says or else looks like."""
    declared = _ENCODING.match(content)
    try:
        return content.decode(declared[1].decode("ascii") if declared else "utf-8")
    except (LookupError, UnicodeDecodeError):
        return decoded(content)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other program fetches into a folder.

    Raises:
        LibraryError: if another one does.
    """
    from filelock import FileLock, Timeout

    folder.mkdir(exist_ok=True)
    try:
        with FileLock(folder / ".lock", blocking=False, thread_local=False):
            yield
    except Timeout as error:
        raise LibraryError("The feeds of this library are being updated already: wait until that is done.") from error
