"""A file as a model encodes it: decoded in a stream, cut into utterances, embedded. Nothing is stored here.

    encoded = encode_file(model, Path("interview.mp4"), lambda digest: Start())
    for batch in encoded.batches:
        print(batch.spans, batch.vectors.shape)

Adding does this on the same machine, batch by batch, or on those of a cluster: then all batches come together.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from clasp.audio.decode import SAMPLE_RATE, stream
from clasp.audio.envelope import Meter
from clasp.audio.vad import Utterance, utterances
from clasp.errors import AudioError
from clasp.filenames import readable
from clasp.phones.alignment import pack
from index.ingest.files import content_checksum, file_size
from index.ingest.prefetch import prefetch
from index.model import SpeechEncoder
from index.records import SpeakerEmbeddings

BATCH = 16  # utterances embedded together
COMMIT_SECONDS = 60  # of a recording between two commits
SHORTEST = 0.001  # seconds that a recording lasts in the library, if nothing is in it


class Start(NamedTuple):
    """Where encoding a file begins."""

    track: int = 0  # number of its sound track, from 1; 0: chosen as `clasp.audio.decode.stream` does
    position: float = 0.0  # seconds


@dataclass(frozen=True, eq=False)
class KnownFiles:
    """What a library has of files, by the SHA-256 of their content, for those who cannot look into it."""

    whole: np.ndarray  # those it has all of, bytes of 64 letters (n,), sorted
    begun: dict[str, Start]  # those it has the beginning of, and where they go on
    track: int = 0  # of the others

    def start(self, digest: str) -> Start | None:
        """Where a file begins that has this checksum; None where all of it is known."""
        row = int(np.searchsorted(self.whole, digest.encode()))
        if row < len(self.whole) and self.whole[row] == digest.encode():
            return None
        return self.begun.get(digest, Start(self.track))


@dataclass(frozen=True, eq=False)
class Ending:
    """What is known of a file once all of it is decoded."""

    duration: float  # seconds
    loudness: np.ndarray  # uint8 (n,), see `clasp.audio.envelope`
    flaw: str  # one sentence on what could not be read, '' if all was


@dataclass(frozen=True, eq=False)
class EncodedBatch:
    """Some utterances of a file, in the order of time, that are stored together."""

    spans: list[tuple[float, float]]  # start and end of each, in seconds
    vectors: np.ndarray  # float32 (n, dim), unit rows
    phones: list[np.ndarray]  # of each, see `clasp.phones.alignment.pack`
    speakers: SpeakerEmbeddings | None
    seconds: float  # of the file that are decoded
    share: float  # how much of the file that is at the end of the utterances, 0 to 1; 0 where nobody knows
    ending: Ending | None  # with the last batch, which may have no utterances


@dataclass(frozen=True, eq=False)
class EncodedFile:
    """A file, its batches perhaps still to be made; can be pickled once they are a list."""

    digest: str  # SHA-256 of its content
    start: Start | None  # the track that is heard, and the second from which on; None where all was known
    batches: Iterable[EncodedBatch] = ()


def encode_file(model: SpeechEncoder, file: Path, start: Callable[[str], Start | None]) -> EncodedFile:
    """Encode a file whose content is not known yet, bit by bit as its batches are taken.

    Args:
        start: says of a file's SHA-256 where it begins; None where all of it is known.

    Raises:
        AudioError: if the file cannot be read; also while batches are taken.
    """
    size, digest = file_size(file), content_checksum(file)
    begin = start(digest)
    if begin is None:
        return EncodedFile(digest, None)
    source = _Source(file, size, *begin)
    return EncodedFile(digest, begin._replace(track=source.stream.track), _batches(model, source))


def speaker_embeddings(model: SpeechEncoder, embeddings: np.ndarray | None) -> SpeakerEmbeddings | None:
    """Embeddings of speakers, float32 (n, speaker dim), with the head that made them; None where there is none."""
    head = model.speaker_head
    return None if head is None or embeddings is None else SpeakerEmbeddings(head.checksum, embeddings)


class _Source:
    """A file's sound on its way to be cut into utterances: how far it is decoded, and how loud it is."""

    def __init__(self, file: Path, size: int, track: int, position: float) -> None:
        self.stream, self.meter = stream(file, track=track), Meter()
        self.position = position
        self.seconds = position  # decoded, those included that are stored already
        self._file, self._size = file, size

    def blocks(self) -> Iterator[np.ndarray]:
        """Blocks of sound, float32 (n,), 16 kHz.

        Raises:
            AudioError: if the file cannot be read, or changes meanwhile.
        """
        samples = 0
        for block in self.stream:
            samples += len(block)
            self.seconds = max(self.seconds, samples / SAMPLE_RATE)
            self.meter.feed(block)
            yield block
        if file_size(self._file) != self._size:
            raise AudioError(f"{readable(self._file.name)} changed while it was read: add it again.")

    def share(self, seconds: float) -> float:
        """How much of the file so many seconds are, 0 to 1; 0 where its header does not tell."""
        return min(1.0, seconds / self.stream.length) if self.stream.length else 0.0

    def ending(self) -> Ending:
        """What is known after the last block."""
        return Ending(max(self.seconds, SHORTEST), self.meter.loudness(), self.stream.flaw)


def _batches(model: SpeechEncoder, source: _Source) -> Generator[EncodedBatch, None, None]:
    """The utterances from the source's position on; the last batch has the ending."""
    batch: list[Utterance] = []
    committed = source.position
    with closing(source.stream), closing(prefetch(utterances(source.blocks(), source.position), BATCH)) as cut:
        for utterance in cut:
            batch.append(utterance)
            if utterance.end - committed >= COMMIT_SECONDS or len(batch) == BATCH:
                yield _encoded(model, source, batch)
                committed, batch = utterance.end, []
        yield _encoded(model, source, batch, source.ending())


def _encoded(
    model: SpeechEncoder, source: _Source, batch: list[Utterance], ending: Ending | None = None
) -> EncodedBatch:
    output = model.encode_speech([one.waveform for one in batch], return_phones=True)
    return EncodedBatch(
        [(one.start, one.end) for one in batch],
        output.vectors,
        [pack(one) for one in output.phones],
        speaker_embeddings(model, output.speakers),
        seconds=source.seconds,
        share=source.share(batch[-1].end if batch else source.seconds),
        ending=ending,
    )
