"""The library that ships with CLASP: assets/library, put into a database in the user's cache at first use.

    library = open_demo(clasp.load())

Its vectors ship with it. They belong to one model and one state of the texts; for any other they are made
from the audio and the texts, which are transcripts that came with it, once, which takes a minute. The cache is
where CLASP_CACHE says, or else the platform's.
"""

import csv
import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import LibraryError
from clasp.paths import ASSETS
from clasp.phones.alignment import pack
from clasp.settings import cache
from index.files import load_arrays, save_arrays
from index.ingest.segment_audio import segment_waveforms
from index.library import Library, Recording, Segment
from index.map.layout import MAP_FILE
from index.model import SpeechEncoder

if TYPE_CHECKING:
    from clasp import Clasp
    from clasp.audio.decode import Waveform

log = logging.getLogger(__name__)

DEMO = ASSETS / "library"
METADATA_FILE, SEGMENTS_FILE, VECTORS_FILE = "metadata.tsv", "segments.tsv", "vectors.npz"
METADATA_COLUMNS = [
    "id", "file", "language", "speaker", "voice", "room", "category", "kind", "duration", "text",
]  # fmt: skip
SEGMENTS_COLUMNS = ["id", "recording", "start", "end", "language", "speaker", "text"]
ARRAYS = ("model", "texts", "names", "speech", "text", "heard", "starts")  # in vectors.npz, in the order of Vectors
CACHED = b"with recurrences"  # what a cached library has besides; another one is built anew
BATCH = 32  # utterances encoded at once

OnProgress = Callable[[int, int], None]  # told of the utterances done, of all
Contents = tuple[list[Recording], list[Segment]]


@dataclass(frozen=True, eq=False)
class Vectors:
    """What vectors.npz holds."""

    model: str  # checksum
    texts: str  # SHA-256 of metadata and segments
    names: np.ndarray  # str (n,), Segment.name
    speech: np.ndarray  # float16 (n, dim), the transcripts taken in
    text: np.ndarray  # float16 (n, dim); only the map shows them
    phones: np.ndarray  # uint8 (phones of all, TOP_PHONES, 2), packed
    starts: np.ndarray  # int64 (n + 1,): where each one's phones begin

    def phones_by_segment(self) -> list[np.ndarray]:
        """Packed phones, uint8 (phones, TOP_PHONES, 2), of each segment."""
        return np.split(self.phones, self.starts[1:-1])


def open_demo(model: SpeechEncoder, folder: Path = DEMO, progress: OnProgress | None = None) -> Library:
    """The library in `folder`, from the cache; built first where the cache has none for this model.

    Raises:
        LibraryError: if the folder is incomplete or the cache cannot be written.
    """
    target = cache() / f"demo-{model.checksum[:12]}-{_digest(folder, all_files=True)[:12]}"
    if target.exists():
        try:
            return Library.open(target, model, audio=folder, read_only=True, milvus="")
        except LibraryError as error:
            log.warning("Building the demo library anew: %s", error)
            shutil.rmtree(target, ignore_errors=True)
    contents = read(folder)
    vectors = shipped(folder, model)
    if vectors is None:
        log.warning("Making vectors of the demo library from its audio: %d utterances, once.", len(contents[1]))
        speech, phones = _embed(model, folder, contents, progress)
    else:
        speech, phones = vectors.speech, vectors.phones_by_segment()
    try:
        _build(target, model, folder, contents, speech.astype(np.float32), phones)
    except OSError as error:
        raise LibraryError(
            f"The demo library cannot be put into {target.parent} ({error}): "
            "set CLASP_CACHE to a folder that can be written."
        ) from error
    return Library.open(target, model, audio=folder, read_only=True, milvus="")


def embed_demo(model: "Clasp", folder: Path = DEMO, progress: OnProgress | None = None) -> Vectors:
    """Make the vectors of the library in `folder` with a model, and write them to vectors.npz.

    Raises:
        LibraryError: if metadata or segments are missing or malformed.
        AudioError: if a recording cannot be decoded.
    """
    contents = read(folder)
    segments = contents[1]
    texts, languages = [one.text for one in segments], [one.language for one in segments]
    speech, phones = _embed(model, folder, contents, progress)
    vectors = Vectors(
        model.checksum,
        _digest(folder),
        np.array([one.name for one in segments]),
        speech.astype(np.float16),
        model.encode_text(texts, languages).astype(np.float16),
        np.concatenate(phones),
        np.concatenate([[0], np.cumsum([len(one) for one in phones])]),
    )
    save_arrays(folder / VECTORS_FILE, **dict(zip(ARRAYS, vars(vectors).values(), strict=True)))
    return vectors


