"""Build the demo library: texts.tsv, written for this project, spoken by synthetic voices.

    python -m clasp demo

A row of texts.tsv is an utterance; `same_as` names another one that it repeats in other words or another
language. Rows of one `recording` are spoken one after the other, with pauses, into one file, each by its `speaker`;
the row whose id is the recording's own is its title, and says in what `room` it sounds. Written beside it:
audio/*.ogg, metadata.tsv (a line per file) and segments.tsv (a line per sentence of a recording). A file whose text and
voice are unchanged stays, so that a build that was interrupted goes on: delete audio/ to have everything spoken anew.

Kokoro speaks for those who have a name (see CAST); robots read what stands alone.

examples.tsv holds queries and the ids they should find; those with a file are spoken into queries/*.ogg,
which are no part of what is searched, and stay where they exist.
"""

import argparse
import csv
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
import soundfile
from rich.progress import track

from clasp.audio.decode import decode
from clasp.errors import ClaspError, DataError
from clasp.files import whole_file, write_text
from clasp.paths import ASSETS
from clasp.phones import inventory
from clasp.text import espeak
from clasp.training.data import synthesis
from clasp.training.data.rooms import in_room
from clasp.training.data.synthesis import Voice

LIBRARY = ASSETS / "library"
MAX_BYTES = 25 * 10**6  # of all that is shipped
RATE = 24_000  # Hz
COMPRESSION = 0.94  # libsndfile's scale: Opus at about 21 kbit/s

CAST = {  # who speaks in the recordings; Whisper hardly understands the German of Kokoro
    "Tom Farrow": Voice("kokoro", "kumo+kumo+tebukuro", "en", 1.0, 42),
    "Ada Lindqvist": Voice("kokoro", "gongitsune", "en", 1.0, 43),
    "Ruth Maddox": Voice("kokoro", "nezumi", "en", 1.05, 53),
    "Grete Huber": Voice("espeak", "de+f2", "de", 0.97, 38),
    "Helen Marsh": Voice("kokoro", "nezumi", "en", 1.05, 50),
    "Rosalind Pike": Voice("kokoro", "gongitsune+tebukuro", "en", 1.0, 42),
    "Daniel Frost": Voice("kokoro", "kumo", "en", 1.05, 48),
    "Clara Benítez": Voice("kokoro", "tebukuro", "es", 1.0, 46),
    "Bram Keller": Voice("kokoro", "kumo+kumo+gongitsune", "en", 1.0, 40),
    "Odette Marlow": Voice("kokoro", "tebukuro", "en", 1.0, 51),
    "Joan Abara": Voice("kokoro", "gongitsune", "en", 1.0, 47),
    "Victor Sloane": Voice("kokoro", "kumo", "en", 1.0, 42),
    "Leila Haddad": Voice("kokoro", "nezumi+tebukuro", "en", 1.05, 54),
    "Mireille Aubry": Voice("kokoro", "kumo+nezumi", "fr", 1.0, 57),
}
ENGLISH_VOICES = (
    ("espeak", "en-us"), ("espeak", "en-us+f2"), ("espeak", "en-us+f3"), ("espeak", "en-us+m3"),
    ("espeak", "en-us+m7"), ("espeak", "en-us+Michael"), ("espeak", "en"), ("espeak", "en+f4"),
    ("espeak", "en-gb-x-rp+m1"), ("espeak", "en-gb-x-rp+f1"), ("flite", "awb"), ("flite", "awb"),
    ("flite", "awb"), ("flite", "rms"), ("flite", "rms"), ("flite", "rms"),
)  # fmt: skip
VARIANTS = ("", "+f1", "+f2", "+f3", "+f4", "+m1", "+m3", "+m7", "+Michael")  # of every other language
RATES = (0.84, 1.1)  # of the robots' own
PITCHES = (34, 67)  # of the robots

LOUDNESS = 0.09  # root mean square
PEAK = 0.9
FAINT = 0.01  # of the peak: quieter than this is a pause
MARGIN = 0.08  # seconds kept around an utterance
PAUSES = (0.5, 0.9)  # seconds between the sentences of a recording
SECONDS_PER_PHONE = (0.045, 0.2)  # what speech takes; outside of it something went wrong


@dataclass(frozen=True)
class Text:
    """A row of texts.tsv."""

    id: str
    category: str
    language: str  # BCP-47 tag
    text: str
    same_as: str  # id, or ""
    recording: str  # id, or "" for an utterance with a file of its own
    speaker: str  # one of CAST, or "" for somebody whose name is unknown
    room: str  # of a recording, one of clasp.training.data.rooms.ROOMS, or ""


@dataclass(frozen=True)
class File:
    """A row of metadata.tsv: an audio file of the library."""

    id: str
    file: str  # relative to the library
    language: str
    speaker: str  # a recording's only one, or ""
    voice: str  # of several speakers, one after the other
    room: str
    category: str
    kind: str  # sentence | recording
    duration: str  # seconds
    text: str  # what is said, or a recording's title


