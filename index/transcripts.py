"""The transcripts that a machine makes of a library's segments.

    library.transcripts.missing()                           # {"interview": [1, 2]}: segments by recording
    library.transcripts.store([1], [transcript], "base")    # by the transcriber of this name
    for count in library.transcripts.fuse(model):
        print(count)

Fused, they improve the vectors of their segments: a transcript is another witness of what is meant.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from clasp.phones.alignment import unpack
from clasp.speech.gate import evidence, stacked
from clasp.speech.transcript import Transcript, Word
from index.indexed_database import IndexedDatabase
from index.model import SpeechEncoder
from index.records import Segment

FUSED_AT_ONCE = 2_000  # segments whose transcripts are taken in with one commit


class LibraryTranscripts:
    """Machine transcripts of one library; its segments are given by id."""

    def __init__(self, indexed: IndexedDatabase, meaning_dim: int) -> None:
        self._indexed = indexed
        self._database = indexed.database
        self._meaning_dim = meaning_dim

    def missing(self) -> dict[str, list[int]]:
        """The segments that still lack a transcript, in the order of time, by recording."""
        return self._database.untranscribed()

    def machine(self, segments: Sequence[int]) -> dict[int, Transcript]:
        """The machine transcripts that there are of segments, by id; word times in seconds of the recording."""
        return self._database.transcripts(segments)

    def language_seconds(self, recording: str) -> dict[str, float]:
        """Seconds of a recording that were transcribed in each language, as ISO 639."""
        return self._database.detected_languages(recording)

    def store(self, segments: Sequence[int], transcripts: Sequence[Transcript], transcriber: str) -> None:
        """Store what the transcriber of this name has made of segments, word times in seconds of the recording. It
        never takes the place of a transcript that came with a recording. A recording whose language is not stated is
        in the one that is recognized, once that is clear."""
        with self._indexed.writing() as database:
            recognized = database.store_transcripts(segments, transcripts, transcriber)
            if recognized:
                self._indexed.follow(lambda before: before.spoken_in(recognized, database.version()))

    def outdate(self) -> None:
        """Have everything that a machine has transcribed transcribed again; until then it stays."""
        with self._indexed.writing() as database:
            database.outdate_transcripts()

    def words(self, segments: Sequence[int]) -> dict[int, tuple[Word, ...]]:
        """The words of the transcripts that segments have, by id, in seconds of the recording; only of those with known
        times: a machine's, also where a person has corrected it."""
        return self._database.words(segments)

    def fuse(self, model: SpeechEncoder, segments: Sequence[int] | None = None) -> Iterator[int]:
        """Take transcripts into the vectors that lack them (default: all); yields how many it has been, after each
        commit.

        No sound is encoded again. It may be stopped: what is left is done the next time.
        """
        self._indexed.must_be_writable()
        done = 0
        while ids := self._database.unfused(FUSED_AT_ONCE, segments):
            self._indexed.refresh(wait=True)
            table, known = self._indexed.index.segments, self._database.segments(ids)
            present = np.isin(ids, table.ids)
            ids = [number for number, there in zip(ids, present, strict=True) if there and number in known]
            if not ids:
                continue  # they were removed meanwhile
            vectors = table.vectors[np.searchsorted(table.ids, ids)].astype(np.float32)
            halves = vectors[:, : self._meaning_dim]
            lengths = np.linalg.norm(halves, axis=1, keepdims=True)
            direct = halves / np.maximum(lengths, 1e-6)  # the meaning as the speech encoder gave it
            stored = self._database.direct(ids, self._meaning_dim)
            for row, number in enumerate(ids):
                direct[row] = stored.get(number, direct[row])
            texts = [known[number].transcript for number in ids]
            vectors[:, : self._meaning_dim] = lengths * model.fuse(direct, texts, self._evidence(ids, known))
            with self._indexed.writing() as database:
                database.replace_vectors(ids, vectors, direct, texts)
                self._indexed.follow()
            done += len(ids)
            yield done

    def _evidence(self, ids: list[int], segments: dict[int, Segment]) -> np.ndarray:
        """What the gate goes by, see `clasp.speech.gate.stacked`."""
        machine, phones = self._database.transcripts(ids), self._database.phones(ids)
        rows = []
        for number in ids:
            segment, packed = segments[number], phones.get(number)
            recognized = np.zeros((0, 1), np.float32) if packed is None else unpack(packed)
            if segment.transcript_source in ("corrected", "supplied") or number not in machine:
                trusted = Transcript(segment.transcript, segment.language)
                rows.append(evidence(trusted, recognized, supplied=True))
            else:
                rows.append(evidence(machine[number], recognized))
        return stacked(rows)
