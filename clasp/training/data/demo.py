"""Build the demo library: texts.tsv, written for this project, spoken by synthetic voices.

    python -m clasp demo

A row of texts.tsv is an utterance; `same_as` names another one that it repeats in other words or another
language. Rows of one `recording` are spoken one after the other, with pauses, into one file; the row whose id
is the recording's own is its title. Written beside it: audio/*.ogg, metadata.tsv (a line per file) and
segments.tsv (a line per sentence of a recording). A file whose text and voice are unchanged stays: delete
audio/ to have everything spoken anew.

examples.tsv holds queries and the ids they should find; those with a file are spoken into queries/*.ogg,
which are no part of what is searched, and stay where they exist.
"""

import argparse
import csv
import hashlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import soundfile
from rich.progress import track

from clasp.audio.decode import SAMPLE_RATE, decode
from clasp.errors import ClaspError, DataError
from clasp.files import whole_file, write_text
from clasp.paths import ASSETS
from clasp.phones import inventory
from clasp.text import espeak
from clasp.training.data import synthesis
from clasp.training.data.synthesis import Voice

LIBRARY = ASSETS / "library"
MAX_BYTES = 15 * 10**6  # of all that is shipped
COMPRESSION = 0.97  # libsndfile's scale: Opus at about 16 kbit/s

ENGLISH_VOICES = (
    ("espeak", "en-us"), ("espeak", "en-us+f2"), ("espeak", "en-us+f3"), ("espeak", "en-us+m3"),
    ("espeak", "en-us+m7"), ("espeak", "en-us+Michael"), ("espeak", "en"), ("espeak", "en+f4"),
    ("espeak", "en-gb-x-rp+m1"), ("espeak", "en-gb-x-rp+f1"), ("flite", "awb"), ("flite", "awb"),
    ("flite", "awb"), ("flite", "rms"), ("flite", "rms"), ("flite", "rms"),
)  # fmt: skip
VARIANTS = ("", "+f1", "+f2", "+f3", "+f4", "+m1", "+m3", "+m7", "+Michael")  # of every other language
RATES = (0.84, 1.1)  # of the engine's own
PITCHES = (34, 67)

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


@dataclass(frozen=True)
class File:
    """A row of metadata.tsv: an audio file of the library."""

    id: str
    file: str  # relative to the library
    language: str
    voice: str
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
    text: str


@dataclass(frozen=True)
class Example:
    """A row of examples.tsv: a query that shows what the library can do."""

    query: str
    language: str
    kind: str  # words | paraphrase | question | cross-lingual | moment | spoken
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
        DataError: if the texts are malformed, a voice fails, or the audio exceeds 15 MB.
    """
    sentences, recordings = _grouped(read(library / "texts.tsv", Text))
    old_files = {file.id: file for file in _built(library / "metadata.tsv", File)}
    old_segments = _built(library / "segments.tsv", Segment)
    (library / "audio").mkdir(exist_ok=True)
    files: list[File] = []
    segments: list[Segment] = []
    for title, spoken in track([(text, [text]) for text in sentences] + recordings, "Speaking"):
        timed = [segment for segment in old_segments if segment.recording == title.id]
        file = File(title.id, f"audio/{title.id}.ogg", title.language, str(voice(title)), title.category,
                    "recording" if title.recording else "sentence", "", title.text)  # fmt: skip
        if _is_current(library, file, spoken, old_files.get(title.id), timed):
            duration = float(old_files[title.id].duration)
        else:
            samples, spans = _spoken(title, spoken)
            duration = _write(library / file.file, samples)
            timed = [
                Segment(text.id, title.id, f"{start:.2f}", f"{end:.2f}", text.text)
                for text, (start, end) in zip(spoken, spans, strict=True)
            ]
        files.append(File(**{**asdict(file), "duration": f"{duration:.2f}"}))
        segments += timed if title.recording else []
    for stale in set((library / "audio").iterdir()) - {library / file.file for file in files}:
        stale.unlink()
    size = sum((library / file.file).stat().st_size for file in files)
    if size > MAX_BYTES:
        raise DataError(f"The audio takes {size:,} bytes, over {MAX_BYTES:,}: drop texts or compress more.")
    _save(library / "metadata.tsv", files, File)
    _save(library / "segments.tsv", segments, Segment)
    return files, segments


def voice(text: Text) -> Voice:
    """The voice that speaks `text`: engine, name, rate and pitch follow from its id, or its recording's."""
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
            query = Text(path.stem, "", example.language, example.query, "", "")
            _write(path, _spoken(query, [query])[0])


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


def _is_current(library: Path, file: File, spoken: list[Text], old: File | None, timed: list[Segment]) -> bool:
    """Whether the file of the last build says the same in the same voice."""
    if old is None or (old.voice, old.text, old.language) != (file.voice, file.text, file.language):
        return False
    sentences = [(text.id, text.text) for text in spoken if text.recording]
    if sentences != [(segment.id, segment.text) for segment in timed]:
        return False
    try:
        return abs(decode(library / file.file).duration - float(old.duration)) < 0.01
    except ClaspError:
        return False


def _spoken(title: Text, spoken: list[Text]) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Samples of the sentences in the voice of `title`, and where each starts and ends in seconds."""
    speaker = voice(title)
    draw = np.random.default_rng(list(title.id.encode()))
    parts: list[np.ndarray] = []
    spans: list[tuple[float, float]] = []
    length = 0
    for text in spoken:
        if parts:
            parts.append(np.zeros(int(draw.uniform(*PAUSES) * SAMPLE_RATE), np.float32))
            length += len(parts[-1])
        parts.append(_trimmed(text, speaker))
        spans.append((length / SAMPLE_RATE, (length + len(parts[-1])) / SAMPLE_RATE))
        length += len(parts[-1])
    samples = np.concatenate(parts)
    gain = min(LOUDNESS / np.sqrt(np.mean(samples**2)), PEAK / np.abs(samples).max())
    return samples * np.float32(gain), spans


def _trimmed(text: Text, speaker: Voice) -> np.ndarray:
    """`text` in the voice of `speaker`, float32 (n,) at 16 kHz, with MARGIN seconds around what is audible."""
    samples = synthesis.speak(text.text, speaker).samples
    loud = np.flatnonzero(np.abs(samples) > FAINT * np.abs(samples).max())
    margin = int(MARGIN * SAMPLE_RATE)
    samples = np.pad(samples[loud[0] : loud[-1] + 1], margin)
    seconds = len(samples) / SAMPLE_RATE / len(inventory.from_text(text.text, text.language))
    if not SECONDS_PER_PHONE[0] <= seconds <= SECONDS_PER_PHONE[1]:
        raise DataError(f"{speaker} takes {seconds:.3f} s per sound of {text.id}: change the text or voice.")
    return samples


def _write(path: Path, samples: np.ndarray) -> float:
    """Encode as Ogg Opus, read it back, and return its duration in seconds."""
    with whole_file(path) as partial:
        soundfile.write(partial, samples, SAMPLE_RATE, format="OGG", subtype="OPUS", compression_level=COMPRESSION)
        waveform = decode(partial)
        if abs(waveform.duration - len(samples) / SAMPLE_RATE) > 0.05 or np.abs(waveform.samples).max() < 0.1:
            raise DataError(f"{path.name} does not read back as it was written.")
    return waveform.duration


def _save(path: Path, rows: list, row: type) -> None:
    """Write `rows` as a tab-separated file with a header."""
    lines = [[field.name for field in fields(row)], *([*asdict(entry).values()] for entry in rows)]
    write_text(path, "".join("\t".join(line) + "\n" for line in lines))
