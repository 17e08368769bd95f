"""The sound of a file on one clock, its container's: 0 is where a player begins.

Sound that begins later or pauses leaves silence; a recording that follows another in the same file goes on where that
ended. Whoever streams, cuts or plays gets the same sample at the same second.
"""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame

from clasp.audio.concatenated import parts
from clasp.audio.container import Container, StartsAnewError, cut_off, not_readable, stalled
from clasp.errors import AudioError
from clasp.settings import current

SILENCE = 1e-4  # peak amplitude, -80 dB of full scale
RATES = range(4_000, 768_001)  # Hz; below 4 kHz nothing is left of speech
WATCHED = 30.0  # seconds of sound for which the setting stall_seconds is the longest wait
SLACK = 0.08  # seconds by which samples and their time stamps may disagree
DRIFT = 4.0  # seconds in which they may disagree by so much, and samples be left out
LEAP = 600.0  # seconds of silence that are believed where a container states no length

Piece = tuple[np.ndarray, int]  # samples, float32 (n, channels), and their rate in Hz


class Media:
    """A file with sound. `pieces` gives it; what is wrong with the file is known afterwards, see `flaw`.

    Args:
        name: what it is called in messages.
        track: number of the sound track, from 1; 0: the default one, or where that is silent the first that is not.

    Raises:
        AudioError: if it is no recording, or has no such track.
    """

    def __init__(self, path: Path, name: str, track: int = 0) -> None:
        self._path, self._name = path, name
        self._parts = parts(path)
        self.flaw = ""  # one sentence
        with Container(path, self._parts[0], name) as container:
            self.length = container.length if len(self._parts) == 1 else None  # seconds, as the header claims
            self.track = self._chosen(container, track)

    def pieces(self, start: float = 0.0) -> Iterator[Piece]:
        """The sound from `start` seconds on.

        Raises:
            AudioError: if none of it can be decoded, its rate is out of range, or it takes too long.
        """
        return self._watched(_from(start, self._sought(start)))

    def _sought(self, start: float) -> Iterator[tuple[float, Piece]]:
        """Pieces, each with its second, from `start` or anywhere before."""
        if start > 0 and len(self._parts) == 1:
            try:
                with Container(self._path, self._parts[0], self._name) as container:
                    yield from self._on_the_clock(container, container.frames(self.track, start), 0.0, start)
                return
            except StartsAnewError:
                pass
        yield from self._whole()

    def _whole(self) -> Iterator[tuple[float, Piece]]:
        now, begun, none, flaws = 0.0, False, False, []
        for number, part in enumerate(self._parts):
            with ExitStack() as stack:
                try:
                    container = stack.enter_context(Container(self._path, part, self._name))
                except AudioError:
                    if number == 0:
                        raise
                    flaws.append(cut_off(self._name))  # of what follows
                    continue
                first = now
                for at, (samples, rate) in self._on_the_clock(container, container.frames(self.track), now, now):
                    yield at, (samples, rate)
                    now, begun = at + len(samples) / rate, True
                flaws.append(container.flaw(self.track, now - first))
                none = none or container.is_bare or container.failed > 0
        self.flaw = next(filter(None, flaws), "")
        if none and not begun:
            raise AudioError(not_readable(self._name))

    def _on_the_clock(
        self, container: Container, frames: Iterator[tuple[float | None, AudioFrame]], begin: float, start: float
    ) -> Iterator[tuple[float, Piece]]:
        """Frames as pieces, each with its second.

        The container begins at the second `begin`, its frames at `start` or before. Where time stamps leave something
        out there is silence; where they go back, what follows goes on from what was before; where samples slowly
        outrun them, some are left out.
        """
        now, shift, last, agreed = start, begin, -math.inf, start
        longest = begin + container.longest
        for stamp, frame in frames:
            samples, rate = _as_floats(frame), frame.sample_rate
            if rate not in RATES:
                expected = f"expected {RATES.start} to {RATES.stop - 1} Hz"
                raise AudioError(f"{self._name} has a sample rate of {rate} Hz: {expected}.")
            if last == -math.inf and stamp is not None and begin != start:
                now = min(start, stamp + shift)
            gap = 0.0 if stamp is None else stamp + shift - now
            if abs(gap) > SLACK:
                if gap > 0 and now + gap < longest and (gap < LEAP or longest < math.inf):
                    container.pauses(gap)
                    for silence in _silence(gap, rate, samples.shape[1]):
                        yield now, (silence, rate)
                        now += len(silence) / rate
                elif gap < 0 and stamp is not None and stamp > last and now - agreed > DRIFT:
                    samples = samples[round(-gap * rate) :]
                else:
                    shift -= gap
                agreed = now
            last = last if stamp is None else stamp
            yield now, (samples, rate)
            now += len(samples) / rate

    def _chosen(self, container: Container, track: int) -> int:
        if not 0 <= track <= container.tracks:
            has = f"{container.tracks} sound tracks" if container.tracks > 1 else "a single sound track"
            raise AudioError(f"{self._name} has {has}: there is no track {track}.")
        if track or len(container.order) == 1:
            return track or container.order[0]
        return next(filter(self._is_loud, container.order), container.order[0])

    def _is_loud(self, track: int) -> bool:
        try:
            with Container(self._path, self._parts[0], self._name) as container:
                pieces = ((_as_floats(frame), frame.sample_rate) for _, frame in container.frames(track))
                return any(np.abs(samples).max(initial=0) > SILENCE for samples, _ in self._watched(pieces))
        except AudioError:
            return False

    def _watched(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """The same pieces; AudioError where they take longer than is set."""
        wait, spent, given, began = current().stall_seconds, 0.0, 0.0, time.monotonic()
        for samples, rate in pieces:
            spent += time.monotonic() - began
            if spent > wait:
                raise AudioError(stalled(self._name))
            given += len(samples) / rate
            if given > WATCHED:
                spent = given = 0.0
            yield samples, rate
            began = time.monotonic()


def _from(start: float, pieces: Iterator[tuple[float, Piece]]) -> Iterator[Piece]:
    """Pieces without what comes before `start`."""
    for at, (samples, rate) in pieces:
        before = max(0, round((start - at) * rate))
        if before < len(samples):
            yield samples[before:], rate


def _as_floats(frame: AudioFrame) -> np.ndarray:
    """Samples of a frame, float32 (n, channels); what is no number is silence."""
    array = frame.to_ndarray()  # (channels, n), or (1, n · channels)
    samples = array.T if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels)
    if samples.dtype.kind == "f":
        floats = samples.astype(np.float32, copy=False)
        return floats if np.isfinite(floats).all() else np.nan_to_num(floats, nan=0.0, posinf=0.0, neginf=0.0)
    scale = np.float32(2.0 ** (8 * samples.dtype.itemsize - 1))
    offset = scale if samples.dtype.kind == "u" else np.float32(0)
    return (samples.astype(np.float32) - offset) / scale


def _silence(seconds: float, rate: int, channels: int) -> Iterator[np.ndarray]:
    """So much of it, a second at a time."""
    left = round(seconds * rate)
    while left > 0:
        yield np.zeros((min(left, rate), channels), np.float32)
        left -= rate
