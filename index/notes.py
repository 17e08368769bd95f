"""Notes at moments of recordings, with tags.

    note = library.notes.add("interview", 61.2, "The flood of 1962", "flood, harbour")
    library.notes.edit(note.id, "The flood of February 1962", "flood")
    library.notes.remove(note.id)

Whoever searches for the words of a note finds the utterance that it stands at.
"""

import math
from collections.abc import Sequence

from clasp.errors import DataError, LibraryError
from index.indexed_database import IndexedDatabase
from index.metadata import line, tags
from index.records import Note

LONGEST = 5_000  # characters of a note


class LibraryNotes:
    """The notes of one library; its recordings are given by id, and so are notes."""

    def __init__(self, indexed: IndexedDatabase) -> None:
        self._indexed = indexed

    def of(self, recording: str) -> list[Note]:
        """The notes of a recording, in the order of time."""
        return self._indexed.database.notes(recording)

    def add(self, recording: str, at: float, text: str, tags: str = "") -> Note:
        """Write a note at a second of a recording; it belongs to the last utterance that has begun then, or else to the
        first.

        Args:
            tags: with commas between them.

        Raises:
            DataError: if the note says nothing, or something is too long.
            LibraryError: if there is no such recording or moment, or the library is for searching only.
        """
        checked = _checked(text, tags)
        with self._indexed.writing() as database:
            known = database.recording(recording)
            if known is None or not math.isfinite(at) or not 0 <= at <= known.duration:
                raise LibraryError("There is no such moment in this library: reload the page.")
            return self._existing(database.add_note(recording, round(at, 2), *checked))

    def edit(self, note: int, text: str, tags: str = "") -> Note:
        """Change what a note says; its moment stays. Raises as `add` does."""
        checked = _checked(text, tags)
        with self._indexed.writing() as database:
            self._existing(note)
            database.edit_note(note, *checked)
            return self._existing(note)

    def remove(self, note: int) -> Note:
        """Take out a note. Returns what it was.

        Raises:
            LibraryError: if there is no such note, or the library is for searching only.
        """
        with self._indexed.writing() as database:
            removed = self._existing(note)
            database.remove_note(note)
        return removed

    def carry(self, earlier: str, later: str) -> None:
        """Give the notes of a recording to another one, made of a later version of the same file."""
        with self._indexed.writing() as database:
            database.carry_notes(earlier, later)

    def _existing(self, number: int) -> Note:
        note = self._indexed.database.note(number)
        if note is None:
            raise LibraryError("This note is no longer there: reload the page.")
        return note


def _checked(text: str, given: str) -> tuple[str, Sequence[str]]:
    text, found = line(text, LONGEST), tags(given)
    if not text and not found:
        raise DataError("A note needs a text or a tag: write one.")
    return text, found
