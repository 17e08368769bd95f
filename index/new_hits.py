"""Saved searches, run on what is new in a library, and who is told of what they find.

for one in find_new(library, model):
    print(one.search.name, len(one.hits))
"""

import io
import logging
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import soundfile

import clasp
from clasp.errors import ClaspError, LibraryError
from clasp.settings import current
from index.hit import segment_as_dict
from index.records import SavedHit, SavedSearch
from index.saved_searches import filter_of
from index.search import Query, encode, search

if TYPE_CHECKING:
    from clasp import Clasp
    from index.library import Library

MOST = 100  # hits of a saved search at once
SECONDS = 10.0  # longest that telling somebody may take

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NewHits:
    """What a saved search has found that it had not found before, the likeliest first."""

    search: SavedSearch
    hits: tuple[SavedHit, ...]


def find_new(library: "Library", model: "Clasp") -> list[NewHits]:
    """Run the saved searches of a library on what has come into it, or was transcribed, since they were last run, and
    keep the strong and possible hits. Whoever is to be told of new ones, is.

    Raises:
        LibraryError: if the library cannot be written.
    """
    found = [NewHits(one, hits) for one in library.saved_searches.all() if (hits := _run(library, model, one))]
    if found:
        _announce(library, found)
    return found


def summary(found: Sequence[NewHits]) -> str:
    """One sentence on what was found; '' if nothing was."""
    if not found:
        return ""
    named = ", ".join(f"“{one.search.name}” ({len(one.hits)})" for one in found)
    return f"Saved searches have found something new: {named}."


def _run(library: "Library", model: "Clasp", saved: SavedSearch) -> tuple[SavedHit, ...]:
    """Run one. Returns what it had not found before."""
    segments, generation = library.saved_searches.unsearched(saved.name)
    hits = []
    library.refresh()  # to what has these segments
    if segments:
        try:
            query = _query(library, model, saved)
            answer = search(library, model, query, k=MOST, filters=filter_of(saved, segments))
            hits = [one for one in answer.hits if one.possible]
        except LibraryError:  # it has nothing of the category, language, speaker or tag that is asked for
            pass
        except ClaspError as error:  # such as a model that cannot tell what its scores are worth
            log.warning("The saved search %s was not run: %s", saved.name, error)
            return ()
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    stored = [SavedHit(one.segment.id, round(one.probability, 4), one.strong, now) for one in hits]
    return tuple(library.saved_searches.store(saved.name, stored, segments, generation))


def _query(library: "Library", model: "Clasp", saved: SavedSearch) -> Query:
    """What it looks for; encoded anew if that was done by another model."""
    stored = library.saved_searches.query(saved.name)
    if saved.model == model.checksum:
        return Query(stored.vector, 0.0, stored.phones, saved.text or None, saved.language or None)
    if saved.text:
        query = encode(model, text=saved.text)
    else:
        samples, rate = soundfile.read(io.BytesIO(stored.sound), dtype="float32")
        query = encode(model, waveform=clasp.from_samples(samples, rate))
    library.saved_searches.encode(saved.name, model.checksum, query)
    return query


def _announce(library: "Library", found: Sequence[NewHits]) -> None:
    """Tell whom the settings name. Whatever goes wrong there is logged and disturbs nothing."""
    settings = current()
    try:
        if settings.webhook and not settings.offline:
            import httpx

            facts = {"library": library.folder.resolve().name, "searches": [_as_dict(library, one) for one in found]}
            httpx.post(settings.webhook, json=facts, timeout=SECONDS).raise_for_status()
    except Exception as error:
        log.warning("The webhook was not reached: %s", error)
    try:
        if settings.notify and (command := _notification(summary(found))):
            subprocess.run(command, timeout=SECONDS, check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("The desktop shows no notification: %s", error)


def _as_dict(library: "Library", one: NewHits) -> dict[str, object]:
    segments = {segment.id: segment for segment in library.segments([hit.segment for hit in one.hits])}
    hits = [
        segment_as_dict(segments[hit.segment], library.recording(segments[hit.segment].recording))
        | {"probability": hit.probability, "strong": hit.strong}
        for hit in one.hits
        if hit.segment in segments
    ]
    return {"name": one.search.name, "text": one.search.text, "hits": hits}


def _notification(text: str) -> list[str]:
    """The command that shows a notification on this computer's desktop; empty if there is none."""
    if sys.platform == "darwin":
        script = 'on run argv\ndisplay notification (item 1 of argv) with title "CLASP"\nend run'
        return ["osascript", "-e", script, text]
    program = shutil.which("notify-send")
    return [program, "--app-name=CLASP", "--", "CLASP", text] if program else []
