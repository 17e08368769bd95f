"""The truth of a library: recordings, segments and vectors in one database."""

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from clasp.speech.transcript import Transcript, Word
from index.records import Recording, Segment, SpeakerEmbeddings
from index.store.bin import Bin
from index.store.feeds import FeedTables
from index.store.languages import RECOGNIZE
from index.store.queries import RECORDING_COLUMNS, Queries
from index.store.saved_searches import SavedSearchTables
from index.store.statements import insertion
from index.store.transcripts import SEGMENTS, TRANSCRIPT
from index.store.watched_folders import WatchedFolderTable

EDITABLE = ("title", "language", "speaker", "category", "date", "tags", "path")  # facts of a recording
SHARED = ("language", "speaker", "category")  # those that its segments repeat
OF_RECORDING = "AND speaker IN ('', (SELECT speaker FROM recordings WHERE id = :id))"  # not others who speak in it


class Database(Queries, Bin, FeedTables, SavedSearchTables, WatchedFolderTable):
    """What is read of a library, and the changes to it, each whole or not at all."""

    def set_model(self, checksum: str, dim: int) -> None:
        """Say which model will make the vectors; once, in a new database."""
        with self._transaction():
            self._write(
                "INSERT INTO library VALUES (1, :model, :dim, 0, :commit)",
                model=checksum, dim=dim, commit=secrets.token_hex(8),
            )  # fmt: skip
            self._write("INSERT INTO commits SELECT generation, commit_name FROM library")
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
        with self._commit():
            names = RECORDING_COLUMNS.split(", ")
            facts = ({name: getattr(one, name) for name in names} for one in recordings)
            self._write_each(
                insertion("recordings", names),
                [one | {"path": self._home.stored_path(one["path"]), "done": int(one["done"])} for one in facts],
            )
            return self._insert_segments(segments, vectors, phones, speakers)

    def replace_segments(
        self,
        ids: Sequence[int],
        segments: Sequence[Segment],
        vectors: np.ndarray,
        phones: Sequence[np.ndarray],
        speakers: SpeakerEmbeddings | None = None,
    ) -> bool:
        """Put segments in the place of some, all of one recording; otherwise as `insert`. Returns whether that was
        done: nothing is changed where one of them is gone, or was corrected."""
        untouched = "SELECT id FROM segments LEFT JOIN corrections ON segment = id WHERE id IN :ids AND segment IS NULL"
        with self._commit():
            unchanged = len(self._write(untouched, ids=ids).all()) == len(ids)
            if unchanged:
                self._write("DELETE FROM segments WHERE id IN :ids", ids=ids)
                self._insert_segments(segments, vectors, phones, speakers)
                self._place_notes(segments[0].recording)
        return unchanged

    def _insert_segments(
        self,
        segments: Sequence[Segment],
        vectors: np.ndarray,
        phones: Sequence[np.ndarray],
        speakers: SpeakerEmbeddings | None,
    ) -> list[Segment]:
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        blobs = [vector.tobytes() for vector in units.astype("<f2")]
        stored = []
        for segment in segments:
            number = self._write(
                "INSERT INTO segments (recording, start_s, end_s, text, language, speaker, category) "
                "VALUES (:recording, :start, :end, :text, :language, :speaker, :category) RETURNING id",
                recording=segment.recording, start=segment.start, end=segment.end, text=segment.text,
                language="" if segment.language_recognized else segment.language, speaker=segment.speaker,
                category=segment.category,
            ).scalar_one()  # fmt: skip
            stored.append(replace(segment, id=number))
        self._write_each(
            "INSERT INTO vectors (segment, vector) VALUES (:id, :vector)",
            [{"id": one.id, "vector": blob} for one, blob in zip(stored, blobs, strict=True)],
        )
        self._write_each(
            "INSERT INTO phones (segment, packed) VALUES (:id, :packed)",
            [{"id": one.id, "packed": packed.tobytes()} for one, packed in zip(stored, phones, strict=True)],
        )
        if speakers is not None:
            self._write_speaker_embeddings([one.id for one in stored], speakers)
        self._full_text.refresh(self._writer, [segment.id for segment in stored])
        return stored

    def finish(self, name: str, duration: float, envelope: bytes, flaw: str) -> None:
        """All of a recording has been added; it lasts `duration` seconds and is as loud as `envelope` says."""
        with self._transaction():
            self._write(
                "UPDATE recordings SET done = 1, duration = :duration, flaw = :flaw WHERE id = :id",
                duration=duration, flaw=flaw, id=name,
            )  # fmt: skip
            self._write(
                "INSERT INTO envelopes VALUES (:id, :loudness) "
                "ON CONFLICT (recording) DO UPDATE SET loudness = excluded.loudness",
                id=name, loudness=envelope,
            )  # fmt: skip

    def edit(self, name: str, facts: dict[str, str]) -> None:
        """Change facts of a recording, of those in EDITABLE; its segments follow, but for those in which somebody else
        is said to speak."""
        with self._commit():
            self._edit(name, facts)
            self._refresh_full_text(name)

    def _edit(self, name: str, facts: dict[str, str]) -> None:
        for fact, value in facts.items():
            if fact not in EDITABLE:
                raise ValueError(f"The {fact} of a recording cannot be edited.")
            if fact in SHARED:
                only = OF_RECORDING if fact == "speaker" else ""
                self._write(f"UPDATE segments SET {fact} = :value WHERE recording = :id {only}", value=value, id=name)
            stored = self._home.stored_path(Path(value)) if fact == "path" else value
            self._write(f"UPDATE recordings SET {fact} = :value WHERE id = :id", value=stored, id=name)
            if fact == "language":  # whoever says that it is not stated says that what is recognized is wrong
                self._write("UPDATE recordings SET recognized_language = '' WHERE id = :id", id=name)

    def apply_sidecar(
        self, name: str, facts: dict[str, str], segments: Sequence[Segment], text: str | None, sidecar: str
    ) -> None:
        """Take up what lies beside a recording: facts, of those in EDITABLE, texts and speakers of segments, the whole
        text where it is given."""
        with self._commit():
            self._edit(name, facts)
            if text is not None:
                self._write("UPDATE recordings SET text = :text WHERE id = :id", text=text, id=name)
            self._write_each(
                "UPDATE segments SET text = :text, speaker = :speaker WHERE id = :id",
                [{"text": one.text, "speaker": one.speaker, "id": one.id} for one in segments],
            )
            self._write("UPDATE direct SET fused = 0 WHERE segment IN :ids", ids=[one.id for one in segments])
            self._write("UPDATE recordings SET sidecar = :sidecar WHERE id = :id", sidecar=sidecar, id=name)
            self._refresh_full_text(name)

    def remove(self, names: Collection[str], before: Callable[[], None] = lambda: None) -> np.ndarray:
        """Take out recordings and all that belongs to them, once `before` was done, while nobody else writes. Returns
        the ids of their segments, int64, ascending."""
        with self._commit():
            before()
            ids = self._ids_of(names)
            self._write("DELETE FROM recordings WHERE id IN :names", names=names)
        with self._errors():
            self._home.give_back_space(self._engine)
        return np.array(ids, np.int64)

    def restore(self, names: Collection[str]) -> bool:
        """Copy recordings from the bin, where they stay, if all are there with vectors of this model. Returns whether
        they are."""
        with self.restoring():
            there = self.copy_from_bin(names)
            self._full_text.refresh(self._writer, self._ids_of(names))
        return there

    def store_transcripts(
        self, ids: Sequence[int], transcripts: Sequence[Transcript], transcriber: str
    ) -> dict[str, str]:
        """Keep what a machine has transcribed, word times in seconds of the recording. Where a transcript has come with
        the segment meanwhile, or the segment is gone, nothing is changed. Returns the languages of recordings, by id,
        that are recognized by now, and were not."""
        with self._transaction():
            for number, one in zip(ids, transcripts, strict=True):
                self._write("DELETE FROM transcripts WHERE segment IN (SELECT id FROM segments "
                            "WHERE id = :id AND text = '')", id=number)  # fmt: skip
                self._write(
                    "INSERT INTO transcripts SELECT id, :text, :language, :words, :log_probability, "
                    ":compression_ratio, :no_speech, :transcriber, 0 FROM segments WHERE id = :id AND text = ''",
                    text=one.text, language=one.language, words=_stored_words(one.words),
                    log_probability=one.log_probability, compression_ratio=one.compression_ratio,
                    no_speech=one.no_speech, transcriber=transcriber, id=number,
                )  # fmt: skip
            self._write("UPDATE direct SET fused = 0 WHERE segment IN :ids", ids=ids)
            self._full_text.refresh(self._writer, ids)
            if recognized := self._recognize_languages(ids):
                self._make_version()
        return recognized

    def _recognize_languages(self, ids: Sequence[int]) -> dict[str, str]:
        """Have the recordings of some segments, where their language is not stated, in that of their transcripts if
        this is clear. Returns what has changed, by id."""
        query = (
            "SELECT id, recognized_language FROM recordings "
            "WHERE language = '' AND id IN (SELECT recording FROM segments WHERE id IN :ids)"
        )
        before = dict(map(tuple, self._write(query, ids=ids)))
        self._write(f"{RECOGNIZE} AND id IN :names", names=before)
        after = dict(map(tuple, self._write(query, ids=ids)))
        return {name: language for name, language in after.items() if language != before[name]}

    def outdate_transcripts(self) -> None:
        """Have all that machines have transcribed transcribed again; until then it stays."""
        with self._transaction():
            self._write("UPDATE transcripts SET outdated = 1")

    def correct(self, number: int, text: str | None, words: Sequence[Word], before: str) -> bool:
        """Keep what a person has corrected, word times in seconds of the recording; None takes a correction back.
        Returns whether that was done: nothing is changed where the transcript has other words than `before`."""
        with self._transaction():
            query = f"SELECT {TRANSCRIPT} FROM {SEGMENTS} WHERE segments.id = :id"
            now = self._write(query, id=number).one_or_none()
            if now is None or now[0].split() != before.split():
                return False
            if text is None:
                self._write("DELETE FROM corrections WHERE segment = :id", id=number)
            else:
                self._write(
                    "INSERT INTO corrections VALUES (:id, :text, :words) "
                    "ON CONFLICT (segment) DO UPDATE SET text = excluded.text, words = excluded.words",
                    id=number, text=text, words=_stored_words(words),
                )  # fmt: skip
            self._write("UPDATE direct SET fused = 0 WHERE segment = :id", id=number)
            self._full_text.refresh(self._writer, [number])
        return True

    def carry_corrections(self, earlier: str, later: str) -> None:
        """Copy the corrections of a recording to the segments of another one that have the same times."""
        with self._transaction():
            self._write(
                "INSERT INTO corrections SELECT new.id, corrections.text, words FROM corrections "
                "JOIN segments AS old ON old.id = segment JOIN segments AS new USING (start_s, end_s) "
                "WHERE old.recording = :earlier AND new.recording = :later ON CONFLICT (segment) DO NOTHING",
                earlier=earlier, later=later,
            )  # fmt: skip
            self._refresh_full_text(later)

    def add_note(self, recording: str, at: float, text: str, tags: Sequence[str]) -> int:
        """Write a note at a second of a recording. Returns its id."""
        with self._transaction():
            number = self._write(
                "INSERT INTO notes (recording, at_s, text, tags) VALUES (:recording, :at, :text, :tags) RETURNING id",
                recording=recording, at=at, text=text, tags=json.dumps(tags, ensure_ascii=False),
            ).scalar_one()  # fmt: skip
            self._place_notes(recording)
        return number

    def edit_note(self, number: int, text: str, tags: Sequence[str]) -> None:
        """Change what a note says."""
        with self._transaction():
            self._write(
                "UPDATE notes SET text = :text, tags = :tags WHERE id = :id",
                text=text, tags=json.dumps(tags, ensure_ascii=False), id=number,
            )  # fmt: skip
            self._full_text.refresh(self._writer, self._annotated("id", number))

    def remove_note(self, number: int) -> None:
        """Take out a note."""
        with self._transaction():
            segments = self._annotated("id", number)
            self._write("DELETE FROM notes WHERE id = :id", id=number)
            self._full_text.refresh(self._writer, segments)

    def carry_notes(self, earlier: str, later: str) -> None:
        """Give the notes of a recording to another one."""
        with self._transaction():
            self._write("UPDATE notes SET recording = :later WHERE recording = :earlier", later=later, earlier=earlier)
            self._place_notes(later)

    def _place_notes(self, recording: str) -> None:
        """Have each note of a recording at the last segment that has begun, or else at the first."""
        one = "SELECT id FROM segments WHERE segments.recording = notes.recording"
        last = f"{one} AND start_s <= at_s + 0.05 ORDER BY start_s DESC LIMIT 1"
        first = f"{one} ORDER BY start_s LIMIT 1"
        self._write(
            f"UPDATE notes SET segment = coalesce(({last}), ({first})) WHERE recording = :recording",
            recording=recording,
        )
        self._full_text.refresh(self._writer, self._annotated("recording", recording))

    def _annotated(self, column: str, value: str | int) -> list[int]:
        """Ids of the segments that some notes stand at."""
        query = f"SELECT DISTINCT segment FROM notes WHERE segment IS NOT NULL AND {column} = :value"
        return list(self._write(query, value=value).scalars())

    def replace_vectors(
        self, ids: Sequence[int], vectors: np.ndarray, direct: np.ndarray, texts: Sequence[str]
    ) -> None:
        """Give segments other unit vectors, float32 (n, dim), which have these transcripts; keep the meanings as they
        were heard, (n, meaning_dim). Segments that are gone are passed over."""
        blobs = [vector.tobytes() for vector in vectors.astype("<f2")]
        meanings = [meaning.tobytes() for meaning in direct.astype("<f2")]
        with self._commit():
            for number, blob, meaning, text in zip(ids, blobs, meanings, texts, strict=True):
                self._write(
                    "UPDATE vectors SET vector = :vector, replaced = (SELECT generation + 1 FROM library) "
                    "WHERE segment = :id", vector=blob, id=number,
                )  # fmt: skip
                self._write(  # one that was corrected meanwhile is fused again
                    f"INSERT INTO direct SELECT id, :meaning, CASE {TRANSCRIPT} WHEN :text THEN 1 ELSE 0 END "
                    f"FROM {SEGMENTS} WHERE id = :id "
                    "ON CONFLICT (segment) DO UPDATE SET meaning = excluded.meaning, fused = excluded.fused",
                    meaning=meaning, text=text, id=number,
                )  # fmt: skip

    def store_speaker_embeddings(self, ids: Sequence[int], speakers: SpeakerEmbeddings) -> None:
        """Store embeddings of speakers, of one for each of these segments; what was guessed stays. Segments that are
        gone are passed over."""
        with self._transaction():
            self._write_speaker_embeddings(ids, speakers)

    def _write_speaker_embeddings(self, ids: Sequence[int], speakers: SpeakerEmbeddings) -> None:
        self._write_each(
            "INSERT INTO speaker_embeddings (segment, head, embedding) "
            "SELECT id, :head, :embedding FROM segments WHERE id = :id "
            "ON CONFLICT (segment) DO UPDATE SET head = excluded.head, embedding = excluded.embedding",
            [
                {"head": speakers.head, "embedding": row.tobytes(), "id": number}
                for number, row in zip(ids, speakers.rows.astype("<f2"), strict=True)
            ],
        )

    def guess_speakers(self, guesses: Mapping[int, str]) -> None:
        """Store who is taken to speak in segments, by id, where nobody has given a speaker."""
        with self._commit():
            self._write_each(
                "UPDATE speaker_embeddings SET guess = :name WHERE segment = :id "
                "AND EXISTS (SELECT 1 FROM segments WHERE id = segment AND speaker = '')",
                [{"name": name, "id": number} for number, name in guesses.items()],
            )
            self._full_text.refresh(self._writer, list(guesses))

    def set_speakers(self, speakers: Mapping[int, tuple[str, str]]) -> None:
        """Change who speaks in segments, by id: the speaker that is given, and the one that is guessed."""
        with self._commit():
            self._write_each(
                "UPDATE segments SET speaker = :speaker WHERE id = :id",
                [{"speaker": given, "id": number} for number, (given, _) in speakers.items()],
            )
            self._write_each(
                "UPDATE speaker_embeddings SET guess = :guess WHERE segment = :id",
                [{"guess": guess, "id": number} for number, (_, guess) in speakers.items()],
            )
            self._write(  # a recording in which one person spoke, and still does
                "UPDATE recordings SET speaker = (SELECT min(speaker) FROM segments WHERE recording = recordings.id) "
                "WHERE speaker != '' AND id IN (SELECT recording FROM segments WHERE id IN :ids) "
                "AND 1 = (SELECT count(DISTINCT speaker) FROM segments WHERE recording = recordings.id)",
                ids=list(speakers),
            )
            self._full_text.refresh(self._writer, list(speakers))

    def store_recurrences(self, ids: Sequence[int], pairs: Sequence[tuple[int, int, float]], generation: int) -> None:
        """Segments that were compared with those of other recordings, as they were in a generation, and what says the
        same, with its probability. Segments that are gone are passed over."""
        with self._transaction():
            self._write(  # what was found before their vectors were replaced
                "WITH again AS (SELECT segment FROM compared WHERE segment IN :ids) DELETE FROM recurrences "
                "WHERE segment IN (SELECT segment FROM again) OR other IN (SELECT segment FROM again)", ids=ids,
            )  # fmt: skip
            self._write_each(
                "INSERT INTO recurrences SELECT one.id, other.id, :probability FROM segments AS one, segments AS other "
                "WHERE one.id = :one AND other.id = :other ON CONFLICT (segment, other) DO UPDATE SET probability = "
                "CASE WHEN recurrences.probability < excluded.probability THEN excluded.probability "
                "ELSE recurrences.probability END",
                [
                    {"one": min(one, other), "other": max(one, other), "probability": probability}
                    for one, other, probability in pairs
                ],
            )
            self._write(
                "INSERT INTO compared SELECT id, :generation FROM segments WHERE id IN :ids "
                "ON CONFLICT (segment) DO UPDATE SET generation = excluded.generation", generation=generation, ids=ids,
            )  # fmt: skip

    def _refresh_full_text(self, recording: str) -> None:
        self._full_text.refresh(self._writer, self._ids_of([recording]))

    def _ids_of(self, recordings: Collection[str]) -> list[int]:
        query = "SELECT id FROM segments WHERE recording IN :names ORDER BY id"
        return list(self._write(query, names=recordings).scalars())


def _stored_words(words: Sequence[Word]) -> str:
    """Words as they are stored, in JSON."""
    rows = [(one.text, round(one.start, 2), round(one.end, 2), round(one.probability, 3)) for one in words]
    return json.dumps(rows, ensure_ascii=False)