@dataclass(frozen=True)
class Segment:
    """A row of segments.tsv: one sentence of a recording."""

    id: str
    recording: str
    start: str  # seconds
    end: str
    language: str
    speaker: str
    text: str


@dataclass(frozen=True)
class Example:
    """A row of examples.tsv: a query that shows what the library can do."""

    query: str
    language: str
    kind: str  # words | paraphrase | question | cross-lingual | name | moment | spoken
    expected: str  # ids separated by spaces, the best first
    file: str  # of a spoken query, relative to the library, or ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m clasp demo`."""
    parser.add_argument(
        "--library", type=Path, default=LIBRARY, help="folder that holds texts.tsv (default: the one shipped)"
    )


def run(args: argparse.Namespace) -> int:
    """Build the library and print what it holds."""
    files, segments = build(args.library)
    _speak_queries(args.library)
    minutes = sum(float(file.duration) for file in files) / 60
    size = sum((args.library / file.file).stat().st_size for file in files) / 1e6
    languages = len({file.language for file in files})
    print(f"{len(files)} files in {languages} languages: {minutes:.0f} minutes, {size:.1f} MB")
    print(f"{len(segments)} sentences in {len({segment.recording for segment in segments})} recordings")
    return 0


def build(library: Path) -> tuple[list[File], list[Segment]]:
    """Speak what `library`/texts.tsv says; returns the rows of metadata.tsv and segments.tsv.

    Raises:
        DataError: if the texts are malformed, a voice fails, or the audio exceeds 25 MB.
    """
    sentences, recordings = _grouped(read(library / "texts.tsv", Text))
    spoken = {title.id: (title, texts) for title, texts in [(text, [text]) for text in sentences] + recordings}
    files = {file.id: file for file in _built(library / "metadata.tsv", File) if file.id in spoken}
    segments = {segment.id: segment for segment in _built(library / "segments.tsv", Segment)}
    (library / "audio").mkdir(exist_ok=True)
    due = [one for one in spoken.values() if not _is_current(library, *one, files.get(one[0].id), segments)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sounds = pool.map(_trimmed, [text for _, texts in due for text in texts])
        for title, texts in track(due, "Speaking"):
            files[title.id], timed = _recorded(library, title, texts, [next(sounds) for _ in texts])
            segments |= {segment.id: segment for segment in timed}
            _save_tables(library, spoken, files, segments)
    for stale in set((library / "audio").iterdir()) - {library / file.file for file in files.values()}:
        stale.unlink()
    size = sum((library / file.file).stat().st_size for file in files.values())
    if size > MAX_BYTES:
        raise DataError(f"The audio takes {size:,} bytes, over {MAX_BYTES:,}: drop texts or compress more.")
    return _save_tables(library, spoken, files, segments)


def voice(text: Text) -> Voice:
    """The voice that speaks `text`: its speaker's, or one that follows from its id, or its recording's."""
    if text.speaker:
        return replace(CAST[text.speaker], language=text.language)
    digest = hashlib.sha256((text.recording or text.id).encode()).digest()
    draw = np.random.default_rng(list(digest))
    if text.language == "en":
        engine, name = ENGLISH_VOICES[draw.integers(len(ENGLISH_VOICES))]
    else:
        name = espeak.voice_of(text.language) + VARIANTS[draw.integers(len(VARIANTS))]
        engine = "espeak"
    rate, pitch = round(float(draw.uniform(*RATES)), 2), int(draw.integers(*PITCHES))
    return Voice(engine, name, text.language, rate, pitch)


def read(path: Path, row: type) -> list:
    """The rows of a tab-separated file with a header, as `row`s.

    Raises:
        DataError: if it is missing, has other columns, or repeats an id (its first column).
    """
    if not path.is_file():
        raise DataError(f"{path} is missing: the library is built from it.")
    columns = [field.name for field in fields(row)]
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if reader.fieldnames != columns:
            raise DataError(f"{path} has the columns {reader.fieldnames}: expected {columns}.")
        rows = [row(**line) for line in reader]
    ids = [getattr(entry, columns[0]) for entry in rows]
    repeated = sorted({name for name in ids if ids.count(name) > 1})
    if repeated:
        raise DataError(f"{path} says twice: {', '.join(repeated)}.")
    return rows


def _speak_queries(library: Path) -> None:
    for example in read(library / "examples.tsv", Example):
        path = library / example.file
        if example.file and not path.is_file():
            path.parent.mkdir(exist_ok=True)
            query = Text(path.stem, "", example.language, example.query, "", "", "", "")
            _write(path, _joined(query, [_trimmed(query)])[0])


def _built(path: Path, row: type) -> list:
    """Rows of the last build; none where there is none, or one of another layout."""
    try:
        return read(path, row)
    except DataError:
        return []


def _grouped(texts: list[Text]) -> tuple[list[Text], list[tuple[Text, list[Text]]]]:
    """Utterances with a file of their own, and recordings: title and sentences."""
    titles = {text.id: text for text in texts if text.recording == text.id}
    missing = {text.recording for text in texts if text.recording} - titles.keys()
    if missing:
        raise DataError(f"No title for {', '.join(sorted(missing))}: add a row whose id is the recording's.")
    recordings = [
        (title, [text for text in texts if text.recording == title.id and text is not title])
        for title in titles.values()
    ]
    return [text for text in texts if not text.recording], recordings


def _described(title: Text, spoken: list[Text]) -> File:
    """The row of a file that says these sentences, without its duration."""
    speakers = {text.speaker for text in spoken}
    voices = dict.fromkeys(str(voice(text)) for text in spoken)
    return File(
        title.id, f"audio/{title.id}.ogg", title.language, speakers.pop() if len(speakers) == 1 else "",
        " ".join(voices), title.room, title.category, "recording" if title.recording else "sentence", "", title.text,
    )  # fmt: skip


def _is_current(library: Path, title: Text, spoken: list[Text], old: File | None, timed: dict[str, Segment]) -> bool:
    """Whether the file of the last build says the same in the same voices."""
    if old is None or replace(old, duration="") != _described(title, spoken):
        return False
    known = [(one.id, one.language, one.text) for one in timed.values() if one.recording == title.id]
    if title.recording and known != [(text.id, text.language, text.text) for text in spoken]:
        return False
    try:
        return abs(decode(library / old.file).duration - float(old.duration)) < 0.01
    except ClaspError:
        return False


def _recorded(library: Path, title: Text, spoken: list[Text], sounds: list[np.ndarray]) -> tuple[File, list[Segment]]:
    """Write a file of these sentences; its row, and those of its sentences if it is a recording."""
    samples, spans = _joined(title, sounds)
    duration = _write(library / f"audio/{title.id}.ogg", samples)
    timed = [
        Segment(text.id, title.id, f"{start:.2f}", f"{end:.2f}", text.language, text.speaker, text.text)
        for text, (start, end) in zip(spoken, spans, strict=True)
        if title.recording
    ]
    return replace(_described(title, spoken), duration=f"{duration:.2f}"), timed


def _joined(title: Text, sounds: list[np.ndarray]) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Samples of the sentences, one after the other, and where each starts and ends in seconds."""
    draw = np.random.default_rng(list(title.id.encode()))
    parts: list[np.ndarray] = []
    spans: list[tuple[float, float]] = []
    length = 0
    for sound in sounds:
        if parts:
            parts.append(np.zeros(int(draw.uniform(*PAUSES) * RATE), np.float32))
            length += len(parts[-1])
        parts.append(sound)
        spans.append((length / RATE, (length + len(sound)) / RATE))
        length += len(sound)
    samples = np.concatenate(parts)
    if title.room:
        samples = in_room(samples, RATE, title.room, draw)
    gain = min(LOUDNESS / np.sqrt(np.mean(samples**2)), PEAK / np.abs(samples).max())
    return samples * np.float32(gain), spans


def _trimmed(text: Text) -> np.ndarray:
    """`text` in its voice, float32 (n,) at RATE, with MARGIN seconds around what is audible."""
    speaker = voice(text)
    samples = synthesis.speak(text.text, speaker, RATE).samples
    loud = np.flatnonzero(np.abs(samples) > FAINT * np.abs(samples).max())
    margin = int(MARGIN * RATE)
    samples = np.pad(samples[loud[0] : loud[-1] + 1], margin)
    seconds = len(samples) / RATE / len(inventory.from_text(text.text, text.language))
    if not SECONDS_PER_PHONE[0] <= seconds <= SECONDS_PER_PHONE[1]:
        raise DataError(f"{speaker} takes {seconds:.3f} s per sound of {text.id}: change the text or voice.")
    return samples


def _write(path: Path, samples: np.ndarray) -> float:
    """Encode as Ogg Opus, read it back, and return its duration in seconds."""
    with whole_file(path) as partial:
        soundfile.write(partial, samples, RATE, format="OGG", subtype="OPUS", compression_level=COMPRESSION)
        waveform = decode(partial)
        if abs(waveform.duration - len(samples) / RATE) > 0.05 or np.abs(waveform.samples).max() < 0.1:
            raise DataError(f"{path.name} does not read back as it was written.")
    return waveform.duration


def _save_tables(
    library: Path, spoken: dict[str, tuple[Text, list[Text]]], files: dict[str, File], segments: dict[str, Segment]
) -> tuple[list[File], list[Segment]]:
    """Write the rows of what has been spoken, in the order of the texts, and return them."""
    listed = [files[name] for name in spoken if name in files]
    timed = [
        segments[text.id]
        for name, (title, texts) in spoken.items()
        if title.recording and name in files
        for text in texts
        if text.id in segments
    ]
    _save(library / "metadata.tsv", listed, File)
    _save(library / "segments.tsv", timed, Segment)
    return listed, timed


def _save(path: Path, rows: list, row: type) -> None:
    """Write `rows` as a tab-separated file with a header."""
    lines = [[field.name for field in fields(row)], *([*asdict(entry).values()] for entry in rows)]
    write_text(path, "".join("\t".join(line) + "\n" for line in lines))
