"""What a library knows of: recordings, and the utterances in them."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Recording:
    """An audio file. What is unknown is ''."""

    id: str
    path: Path  # relative to the library's audio folder, or absolute; absolute when it comes from a library
    title: str
    duration: float  # seconds
    language: str = ""  # BCP-47
    voice: str = ""  # or speaker
    category: str = ""
    text: str = ""
    date: str = ""  # when it was recorded, ISO 8601
    added: str = ""  # when it was added, ISO 8601, UTC
    sha256: str = ""  # of the file
    track: int = 0  # number of its sound track in the file, from 1; 0: chosen as clasp.audio does
    flaw: str = ""  # one sentence: what of the file could not be read
    done: bool = True  # False: only a first part has been added, and the duration is that part's


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording: one utterance. Its id is given by the library; before that it is 0."""

    id: int
    recording: str  # id
    start: float  # seconds
    end: float
    text: str = ""
    language: str = ""  # BCP-47
    voice: str = ""
    category: str = ""

    @property
    def name(self) -> str:
        """Recording and start: names the segment in files that outlive a database."""
        return f"{self.recording}@{self.start:.2f}"
