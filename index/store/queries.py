"""What can be asked of a library's database."""

import json
import math
import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clasp.phones.alignment import TOP_PHONES
from clasp.speech.transcript import Transcript, Word
from index.records import Note, Recording, Segment
from index.store.connection import Connection
from index.store.full_text import Found
from index.store.languages import LANGUAGE
from index.store.speakers import GUESSES, SPEAKER
from index.store.statements import execute
from index.store.transcripts import SEGMENTS, TRANSCRIPT
from index.vectors.protocol import Version
from index.vectors.segment_table import CategoricalBuilder, SegmentTable, VectorBuffer

RECORDING_COLUMNS = (
    "id, path, title, duration, language, speaker, category, text, date, tags, "
    "added, sha256, track, flaw, sidecar, done"
)
SEGMENT_COLUMNS = (
    f"id, recording, start_s, end_s, segments.text, {LANGUAGE}, {SPEAKER}, category, "
    "coalesce(transcripts.text, ''), log_probability, coalesce(transcripts.language, ''), corrections.text, "
    f"segments.speaker = '' AND coalesce(guess, '') != '', segments.language = '' AND {LANGUAGE} != ''"
)
FILTERED = ("recording", "category", "language", "speaker", "date", "tags")  # facts that searches are limited to
BLOCK = 4_096  # rows that are read at a time


