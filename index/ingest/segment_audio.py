"""The sound of segments that are in a library already, from the recordings that they were cut out of."""

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from clasp.audio.decode import SAMPLE_RATE, Waveform, stream, within_full_scale
from clasp.errors import AudioError
from clasp.filenames import readable
from clasp.files import sha256


def segment_waveforms(
    path: Path, digest: str, track: int, spans: Sequence[tuple[float, float]]
) -> Generator[Waveform, None, None]:
    """The sound of a recording from one second to another, for each of `spans` in the order of their starts.

    It is decoded once, in memory that does not grow with its length.

    Args:
        digest: SHA-256 of the file when it was added; '' where that is not known.
        track: number of its sound track, from 1; 0: see `clasp.audio.decode.stream`.

    Raises:
        AudioError: if the file is gone, is another, cannot be read or ends before a span.
    """
    name = readable(str(path))
    if not path.is_file():
        raise AudioError(f"{name} is no longer there.")
    if digest and sha256(path) != digest:
        raise AudioError(f"{name} has changed since it was added.")
    held, first, over = np.empty(0, np.float32), 0, False  # held: samples from `first` on
    with closing(stream(path, track=track)) as blocks:
        for start, end in spans:
            begin, stop = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
            while first + len(held) < stop and not over:
                kept = held[max(0, begin - first) :]
                first += len(held) - len(kept)
                block = next(blocks, None)
                held, over = (held, True) if block is None else (np.concatenate([kept, block]), False)
            samples = held[begin - first : stop - first]
            if len(samples) == 0:
                raise AudioError(f"{name} ends before {end:.1f} s.")
            yield Waveform(within_full_scale(samples))