def shipped(folder: Path, model: SpeechEncoder) -> Vectors | None:
    """What vectors.npz holds if it is of this model and these texts; None otherwise (the log says why)."""
    try:
        checksum, texts, *arrays = load_arrays(folder / VECTORS_FILE, *ARRAYS)
    except LibraryError as error:
        log.warning("The demo library comes without vectors: %s", error)
        return None
    vectors = Vectors(str(checksum), str(texts), *arrays)
    if vectors.model != model.checksum or vectors.speech.shape[1:] != (model.dim,):
        log.warning("The vectors of the demo library were made by another model (%s).", vectors.model[:12])
        return None
    if vectors.texts != _digest(folder):
        log.warning("The vectors of the demo library were made from other texts.")
        return None
    return vectors


def read(folder: Path) -> Contents:
    """Recordings and segments as the metadata in `folder` lists them.

    A recording of one sentence is one segment; those of the others stand in segments.tsv.

    Raises:
        LibraryError: if a file is missing or malformed.
    """
    recordings: list[Recording] = []
    segments: list[Segment] = []
    try:
        parts = list(_rows(folder / SEGMENTS_FILE, SEGMENTS_COLUMNS))
        for row in _rows(folder / METADATA_FILE, METADATA_COLUMNS):
            facts = (row["language"], row["speaker"], row["category"])
            duration = float(row["duration"])
            recordings.append(Recording(row["id"], Path(row["file"]), row["text"], duration, *facts, row["text"]))
            if row["kind"] == "sentence":
                segments.append(Segment(0, row["id"], 0.0, duration, row["text"], *facts))
            segments += [
                Segment(
                    0,
                    row["id"],
                    float(part["start"]),
                    float(part["end"]),
                    part["text"],
                    part["language"],
                    part["speaker"],
                    row["category"],
                )
                for part in parts
                if part["recording"] == row["id"]
            ]
    except (OSError, ValueError) as error:
        raise LibraryError(f"The demo library in {folder} is incomplete: {error}") from error
    return recordings, segments


def _rows(path: Path, columns: list[str]) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if rows.fieldnames != columns:
            raise ValueError(f"{path.name} has the columns {rows.fieldnames}, not {columns}.")
        for row in rows:
            if None in row or None in row.values():
                raise ValueError(f"line {rows.line_num} of {path.name} does not have {len(columns)} columns.")
            yield row


def _embed(
    model: SpeechEncoder, folder: Path, contents: Contents, progress: OnProgress | None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Vectors of the segments, float32 (n, dim), and the packed phones of each, made from the audio and the texts."""
    segments, phones = contents[1], []
    vectors = np.empty((len(segments), model.dim), np.float32)
    waveforms = _waveforms(folder, *contents)
    for start in range(0, len(segments), BATCH):
        stop = min(start + BATCH, len(segments))
        output = model.encode_speech([next(waveforms) for _ in range(start, stop)], return_phones=True)
        vectors[start:stop] = output.vectors
        phones += [pack(one) for one in output.phones]
        log.info("Utterances of the demo library: %d of %d.", stop, len(segments))
        if progress is not None:
            progress(stop, len(segments))
    return _fused(model, contents, vectors, phones), phones


def _fused(model: SpeechEncoder, contents: Contents, vectors: np.ndarray, phones: list[np.ndarray]) -> np.ndarray:
    """Vectors of the segments with their texts taken in, float32 (n, dim), as a library does with what came with it."""
    with (
        tempfile.TemporaryDirectory(prefix="clasp-") as folder,
        Library.create(Path(folder, "library"), model, milvus="", server="") as library,
    ):
        library.add(*contents, vectors, phones)
        for _ in library.transcripts.fuse(model):
            pass
        return library.vectors()[1].astype(np.float32)


def _waveforms(folder: Path, recordings: list[Recording], segments: list[Segment]) -> "Iterator[Waveform]":
    """The sound of each segment; those of one recording stand together, so each is decoded once."""
    paths = {one.id: folder / one.path for one in recordings}
    for name, group in groupby(segments, key=lambda one: one.recording):
        yield from segment_waveforms(paths[name], "", 0, [(one.start, one.end) for one in group])


def _build(
    target: Path, model: SpeechEncoder, folder: Path, contents: Contents, speech: np.ndarray, phones: list[np.ndarray]
) -> None:
    """Make `target`, whole or not at all. Of processes that do so at once, the first one's stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".building-") as name:
        built = Path(name) / "library"
        with Library.create(built, model, audio=folder, milvus="", server="") as library:
            library.add(*contents, speech, phones)
            for _ in library.recurrences.find(model):  # nobody can have it found later
                pass
        if (folder / MAP_FILE).is_file():
            shutil.copyfile(folder / MAP_FILE, built / MAP_FILE)
        try:
            built.rename(target)
        except OSError:
            if not target.exists():
                raise


def _digest(folder: Path, all_files: bool = False) -> str:
    """SHA-256 of the texts or, with `all_files`, of everything that a cached library is made from."""
    digest = hashlib.sha256(CACHED if all_files else b"")
    for name in (METADATA_FILE, SEGMENTS_FILE, *((VECTORS_FILE, MAP_FILE) if all_files else ())):
        path = folder / name
        digest.update(path.read_bytes() if path.is_file() else b"")
        digest.update(b"\0")
    return digest.hexdigest()
