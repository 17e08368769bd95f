"""Transcripts of held-out utterances, made once and kept, with the time that they took.

They are the second witness of what is said (see `clasp.speech.gate`) and, alone, the other way to search speech:
transcribe it first, then compare texts. Utterances are transcribed many at a time, so that each has its share of the
time by its duration; what was kept counts with the time that it took when it was made.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from clasp.audio.decode import Waveform
from clasp.evaluation import recognizers, utterances
from clasp.evaluation.recognizers import Recognizer
from clasp.evaluation.utterances import Utterance
from clasp.speech.transcript import Transcript, Word
from clasp.training.data.corpora import batched

CLIPS = 128  # handed to a recognizer at a time


@dataclass(frozen=True)
class TimedTranscript:
    """A transcript that took `seconds`, of `audio_seconds` of sound."""

    transcript: Transcript
    seconds: float
    audio_seconds: float


class Transcripts:
    """What a recognizer makes of utterances, each transcribed once, in its own language."""

    def __init__(self, recognizer: Recognizer, cache: Path = utterances.CACHE) -> None:
        """`cache` is the folder where transcripts are kept, by recognizer and sound."""
        self.recognizer = recognizer
        self._cache = cache
        self._path = cache / f"transcripts-{re.sub(r'[^A-Za-z0-9.-]+', '-', recognizer.name)}.jsonl"
        self._known = dict(_read(self._path))
        self._found: dict[Utterance, TimedTranscript] = {}

    def knows(self, languages: Iterable[str]) -> bool:
        """Whether all of these languages (BCP-47 tags) can be transcribed."""
        return all(recognizers.understands(self.recognizer, language) for language in languages)

    def timed(self, asked: Sequence[Utterance]) -> list[TimedTranscript]:
        """Transcripts of utterances that `utterances.prepare` has made ready; may be interrupted and called again.
        Progress on stderr.

        Raises:
            ModelError: if the recognizer does not know a language.
        """
        missing = [one for one in dict.fromkeys(asked) if one not in self._found]
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("Transcribing", total=len(missing))
            for language in dict.fromkeys(one.language for one in missing):
                for batch in batched([one for one in missing if one.language == language], CLIPS):
                    self._transcribe(batch, language)
                    progress.advance(task, len(batch))
        return [self._found[one] for one in asked]

    def of(self, asked: Sequence[Utterance]) -> list[Transcript]:
        """The same without the time."""
        return [one.transcript for one in self.timed(asked)]

    def _transcribe(self, batch: list[Utterance], language: str) -> None:
        waveforms = list(utterances.waveforms(batch, self._cache))
        keys = [hashlib.sha256(one.samples.tobytes()).hexdigest()[:20] for one in waveforms]
        new = {key: one for key, one in zip(keys, waveforms, strict=True) if key not in self._known}
        if new:
            made = _timed(self.recognizer, new, language)
            self._known |= made
            self._cache.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(_row(key, one), ensure_ascii=False)}\n" for key, one in made.items())
        self._found |= {one: self._known[key] for one, key in zip(batch, keys, strict=True)}


def _timed(recognizer: Recognizer, clips: dict[str, Waveform], language: str) -> dict[str, TimedTranscript]:
    """Transcripts of clips, by their keys; each took its share of the time by its duration."""
    began = time.perf_counter()
    found = recognizer.transcribe(list(clips.values()), language)
    rate = (time.perf_counter() - began) / sum(one.duration for one in clips.values())
    return {
        key: TimedTranscript(transcript, rate * one.duration, one.duration)
        for (key, one), transcript in zip(clips.items(), found, strict=True)
    }


def _row(key: str, one: TimedTranscript) -> dict[str, Any]:
    return {"clip": key, **asdict(one)}


def _read(path: Path) -> Iterator[tuple[str, TimedTranscript]]:
    """Transcripts by clip; a last line that an interruption cut short is left out."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
    for row in (json.loads(line) for line in lines if line.endswith("}\n")):
        fields = row.pop("transcript")
        words = tuple(Word(**word) for word in fields.pop("words"))
        yield row.pop("clip"), TimedTranscript(Transcript(**fields, words=words), **row)
