"""What is said in a recording, as the writers of every format take it.

(transcript,) = of_recordings(library, ["interview"])
for one in transcript.utterances:
    print(one.start, one.end, one.speaker, one.text)
"""

import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from unicodedata import category

from clasp.filenames import readable
from clasp.speech.transcript import Word
from index.records import Note, Recording, Segment

if TYPE_CHECKING:
    from index.library import Library

NOTE = 1_000  # milliseconds of a note that stands at no utterance
NO_XML = "\ufffe\uffff"  # letters that XML forbids, besides control characters


@dataclass(frozen=True)
class Utterance:
    """Something said: texts on one line, times in whole milliseconds of the recording."""

    start: int
    end: int  # later than the start
    text: str
    speaker: str  # '' where it is not known
    words: tuple[Word, ...]  # in seconds; none where no times of words are known

    @property
    def labelled(self) -> str:
        """The text after who says it, "[Anna]: We left at dawn.", as `index.ingest.cues` reads it."""
        name = self.speaker.replace("[", "(").replace("]", ")")
        return f"[{name}]: {self.text}" if name else self.text


@dataclass(frozen=True)
class RecordingTranscript:
    """A recording, or some segments of it, and what is said there."""

    recording: Recording
    segments: tuple[Segment, ...]  # in the order of time
    words: Mapping[int, tuple[Word, ...]]  # by id of the segment, in seconds of the recording
    notes: tuple[Note, ...] = ()  # in the order of time; those at some segments, where only these are exported

    @cached_property
    def utterances(self) -> list[Utterance]:
        """What is said in the segments that have a transcript."""
        return [
            Utterance(*_milliseconds(one), text, one_line(one.speaker), self.words.get(one.id, ()))
            for one in self.segments
            if (text := one_line(one.transcript))
        ]

    @property
    def note_spans(self) -> list[tuple[int, int, Note]]:
        """The notes, with the milliseconds from their moment to the end of the utterance that they stand at."""
        ends = {one.id: _milliseconds(one)[1] for one in self.segments}
        starts = [round(1_000 * note.at) for note in self.notes]
        found = (ends.get(note.segment or 0, 0) for note in self.notes)
        return [
            (start, end if end > start else start + NOTE, note)
            for start, end, note in zip(starts, found, self.notes, strict=True)
        ]

    @property
    def title(self) -> str:
        """Of the recording, on one line."""
        return one_line(self.recording.title)

    @property
    def file(self) -> str:
        """The name of the recording's file; where it lies is nobody else's business."""
        return readable(self.recording.path.name)

    @property
    def media_type(self) -> str:
        """Of that file, by its name; '' where the name does not tell."""
        return mimetypes.guess_type(self.file)[0] or ""

    @property
    def is_film(self) -> bool:
        """Whether there is a picture to the sound."""
        return self.media_type.startswith("video/")


def of_recordings(library: "Library", recordings: Iterable[str]) -> list[RecordingTranscript]:
    """What is said in whole recordings, given by id.

    Raises:
        LibraryError: if there is no such recording.
    """
    return [_transcript(library, one, library.segments_of(one)) for one in dict.fromkeys(recordings)]


def of_segments(library: "Library", segments: Iterable[Segment]) -> list[RecordingTranscript]:
    """What is said in some segments, by recording, in the order in which the recordings come.

    Raises:
        LibraryError: if the recording of one was removed meanwhile.
    """
    chosen: dict[str, dict[int, Segment]] = {}
    for one in segments:
        chosen.setdefault(one.recording, {})[one.id] = one
    return [
        _transcript(library, recording, sorted(found.values(), key=lambda one: (one.start, one.end)))
        for recording, found in chosen.items()
    ]


def one_line(text: str) -> str:
    """A text on one line, without needless spaces and what no text file should have."""
    forbidden = (letter in NO_XML or category(letter) in ("Cc", "Cs") for letter in text)
    return " ".join("".join(" " if no else letter for letter, no in zip(text, forbidden, strict=True)).split())


def _milliseconds(segment: Segment) -> tuple[int, int]:
    start = round(1_000 * segment.start)
    return start, max(start + 1, round(1_000 * segment.end))


def _transcript(library: "Library", recording: str, segments: Sequence[Segment]) -> RecordingTranscript:
    words = library.transcripts.words([one.id for one in segments])
    known, ids = library.recording(recording), {one.id for one in segments}
    whole = len(ids) == library.counts().get(recording, 0)
    notes = tuple(one for one in library.notes.of(recording) if whole or one.segment in ids)
    return RecordingTranscript(known, tuple(segments), words, notes)
