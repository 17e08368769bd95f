"""The truth of a library: recordings, segments and vectors in one SQLite database."""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from clasp.speech.transcript import Transcript, Word
from index.records import Recording, Segment, SpeakerEmbeddings
from index.store import full_text
from index.store.bin import Bin
from index.store.feeds import FeedTables
from index.store.queries import RECORDING_COLUMNS, Queries, stored_path
from index.store.saved_searches import SavedSearchTables
from index.store.transcripts import SEGMENTS, TRANSCRIPT
from index.store.watched_folders import WatchedFolderTable

EDITABLE = ("title", "language", "speaker", "category", "date", "tags", "path")  # facts of a recording
SHARED = ("language", "speaker", "category")  # those that its segments repeat


class Database(Queries, Bin, FeedTables, SavedSearchTables, WatchedFolderTable):
    """What is read of a library, and the changes to it, each whole or not at all."""

    def set_model(self, checksum: str, dim: int) -> None:
        """Say which model will make the vectors; once, in a new database."""
        with self._transaction():
            values = (checksum, dim, secrets.token_hex(8))
            self._writer.execute("INSERT INTO library VALUES (1, ?, ?, 0, ?)", values)
            self._writer.execute("INSERT INTO commits SELECT generation, commit_name FROM library")
        self._made_by = (checksum, dim)

    def insert(
        self,
        recordings: Sequence[Recording],
        segments: Sequence[Segment],
        vectors: np.ndarray,
        phones: Sequence[np.ndarray],
        speakers: SpeakerEmbeddings | None = None,
    ) -> list[Segment]:
        """Add all of them, or none; vectors are float32 (number of segments, dim), packed phones uint8
        (phones, TOP_PHONES, 2) for each segment, as are the embeddings of speakers. Returns the segments with their
        ids."""
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        blobs = [vector.tobytes() for vector in units.astype("<f2")]
        write = self._writer.execute
        with self._commit():
            for one in recordings:
                facts = (one.title, one.duration, one.language, one.speaker, one.category, one.text)
                file = (one.added, one.sha256, one.track, one.flaw, one.sidecar, one.done)
                values = (one.id, stored_path(one.path), *facts, one.date, one.tags, *file)
                write(f"INSERT INTO recordings ({RECORDING_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)
            stored = []
            for segment, blob, packed in zip(segments, blobs, phones, strict=True):
                place = (segment.recording, segment.start, segment.end)
                known = (segment.text, segment.language, segment.speaker, segment.category)
                number = write("INSERT INTO segments VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", (*place, *known)).lastrowid
                write("INSERT INTO vectors (segment, vector) VALUES (?, ?)", (number, blob))
                write("INSERT INTO phones VALUES (?, ?)", (number, packed.tobytes()))
                stored.append(replace(segment, id=number or 0))
            if speakers is not None:
                self._write_speaker_embeddings([one.id for one in stored], speakers)
            full_text.refresh(self._writer, [segment.id for segment in stored])
        return stored

    def finish(self, name: str, duration: float, envelope: bytes, flaw: str) -> None:
        """All of a recording has been added; it lasts `duration` seconds and is as loud as `envelope` says."""
        with self._transaction():
            values = (duration, flaw, name)
            self._writer.execute("UPDATE recordings SET done = 1, duration = ?, flaw = ? WHERE id = ?", values)
            self._writer.execute("INSERT OR REPLACE INTO envelopes VALUES (?, ?)", (name, envelope))

    def edit(self, name: str, facts: dict[str, str]) -> None:
        """Change facts of a recording, of those in EDITABLE; its segments follow."""
        with self._commit():
            self._edit(name, facts)
            self._refresh_full_text(name)

    def _edit(self, name: str, facts: dict[str, str]) -> None:
        for fact, value in facts.items():
            if fact not in EDITABLE:
                raise ValueError(f"The {fact} of a recording cannot be edited.")
            kept = stored_path(Path(value)) if fact == "path" else value
            self._writer.execute(f"UPDATE recordings SET {fact} = ? WHERE id = ?", (kept, name))
            if fact in SHARED:
                self._writer.execute(f"UPDATE segments SET {fact} = ? WHERE recording = ?", (value, name))

    def apply_sidecar(
        self, name: str, facts: dict[str, str], segments: Sequence[Segment], text: str | None, sidecar: str
    ) -> None:
        """Take up what lies beside a recording: facts, of those in EDITABLE, texts and speakers of segments, the whole
        text where it is given."""
        with self._commit():
            self._edit(name, facts)
            if text is not None:
                self._writer.execute("UPDATE recordings SET text = ? WHERE id = ?", (text, name))
            self._writer.executemany(
                "UPDATE segments SET text = ?, speaker = ? WHERE id = ?",
                [(one.text, one.speaker, one.id) for one in segments],
            )
            self._writer.executemany("UPDATE direct SET fused = 0 WHERE segment = ?", [(one.id,) for one in segments])
            self._writer.execute("UPDATE recordings SET sidecar = ? WHERE id = ?", (sidecar, name))
            self._refresh_full_text(name)

    def remove(self, name: str, before: Callable[[], None] = lambda: None) -> np.ndarray:
        """Take out a recording and all that belongs to it, once `before` was done, while nobody else writes. Returns
        the ids of its segments, int64, ascending."""
        with self._commit():
            before()
            ids = self._writer.execute("SELECT id FROM segments WHERE recording = ? ORDER BY id", (name,)).fetchall()
            self._writer.execute("DELETE FROM recordings WHERE id = ?", (name,))
        with self._errors():
            self._writer.executescript("PRAGMA incremental_vacuum")  # `execute` would free a single page
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # gives the space back
        return np.array(ids, np.int64).reshape(-1)

    def restore(self, name: str) -> bool:
        """Copy a recording from the bin, where it stays. Returns whether it is there, with vectors of this model."""
        with self.restoring():
            there = self.copy_from_bin(name)
            self._refresh_full_text(name)
        return there

    def store_transcripts(self, ids: Sequence[int], transcripts: Sequence[Transcript], transcriber: str) -> None:
        """Keep what a machine has transcribed, word times in seconds of the recording. Where a transcript has come with
        the segment meanwhile, or the segment is gone, nothing is changed."""
        with self._transaction():
            for number, one in zip(ids, transcripts, strict=True):
                values = (
                    one.text, one.language, _stored_words(one.words), one.log_probability,
                    one.compression_ratio, one.no_speech, transcriber, number,
                )  # fmt: skip
                self._writer.execute(
                    "INSERT OR REPLACE INTO transcripts SELECT id, ?, ?, ?, ?, ?, ?, ?, 0 FROM segments "
                    "WHERE id = ? AND text = ''", values,
                )  # fmt: skip
                self._writer.execute("UPDATE direct SET fused = 0 WHERE segment = ?", (number,))
            full_text.refresh(self._writer, ids)

    def outdate_transcripts(self) -> None:
        """Have all that machines have transcribed transcribed again; until then it stays."""
        with self._transaction():
            self._writer.execute("UPDATE transcripts SET outdated = 1")

    def correct(self, number: int, text: str | None, words: Sequence[Word], before: str) -> bool:
        """Keep what a person has corrected, word times in seconds of the recording; None takes a correction back.
        Returns whether that was done: nothing is changed where the transcript has other words than `before`."""
        with self._transaction():
            query = f"SELECT {TRANSCRIPT} FROM {SEGMENTS} WHERE segments.id = ?"
            now = self._writer.execute(query, (number,)).fetchone()
            if now is None or now[0].split() != before.split():
                return False
            if text is None:
                self._writer.execute("DELETE FROM corrections WHERE segment = ?", (number,))
            else:
                values = (number, text, _stored_words(words))
                self._writer.execute("INSERT OR REPLACE INTO corrections VALUES (?, ?, ?)", values)
            self._writer.execute("UPDATE direct SET fused = 0 WHERE segment = ?", (number,))
            full_text.refresh(self._writer, [number])
        return True

    def carry_corrections(self, earlier: str, later: str) -> None:
        """Copy the corrections of a recording to the segments of another one that have the same times."""
        with self._transaction():
            self._writer.execute(
                "INSERT OR IGNORE INTO corrections SELECT new.id, corrections.text, words FROM corrections "
                "JOIN segments AS old ON old.id = segment JOIN segments AS new USING (start_s, end_s) "
                "WHERE old.recording = ? AND new.recording = ?", (earlier, later),
            )  # fmt: skip
            self._refresh_full_text(later)

    def add_note(self, recording: str, at: float, text: str, tags: Sequence[str]) -> int:
        """Write a note at a second of a recording. Returns its id."""
        with self._transaction():
            values = (recording, at, text, json.dumps(tags, ensure_ascii=False))
            number = self._writer.execute(
                "INSERT INTO notes (recording, at_s, text, tags) VALUES (?, ?, ?, ?)", values
            ).lastrowid
            self._place_notes(recording)
        return number or 0

    def edit_note(self, number: int, text: str, tags: Sequence[str]) -> None:
        """Change what a note says."""
        with self._transaction():
            values = (text, json.dumps(tags, ensure_ascii=False), number)
            self._writer.execute("UPDATE notes SET text = ?, tags = ? WHERE id = ?", values)
            full_text.refresh(self._writer, self._annotated("id = ?", number))

    def remove_note(self, number: int) -> None:
        """Take out a note."""
        with self._transaction():
            segments = self._annotated("id = ?", number)
            self._writer.execute("DELETE FROM notes WHERE id = ?", (number,))
            full_text.refresh(self._writer, segments)

    def carry_notes(self, earlier: str, later: str) -> None:
        """Give the notes of a recording to another one."""
        with self._transaction():
            self._writer.execute("UPDATE notes SET recording = ? WHERE recording = ?", (later, earlier))
            self._place_notes(later)

    def _place_notes(self, recording: str) -> None:
        """Have each note of a recording at the last segment that has begun."""
        last = "SELECT id FROM segments WHERE segments.recording = notes.recording AND start_s <= at_s + 0.05"
        self._writer.execute(
            f"UPDATE notes SET segment = ({last} ORDER BY start_s DESC LIMIT 1) WHERE recording = ?", (recording,)
        )
        full_text.refresh(self._writer, self._annotated("recording = ?", recording))

    def _annotated(self, clause: str, value: str | int) -> list[int]:
        """Ids of the segments that some notes stand at."""
        query = f"SELECT DISTINCT segment FROM notes WHERE segment IS NOT NULL AND {clause}"
        return [number for (number,) in self._writer.execute(query, (value,))]

    def replace_vectors(
        self, ids: Sequence[int], vectors: np.ndarray, direct: np.ndarray, texts: Sequence[str]
    ) -> None:
        """Give segments other unit vectors, float32 (n, dim), which have these transcripts; keep the meanings as they
        were heard, (n, meaning_dim). Segments that are gone are passed over."""
        blobs = [vector.tobytes() for vector in vectors.astype("<f2")]
        meanings = [meaning.tobytes() for meaning in direct.astype("<f2")]
        write = self._writer.execute
        with self._commit():
            for number, blob, meaning, text in zip(ids, blobs, meanings, texts, strict=True):
                write(
                    "UPDATE vectors SET vector = ?, replaced = (SELECT generation + 1 FROM library) WHERE segment = ?",
                    (blob, number),
                )
                write(  # one that was corrected meanwhile is fused again
                    f"INSERT OR REPLACE INTO direct SELECT id, ?, {TRANSCRIPT} = ? FROM {SEGMENTS} WHERE id = ?",
                    (meaning, text, number),
                )

    def store_speaker_embeddings(self, ids: Sequence[int], speakers: SpeakerEmbeddings) -> None:
        """Store embeddings of speakers, of one for each of these segments; what was guessed stays. Segments that are
        gone are passed over."""
        with self._transaction():
            self._write_speaker_embeddings(ids, speakers)

    def _write_speaker_embeddings(self, ids: Sequence[int], speakers: SpeakerEmbeddings) -> None:
        self._writer.executemany(
            "INSERT INTO speaker_embeddings (segment, head, embedding) SELECT id, ?, ? FROM segments WHERE id = ? "
            "ON CONFLICT (segment) DO UPDATE SET head = excluded.head, embedding = excluded.embedding",
            [
                (speakers.head, row.tobytes(), number)
                for number, row in zip(ids, speakers.rows.astype("<f2"), strict=True)
            ],
        )

    def guess_speakers(self, guesses: Mapping[int, str]) -> None:
        """Store who is taken to speak in segments, by id, where nobody has given a speaker."""
        with self._commit():
            self._writer.executemany(
                "UPDATE speaker_embeddings SET guess = ? WHERE segment = ? "
                "AND EXISTS (SELECT 1 FROM segments WHERE id = segment AND speaker = '')",
                [(name, number) for number, name in guesses.items()],
            )
            full_text.refresh(self._writer, list(guesses))

    def set_speakers(self, speakers: Mapping[int, tuple[str, str]]) -> None:
        """Change who speaks in segments, by id: the speaker that is given, and the one that is guessed."""
        with self._commit():
            self._writer.executemany(
                "UPDATE segments SET speaker = ? WHERE id = ?", [(given, n) for n, (given, _) in speakers.items()]
            )
            self._writer.executemany(
                "UPDATE speaker_embeddings SET guess = ? WHERE segment = ?",
                [(guess, number) for number, (_, guess) in speakers.items()],
            )
            self._writer.execute(  # a recording in which one person spoke, and still does
                "UPDATE recordings SET speaker = (SELECT min(speaker) FROM segments WHERE recording = recordings.id) "
                "WHERE speaker != '' "
                "AND id IN (SELECT recording FROM segments JOIN json_each(?) ON segments.id = value) "
                "AND 1 = (SELECT count(DISTINCT speaker) FROM segments WHERE recording = recordings.id)",
                (json.dumps(list(speakers)),),
            )
            full_text.refresh(self._writer, list(speakers))

    def store_recurrences(self, ids: Sequence[int], pairs: Sequence[tuple[int, int, float]], generation: int) -> None:
        """Segments that were compared with those of other recordings, as they were in a generation, and what says the
        same, with its probability. Segments that are gone are passed over."""
        numbers = json.dumps(list(ids))
        with self._transaction():
            self._writer.execute(  # what was found before their vectors were replaced
                "WITH again AS (SELECT segment FROM compared WHERE segment IN (SELECT value FROM json_each(?))) "
                "DELETE FROM recurrences WHERE segment IN again OR other IN again", (numbers,),
            )  # fmt: skip
            self._writer.executemany(
                "INSERT INTO recurrences SELECT min(?1, ?2), max(?1, ?2), ?3 "
                "WHERE (SELECT count(*) FROM segments WHERE id IN (?1, ?2)) = 2 "
                "ON CONFLICT DO UPDATE SET probability = max(probability, excluded.probability)", pairs,
            )  # fmt: skip
            self._writer.execute(
                "INSERT OR REPLACE INTO compared SELECT id, ? FROM segments "
                "WHERE id IN (SELECT value FROM json_each(?))", (generation, numbers),
            )  # fmt: skip

    def _refresh_full_text(self, recording: str) -> None:
        ids = self._writer.execute("SELECT id FROM segments WHERE recording = ?", (recording,)).fetchall()
        full_text.refresh(self._writer, [number for (number,) in ids])


def _stored_words(words: Sequence[Word]) -> str:
    """Words as they are stored, in JSON."""
    rows = [(one.text, round(one.start, 2), round(one.end, 2), round(one.probability, 3)) for one in words]
    return json.dumps(rows, ensure_ascii=False)
