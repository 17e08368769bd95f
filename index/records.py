"""What a library knows of: recordings, the utterances in them, what is said in these, and notes."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Recording:
    """An audio file. What is unknown is ''."""

    id: str
    path: Path  # relative to the library's audio folder, or absolute; absolute when it comes from a library
    title: str
    duration: float  # seconds
    language: str = ""  # BCP-47; where nobody has stated it, what is recognized
    speaker: str = ""
    category: str = ""
    text: str = ""
    date: str = ""  # when it was recorded, ISO 8601
    tags: str = ""  # with commas between them, see `index.metadata.tags`
    added: str = ""  # when it was added, ISO 8601, UTC
    sha256: str = ""  # of the file
    track: int = 0  # number of its sound track in the file, from 1; 0: chosen as clasp.audio.decode does
    flaw: str = ""  # one sentence: what of the file could not be read
    sidecar: str = ""  # what lay beside it when it was added last, see `index.ingest.sidecars.Sidecar.summary`
    done: bool = True  # False: only a first part has been added, and the duration is that part's
    language_recognized: bool = False  # whether the language is that of the transcripts that machines made

    @property
    def as_stated(self) -> "Recording":
        """The same, without what was recognized in it."""
        return replace(self, language="", language_recognized=False) if self.language_recognized else self


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording: one utterance. Its id is given by the library; before that it is 0."""

    id: int
    recording: str  # id
    start: float  # seconds
    end: float
    text: str = ""  # the transcript that came with the recording
    language: str = ""  # BCP-47, that of its recording
    speaker: str = ""
    category: str = ""
    machine_text: str = ""  # the transcript that a machine made where none came with the recording
    confidence: float | None = None  # of the machine's, 0 to 1; None where it is not the transcript
    detected: str = ""  # the language that the machine detected, ISO 639
    corrected: str | None = None  # the transcript as a person has corrected it; '' where nothing is spoken
    speaker_guessed: bool = False  # whether the speaker is a guess by the sound, see `index.diarization`
    language_recognized: bool = False  # as of its recording

    @property
    def transcript(self) -> str:
        """What is said in it, as far as that is known."""
        return self.original if self.corrected is None else self.corrected

    @property
    def original(self) -> str:
        """The transcript as it was before a person corrected it."""
        return self.text or self.machine_text

    @property
    def transcript_source(self) -> Literal["corrected", "supplied", "machine", ""]:
        """Where the transcript is from; '' where there is none."""
        if self.corrected is not None:
            return "corrected"
        return "supplied" if self.text else "machine" if self.machine_text else ""

    @property
    def name(self) -> str:
        """Recording and start: names the segment in files that outlive a database."""
        return f"{self.recording}@{self.start:.2f}"


@dataclass(frozen=True)
class TranscriptLink:
    """Where a transcript of an episode can be fetched."""

    address: str
    type: str = ""  # as MIME has it
    language: str = ""  # BCP-47


@dataclass(frozen=True)
class Episode:
    """An entry of a podcast feed that has sound. What is unknown is ''."""

    guid: str  # what it is known by within its feed
    address: str  # of its sound
    title: str = ""
    date: str = ""  # ISO 8601
    category: str = ""
    language: str = ""  # BCP-47
    type: str = ""  # of its sound, as MIME has it
    transcripts: tuple[TranscriptLink, ...] = ()
    done: bool = False  # whether it is in the library, or cannot be read
    recording: str = ""  # id of the recording that was made of it, which may have been removed since
    problem: str = ""  # one sentence: why it could not be taken up


@dataclass(frozen=True)
class Feed:
    """A podcast feed that a library follows."""

    address: str
    title: str = ""
    etag: str = ""  # what the server gave to ask whether there is anything new
    modified: str = ""  # likewise
    checked: str = ""  # when it was last looked at, ISO 8601, UTC
    problem: str = ""  # one sentence: why it could not be read then
    episodes: int = 0  # how many are known
    waiting: int = 0  # of these, not taken up yet


@dataclass(frozen=True)
class SavedSearch:
    """A search that is run again on whatever is new in a library."""

    name: str
    text: str  # '' of a spoken one
    language: str = ""  # of the text, BCP-47
    filters: str = "{}"  # JSON: the fields of an `index.filters.Filter`
    model: str = ""  # checksum of the model by which it was encoded
    created: str = ""  # ISO 8601, UTC
    found: int = 0  # how many hits it has
    unseen: int = 0  # of these, not seen yet


@dataclass(frozen=True, eq=False)
class StoredQuery:
    """What a saved search looks for, as a model has encoded it."""

    vector: np.ndarray  # float32 (dim,), unit length
    phones: np.ndarray  # float32 (n, inventory), distributions
    sound: bytes = b""  # of a spoken one: FLAC


@dataclass(frozen=True)
class SavedHit:
    """A segment that a saved search has found."""

    segment: int
    probability: float
    strong: bool
    found: str = ""  # when, ISO 8601, UTC
    seen: bool = False


@dataclass(frozen=True)
class WatchedFolder:
    """A folder whose recordings are taken up as they come in, while the app is open."""

    path: Path  # absolute
    happened: str = ""  # when something last did, ISO 8601, UTC
    outcome: str = ""  # one sentence: what


@dataclass(frozen=True, eq=False)
class SpeakerEmbeddings:
    """Who speaks in n segments, as a speaker head has it, see `clasp.speech.speaker`."""

    head: str  # its checksum
    rows: np.ndarray  # float (n, dim), unit rows


@dataclass(frozen=True)
class Note:
    """What a person has noted at a moment of a recording."""

    id: int
    recording: str  # id
    at: float  # seconds
    text: str
    tags: tuple[str, ...] = ()
    segment: int | None = None  # id of the segment it stands at; None before the first one

    @property
    def summary(self) -> str:
        """Text and tags: "The ferry is late. #ferry #fog"."""
        return " ".join([*filter(None, [self.text]), *(f"#{tag}" for tag in self.tags)])