class Queries(Connection):
    """Reads: versions, recordings, segments, transcripts, and all that searches need at once."""

    def version(self) -> Version:
        """Of what is committed."""
        return Version(*self._read("SELECT model, generation, commit_name FROM library")[0])

    def identity(self) -> str:
        """What distinguishes this library from all others that are no copies of it, hexadecimal."""
        return self._read("SELECT name FROM commits ORDER BY generation LIMIT 1")[0][0]

    def knows(self, version: Version) -> bool:
        """Whether this database was once of that version."""
        query = "SELECT 1 FROM library, commits WHERE model = :model AND commits.generation = :generation "
        return bool(self._read(query + "AND name = :commit", **vars(version)))

    def recording(self, name: str) -> Recording | None:
        """The recording with this id, its path as it was added."""
        return next(iter(self._recordings("WHERE id = :id", id=name)), None)

    def recording_of(self, sha256: str) -> Recording | None:
        """The recording whose file has this checksum."""
        return next(iter(self._recordings("WHERE sha256 = :sha256", sha256=sha256)), None)

    def recordings_at(self, path: Path) -> list[Recording]:
        """The recordings that were added from this path."""
        return self._recordings("WHERE path = :path", path=self._home.stored_path(path))

    def flawed(self) -> list[Recording]:
        """The recordings of which something could not be read."""
        return self._recordings("WHERE flaw != ''")

    def recordings(self, names: Collection[str] | None = None) -> list[Recording]:
        """All of them, or those of these ids that there are, in the order of titles."""
        if names is None:
            return self._recordings("ORDER BY title, id")
        return self._recordings("WHERE id IN :names ORDER BY title, id", names=names)

    def _recordings(self, clause: str, **values: str | bytes | Collection[str]) -> list[Recording]:
        return [
            _recording(row)
            for row in self._read(f"SELECT {RECORDING_COLUMNS}, recognized_language FROM recordings {clause}", **values)
        ]

    def counts(self) -> dict[str, int]:
        """How many segments each recording has, by id; none where it has none."""
        return dict(self._read("SELECT recording, count(*) FROM segments GROUP BY recording"))

    def position(self, name: str) -> float:
        """Seconds of a recording up to which segments are known."""
        return self._read("SELECT coalesce(max(end_s), 0) FROM segments WHERE recording = :name", name=name)[0][0]

    def envelope(self, name: str) -> bytes:
        """How loud a recording is, as it was given to `finish`; empty where it is not known."""
        rows = self._read("SELECT loudness FROM envelopes WHERE recording = :name", name=name)
        return rows[0][0] if rows else b""

    def segments(self, ids: Collection[int]) -> dict[int, Segment]:
        """Those of the segments with these ids that there are, by id, in the order of ids."""
        rows = self._read(f"SELECT {SEGMENT_COLUMNS} FROM {SEGMENTS} {GUESSES} WHERE id IN :ids ORDER BY id", ids=ids)
        return {row[0]: _segment(row) for row in rows}

    def segments_of(self, recording: str) -> list[Segment]:
        """The segments of a recording, in the order of time."""
        rows = self._read(
            f"SELECT {SEGMENT_COLUMNS} FROM {SEGMENTS} {GUESSES} WHERE recording = :name ORDER BY start_s",
            name=recording,
        )
        return [_segment(row) for row in rows]

    def around(self, one: Segment, count: int) -> tuple[list[Segment], list[Segment]]:
        """Up to `count` segments of the same recording before and after one, both in the order of time."""
        query = f"SELECT {SEGMENT_COLUMNS} FROM {SEGMENTS} {GUESSES} WHERE recording = :name AND start_s"
        place = {"name": one.recording, "start": one.start, "count": count}
        before = self._read(f"{query} < :start ORDER BY start_s DESC LIMIT :count", **place)
        after = self._read(f"{query} > :start ORDER BY start_s LIMIT :count", **place)
        return [_segment(row) for row in reversed(before)], [_segment(row) for row in after]

    def phones(self, ids: Collection[int]) -> dict[int, np.ndarray]:
        """Packed phones, uint8 (phones, TOP_PHONES, 2), of those of these segments for which they are known, by id."""
        rows = self._read("SELECT segment, packed FROM phones WHERE segment IN :ids", ids=ids)
        if any(len(blob) % (2 * TOP_PHONES) for _, blob in rows):
            raise self._home.damaged("the phones of a segment are cut short")
        return {number: np.frombuffer(blob, np.uint8).reshape(-1, TOP_PHONES, 2) for number, blob in rows}

    def untranscribed(self) -> dict[str, list[int]]:
        """The segments whose transcript did not come with them and is still to be made, in the order of time, by
        recording; recordings in the order in which they came."""
        rows = self._read(
            f"SELECT recording, segments.id FROM {SEGMENTS} JOIN recordings ON recordings.id = recording "
            "WHERE segments.text = '' AND corrections.text IS NULL AND (transcripts.text IS NULL OR outdated = 1) "
            "ORDER BY added, recording, start_s, end_s"
        )
        found: dict[str, list[int]] = {}
        for recording, number in rows:
            found.setdefault(recording, []).append(number)
        return found

    def transcripts(self, ids: Collection[int]) -> dict[int, Transcript]:
        """What a machine has transcribed of these segments, by id; word times in seconds of the recording."""
        rows = self._read(
            "SELECT segment, text, language, words, log_probability, compression_ratio, no_speech FROM transcripts "
            "WHERE segment IN :ids", ids=ids,
        )  # fmt: skip
        return {
            number: Transcript(text, language, _words(words), *evidence)
            for number, text, language, words, *evidence in rows
        }

    def words(self, ids: Collection[int]) -> dict[int, tuple[Word, ...]]:
        """The words of the transcripts of these segments, in seconds of the recording, where their times are known."""
        rows = self._read(
            "SELECT segments.id, "
            "coalesce(corrections.words, CASE segments.text WHEN '' THEN transcripts.words END, '[]') "
            f"FROM {SEGMENTS} WHERE segments.id IN :ids", ids=ids,
        )  # fmt: skip
        return {number: found for number, words in rows if (found := _words(words))}

    def notes(self, recording: str) -> list[Note]:
        """The notes of a recording, in the order of time."""
        return self._notes("recording = :recording ORDER BY at_s, id", recording=recording)

    def note(self, number: int) -> Note | None:
        """The note with this id."""
        return next(iter(self._notes("id = :id", id=number)), None)

    def _notes(self, clause: str, **values: str | int) -> list[Note]:
        rows = self._read(f"SELECT id, recording, at_s, text, tags, segment FROM notes WHERE {clause}", **values)
        return [
            Note(number, recording, at, text, tuple(json.loads(tags)), segment)
            for number, recording, at, text, tags, segment in rows
        ]

    def detected_languages(self, recording: str) -> dict[str, float]:
        """Seconds of a recording that were transcribed in each language that was detected."""
        return dict(self._read(
            "SELECT transcripts.language, sum(end_s - start_s) FROM transcripts JOIN segments ON id = segment "
            "WHERE recording = :name AND transcripts.text != '' GROUP BY transcripts.language", name=recording,
        ))  # fmt: skip

    def unfused(self, limit: int, among: Collection[int] | None = None) -> list[int]:
        """Some of the segments (`among` these, if given) whose vector lacks the transcript that there is, in the order
        of ids."""
        only = "" if among is None else "AND id IN :ids "
        return [number for (number,) in self._read(
            f"SELECT id FROM {SEGMENTS} LEFT JOIN direct ON direct.segment = id "
            f"WHERE coalesce(fused, 0) = 0 AND (fused = 0 OR {TRANSCRIPT} != '') {only}ORDER BY id LIMIT :limit",
            limit=limit, **({} if among is None else {"ids": among}),
        )]  # fmt: skip

    def uncompared(self) -> list[int]:
        """The segments whose like in other recordings has not been looked for since they have the vector of now."""
        return [number for (number,) in self._read(
            "SELECT vectors.segment FROM vectors LEFT JOIN compared ON compared.segment = vectors.segment "
            "WHERE generation IS NULL OR replaced > generation ORDER BY vectors.segment"
        )]  # fmt: skip

    def recurring(self) -> list[tuple[int, int]]:
        """All pairs of segments that say the same in two recordings."""
        return self._read("SELECT segment, other FROM recurrences")

    def recurrences(self, recording: str) -> list[tuple[int, int, float]]:
        """Segments of a recording, those of others that say the same, and how likely they do; in the order of time."""
        one_way = "SELECT {} AS own, {} AS other, probability FROM recurrences "
        one_way += "JOIN segments ON id = {} WHERE recording = :name"
        ways = (
            one_way.format(*columns) for columns in (("segment", "other", "segment"), ("other", "segment", "other"))
        )
        return self._read(
            f"SELECT own, other, probability FROM ({' UNION ALL '.join(ways)}) AS pairs "
            "JOIN segments AS mine ON mine.id = own "
            "JOIN segments AS theirs ON theirs.id = other ORDER BY mine.start_s, theirs.recording, theirs.start_s",
            name=recording,
        )

    def direct(self, ids: Collection[int], dim: int) -> dict[int, np.ndarray]:
        """Meanings as they were heard, float16 (dim,), of those of these segments whose vectors are fused, by id."""
        rows = self._read("SELECT segment, meaning FROM direct WHERE segment IN :ids", ids=ids)
        if any(len(blob) != 2 * dim for _, blob in rows):
            raise self._home.damaged("the meaning of a segment is cut short")
        return {number: np.frombuffer(blob, "<f2") for number, blob in rows}

    def without_speaker_embedding(self, head: str) -> dict[str, list[int]]:
        """The segments that have no embedding by this speaker head, in the order of time, by recording."""
        rows = self._read(
            f"SELECT recording, segments.id FROM segments {GUESSES} "
            "WHERE coalesce(head, '') != :head ORDER BY recording, start_s", head=head,
        )  # fmt: skip
        found: dict[str, list[int]] = {}
        for recording, number in rows:
            found.setdefault(recording, []).append(number)
        return found

    def unguessed(self) -> list[str]:
        """The recordings, all of which has been added, with segments whose speaker is neither given nor guessed."""
        return [name for (name,) in self._read(
            f"SELECT DISTINCT recording FROM segments JOIN recordings ON recordings.id = recording {GUESSES} "
            "WHERE done = 1 AND segments.speaker = '' AND guess = '' ORDER BY recording"
        )]  # fmt: skip

    def speaker_embeddings(self, ids: Collection[int], head: str) -> dict[int, np.ndarray]:
        """The embeddings by a speaker head, float16 (dim,), that there are of these segments, by id."""
        rows = self._read(
            "SELECT segment, embedding FROM speaker_embeddings "
            "WHERE head = :head AND segment IN :ids", head=head, ids=ids,
        )  # fmt: skip
        return {number: np.frombuffer(blob, "<f2") for number, blob in rows}

    def embeddings_by_speaker(self, head: str) -> list[tuple[str, bytes]]:
        """Who speaks in each segment that has an embedding by a speaker head, given or guessed, and this; float16."""
        return self._read(
            f"SELECT {SPEAKER} AS name, embedding FROM segments {GUESSES} "
            f"WHERE head = :head AND {SPEAKER} != '' ORDER BY name", head=head,
        )  # fmt: skip

    def speakers_of(self, ids: Collection[int]) -> dict[int, tuple[str, str]]:
        """Of these segments, by id: the speaker that was given and the one that was guessed; '' where there is none."""
        rows = self._read(
            f"SELECT segments.id, segments.speaker, coalesce(guess, '') FROM segments {GUESSES} "
            "WHERE segments.id IN :ids", ids=ids,
        )  # fmt: skip
        return {number: (given, guess) for number, given, guess in rows}

    def segments_by(self, speaker: str) -> list[int]:
        """The segments in which somebody speaks, by the name that was given or else guessed, in the order of ids."""
        return [number for (number,) in self._read(
            f"SELECT segments.id FROM segments {GUESSES} WHERE {SPEAKER} = :speaker ORDER BY segments.id",
            speaker=speaker,
        )]  # fmt: skip

    def speakers(self) -> list[tuple[str, bool, int, int, float]]:
        """Everybody who speaks, in the order of names: the name, whether all of it is guessed, the numbers of segments
        and recordings, and seconds."""
        return [(name, bool(guessed), *counts) for name, guessed, *counts in self._read(
            f"SELECT {SPEAKER} AS name, min(CASE segments.speaker WHEN '' THEN 1 ELSE 0 END), count(*), "
            f"count(DISTINCT recording), sum(end_s - start_s) FROM segments {GUESSES} WHERE {SPEAKER} != '' "
            "GROUP BY name ORDER BY name"
        )]  # fmt: skip

    def named_speakers(self) -> list[tuple[str, str]]:
        """Everybody who is said to speak in a recording, as its id and the name, whoever speaks first, first."""
        return self._read(
            "SELECT recording, speaker FROM segments WHERE speaker != '' "
            "GROUP BY recording, speaker ORDER BY recording, min(start_s), speaker"
        )

    def find_words(self, asked: Sequence[str], k: int, allowed: Collection[int] | None = None) -> Found:
        """The `k` segments that have most of the words asked for; see `index.store.full_text`."""
        with self._reading() as connection:
            return self._full_text.find_words(connection, asked, k, allowed)

    def find_phones(self, asked: Sequence[str], k: int, allowed: Collection[int] | None = None) -> list[int]:
        """The `k` segments that have most of the pairs of phones asked for; see `index.store.full_text`."""
        with self._reading() as connection:
            return self._full_text.find_phones(connection, asked, k, allowed)

    def searched_words(self, ids: Collection[int]) -> dict[int, frozenset[str]]:
        """The words of these segments, with those of titles, speakers and notes, as they are searched, by id."""
        with self._reading() as connection:
            return self._full_text.words_of(connection, ids)

    def contents(self, after: int = 0, known: SegmentTable | None = None) -> SegmentTable:
        """Of all segments with ids above `after`, as one state of the database. Of vectors, only those are read that
        are not `known`, or were replaced since; no other segment ever gets the id of one.

        Raises:
            LibraryError: if the database, or a vector in it, is damaged.
        """
        with self._reading() as connection:
            state = execute(connection, "SELECT model, generation, commit_name, dim FROM library")
            *version, dim = state.one()
            self._must_be_of_its_model((version[0], dim))
            segments = execute(
                connection,
                f"SELECT segments.id, recording, segments.category, {LANGUAGE}, {SPEAKER}, date, tags "
                f"FROM segments JOIN recordings ON recordings.id = recording {GUESSES} "
                "WHERE segments.id > :after ORDER BY segments.id", after=after,
            )  # fmt: skip
            parts, columns = [np.empty(0, np.int64)], {name: CategoricalBuilder() for name in FILTERED}
            while block := segments.fetchmany(BLOCK):
                numbers, *facts = zip(*block, strict=True)
                parts.append(np.array(numbers, np.int64))
                for column, names in zip(columns.values(), facts, strict=True):
                    column.add(names)
            ids = np.concatenate(parts)
            if known is None:
                buffer, last, replaced = VectorBuffer(dim, len(ids)), after, [np.empty(0, np.int64)]
            else:
                kept = np.isin(known.ids, ids)
                buffer = known.vectors if kept.all() else known.vectors.selected(kept)
                last = int(known.ids.max(initial=0))
                replaced = [known.replaced[kept]]
                others = execute(
                    connection,
                    "SELECT segment, vector, replaced FROM vectors WHERE replaced > :generation AND segment <= :last "
                    "ORDER BY segment", generation=known.version.generation, last=last,
                ).all()  # fmt: skip
                if others:
                    numbers, blobs, generations = zip(*others, strict=True)
                    places = np.searchsorted(known.ids[kept], numbers)
                    buffer = buffer.replaced(places, self._unpacked(blobs, dim))
                    replaced[0][places] = generations
            vectors = execute(
                connection, "SELECT vector, replaced FROM vectors WHERE segment > :last ORDER BY segment", last=last
            )
            while block := vectors.fetchmany(BLOCK):
                blobs, generations = zip(*block, strict=True)
                buffer = buffer.appended(self._unpacked(blobs, dim))
                replaced.append(np.array(generations, np.int64))
        if len(buffer) != len(ids):
            raise self._home.damaged("there are segments without a vector, or vectors without a segment")
        built = {name: column.build() for name, column in columns.items()}
        return SegmentTable(Version(*version), ids, buffer, built, np.concatenate(replaced))

    def _unpacked(self, blobs: Sequence[bytes], dim: int) -> np.ndarray:
        """Stored vectors, float16 (n, dim)."""
        if any(len(blob) != 2 * dim for blob in blobs):
            raise self._home.damaged("a vector is cut short")
        vectors = np.frombuffer(b"".join(blobs), "<f2").reshape(-1, dim)
        if not are_unit(vectors):
            raise self._home.damaged("a vector is not of unit length")
        return vectors


def _recording(row: tuple) -> Recording:
    """A row of RECORDING_COLUMNS, and the language that is recognized."""
    name, path, *facts, done, recognized = row
    values: list[Any] = [name, Path(os.fsdecode(path)), *facts, bool(done)]
    one = Recording(*values)
    return replace(one, language=recognized, language_recognized=True) if recognized and not one.language else one


def _segment(row: tuple) -> Segment:
    """A row of SEGMENT_COLUMNS."""
    *known, machine_text, log_probability, detected, corrected, guessed, recognized = row
    confidence = math.exp(log_probability) if machine_text and corrected is None else None
    values: list[Any] = [*known, machine_text, confidence, detected, corrected, bool(guessed), bool(recognized)]
    return Segment(*values)


def _words(stored: str) -> tuple[Word, ...]:
    return tuple(Word(*word) for word in json.loads(stored))


def are_unit(vectors: np.ndarray) -> bool:
    """Whether all rows of (n, dim) have unit length, as far as float16 can tell."""
    vectors = vectors.astype(np.float32)
    return bool((np.abs(np.einsum("nd,nd->n", vectors, vectors) - 1) < 0.02).all())  # not so for NaN
