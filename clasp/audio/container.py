"""A container of sound, opened: its tracks, their frames, and whether its end is there.

FFmpeg's libraries (PyAV) read every format, within this process. They may open this one file and nothing else. What a
header says of lengths is a hint: every sample that is there is given.
"""

import io
import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Discard, Disposition

from clasp.audio.concatenated import Part, Stretch
from clasp.audio.damage import (
    TAGS,
    TORN,
    bytes_of_mp3,
    is_torn_avi,
    junk_in_aac,
    lacks_bytes,
    page_is_cut,
    samples_are_cut,
    seconds_of_avi,
    segment_is_cut,
)
from clasp.audio.headers import PIPED, Content, tag_size, wav_data
from clasp.errors import AudioError
from clasp.settings import current

# Demuxers whose files hold the media themselves: no playlists, which name other files.
FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,asf_o,au,avi,avr,caf,codec2,dhav,dsf,dss,dts,dtshd,dv,eac3,flac,flv,g722,gsm,"
    "gxf,iff,ilbc,ircam,loas,matroska,mlp,mov,mp3,mpc,mpc8,mpeg,mpegts,mxf,nistsphere,nut,ogg,oma,pvf,qcp,rm,sbc,shn,"
    "sox,tak,truehd,tta,voc,vqf,w64,wav,wtv,wv,wve,xwma"
)
# The names that their files have, for finding recordings in folders.
SUFFIXES = frozenset((
    ".3g2", ".3ga", ".3gp", ".3gpp", ".8svx", ".aa3", ".aac", ".ac3", ".adts", ".aif", ".aifc", ".aiff", ".amr", ".amv",
    ".ape", ".asf", ".au", ".avi", ".avr", ".awb", ".bw64", ".bwf", ".c2", ".caf", ".dav", ".dif", ".divx", ".dsf",
    ".dss", ".dts", ".dtshd", ".dv", ".eac3", ".ec3", ".f4a", ".f4b", ".f4p", ".f4v", ".flac", ".flv", ".g722", ".gsm",
    ".gxf", ".iff", ".insv", ".ircam", ".isma", ".ismv", ".latm", ".lbc", ".loas", ".lrv", ".m1a", ".m2a", ".m2t",
    ".m2ts", ".m4a", ".m4b", ".m4p", ".m4r", ".m4v", ".mk3d", ".mka", ".mkv", ".mlp", ".mogg", ".mov", ".mp1", ".mp2",
    ".mp3", ".mp4", ".mpa", ".mpc", ".mpeg", ".mpg", ".mpga", ".msbc", ".mts", ".mxf", ".nist", ".nut", ".oga", ".ogg",
    ".ogm", ".ogv", ".ogx", ".oma", ".opus", ".pvf", ".qcp", ".qt", ".ra", ".rf64", ".rm", ".rmvb", ".sbc", ".sf",
    ".shn", ".snd", ".sox", ".sph", ".spx", ".tak", ".thd", ".tod", ".trp", ".ts", ".tta", ".vob", ".voc", ".vqf",
    ".w64", ".wav", ".wave", ".weba", ".webm", ".wma", ".wmv", ".wtv", ".wv", ".wve",
))  # fmt: skip
PREROLL = 1.0  # seconds that are decoded before a stretch, for codecs whose frames lean on those before
LATE = {"analyzeduration": str(10**9), "probesize": str(2**26)}  # microseconds and bytes in which sound may begin
GAPLESS = {"flac", "ogg", "tta", "wv", "ape"}  # what lacks there is damage, and no pause
STATE_LENGTH = {"mov", "flac", "aiff", "caf", "au", "tta", "ape", "wv", "gxf", "mxf"}
PCM = {"wav", "w64", "aiff", "au", "caf"}
UNTIMED = {"ac3", "eac3", "dts", "dtshd", "mlp", "truehd", "loas"}  # frames alone, whose time stamps are rounded sums
BARE = {"mp3", "aac", "amr", *UNTIMED}  # frames, and nothing that tells how many
ALONE = BARE | {"mpegts"}  # among frames alone there is junk
CLOCKED = {"mpegts", "mpeg"}  # whose length is guessed from two time stamps
LINEAR = {"matroska", "flv", "asf", "nut", "rm", "mxf"}  # packets of all tracks lie one behind the other
AUDIBLE = 0.25  # seconds: less damage is not told of
DV_FRAMES = 2 * 144_000  # bytes
INDEXED = {"mov", "matroska", "flac", "ogg"}


class StartsAnewError(Exception):
    """Time stamps lack, or go back, where packets are passed over: they do not say where one is."""


def opened(source: str | Part, options: dict[str, str] | None = None) -> av.container.InputContainer:
    """A file as FFmpeg's libraries give it, which may read nothing else.

    Raises:
        av.error.FFmpegError, OSError or ValueError: if they cannot.
    """
    options = (options or {}) | {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    wait = current().stall_seconds
    return av.open(source, "r", options=options, timeout=(wait, wait), metadata_errors="replace")


class Container:
    """One recording of a file. A context manager.

    Args:
        part: where the recording lies in the file.
        name: what the file is called in messages.

    Raises:
        AudioError: if it is no recording with sound.
    """

    def __init__(self, path: Path, part: Stretch, name: str) -> None:
        self._path, self._part, self._name = path, part, name
        self._opened = self._open({})
        if self._kinds & CLOCKED and any(not self._rate(number) for number in self.order):
            self._opened.close()
            self._opened = self._open(LATE)
        if not self.order:
            self._opened.close()
            raise AudioError(not_readable(name))
        self.broken = self._paused = 0.0  # seconds that could not be decoded, and that were left out
        self.failed = self.packets = 0
        self._sound = self._lost = self._passed_over = 0  # bytes: decoded, broken within that, and broken since
        self._tag_end = self._packet_end = self._sound_end = 0  # places of bytes
        self._gap = 0  # most bytes between two packets since the last one of the track
        self._is_corrupt, self._unheard = False, 0.0  # a packet since the last pause, and seconds of those that failed
        self._breaks_off = False

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def tracks(self) -> int:
        """How many sound tracks there are."""
        return len(self._opened.streams.audio)

    @property
    def order(self) -> list[int]:
        """Numbers of the tracks of known kinds, from 1: the default one first."""
        streams = enumerate(self._opened.streams.audio, start=1)
        known = {number: one.disposition & Disposition.default for number, one in streams if one.codec_context}
        return sorted(known, key=lambda number: not known[number])

    @property
    def length(self) -> float | None:
        """Seconds that the header claims, or are guessed from it; None where it claims nothing."""
        claimed = self._opened.duration or 0
        return claimed / av.time_base if claimed > 0 else None

    @property
    def longest(self) -> float:
        """Seconds after which no time stamp is believed; infinite where nothing but time stamps says how long it is."""
        return math.inf if self.length is None or self._kinds & CLOCKED else self.length + 1

    def frames(self, track: int, start: float = 0.0) -> Iterator[tuple[float | None, AudioFrame]]:
        """Frames of a track, each with the second at which it sounds, where that is known; from `start` or a little
        before. What is broken is passed over.

        Raises:
            StartsAnewError: with a `start`, if only decoding from the beginning tells where that is.
        """
        stream, origin, begin = self._stream(track), self._origin, start - PREROLL
        is_timed = not self._kinds & UNTIMED
        if start > 0 and not is_timed:
            raise StartsAnewError
        if begin > 0 and self._has_index(stream):
            found = self._sought(stream, origin + begin)
            if found is not None:
                yield from ((_second(one, origin), one) for one in found)
                return
            self._opened.close()
            self._opened = self._open({})
            stream = self._stream(track)
        for frame in self._decoded(stream, origin + begin if begin > 0 else -math.inf):
            second = _second(frame, origin) if is_timed else None
            if start > 0 and second is None:
                raise StartsAnewError
            start = 0.0
            yield second, frame

    def pauses(self, seconds: float) -> None:
        """Take down that the sound pauses before the last frame: something is lost where bytes are, too."""
        if self._is_corrupt or self._gap > TORN or GAPLESS & self._kinds:
            self.broken += max(0.0, seconds - self._unheard)
        else:
            self._paused += seconds
        self._is_corrupt, self._unheard = False, 0.0

    @property
    def is_bare(self) -> bool:
        """Whether it is of a format that consists of frames alone, of which a file without any has none."""
        return bool({*ALONE, "flac"} & self._kinds)

    @property
    def _kinds(self) -> set[str]:
        """Names of its format."""
        return set(self._opened.format.name.split(","))

    @property
    def _origin(self) -> float:
        """The time stamp, in seconds, at which it begins."""
        return (self._opened.start_time or 0) / av.time_base

    def flaw(self, track: int, seconds: float) -> str:
        """What is said of it once a track was decoded and turned out to last so long; '' if nothing was amiss."""
        if 2 * self.failed > self.packets:
            return f"{self._name} is damaged: most of it could not be decoded. Copy or record it again."
        if self._ends_early(track, seconds):
            return cut_off(self._name)
        lost = self._lost_within(track, seconds)
        broken = self.broken + lost
        if lost > 0 or broken > AUDIBLE:
            amount = f"{broken:.0f} s" if broken > 1.0 else "some"
            return f"{self._name} is damaged: {amount} of it could not be decoded. Copy or record it again."
        return ""

    def _lost_within(self, track: int, seconds: float) -> float:
        """Seconds, about, that lack between frames of a track that lasts so long."""
        lost = self._lost
        with self._path.open("rb") as file:
            content = Content(file)
            if "avi" in self._kinds:
                lacks = seconds_of_avi(content[: 2**16], track) - seconds
                return lacks if lacks > 1.0 and is_torn_avi(content) else 0.0
            if self._paused and lacks_bytes(content, self._kinds, self._part.first, self._part.end):
                return self._paused
            if "aac" in self._kinds and tag_size(content) + self._sound < len(content):
                lost = max(lost, junk_in_aac(content))
        return lost * seconds / max(1, self._sound)

    def _rate(self, track: int) -> int:
        return self._opened.streams.audio[track - 1].codec_context.sample_rate

    def _open(self, options: dict[str, str]) -> av.container.InputContainer:
        is_whole = self._part == Stretch(0, self._path.stat().st_size)
        source = str(self._path) if is_whole else Part(self._path, self._part)
        try:
            return opened(source, options)
        except av.error.ExitError as error:
            raise AudioError(stalled(self._name)) from error
        except (av.error.FFmpegError, OSError, ValueError) as error:
            head = self._bytes(0, 8)
            begins = head[4:] == b"ftyp" or head[:4] == b"OggS"  # without the table at its end, or a whole page
            raise AudioError(cut_off(self._name) if begins else not_readable(self._name)) from error

    def _stream(self, track: int) -> AudioStream:
        """A track, in a part that lacks it the first one; of others the demuxer gives packets only where they show
        what is lost."""
        stream = self._opened.streams.audio[(track if track <= self.tracks else self.order[0]) - 1]
        if stream.codec_context is None:
            raise AudioError(f"{self._name} has a sound track {track} of a kind that cannot be decoded.")
        if not stream.codec_context.is_open:
            stream.codec_context.thread_count = 1
        for other in self._opened.streams:
            if other.index != stream.index and not LINEAR & self._kinds:
                other.discard = Discard.all
        return stream

    def _decoded(self, stream: AudioStream, start: float) -> Iterator[AudioFrame]:
        """Frames of what can be decoded; packets that end before `start`, in seconds of the stream, are passed over."""
        kinds = self._kinds
        try:
            for packet in self._packets(stream, start):
                corrupt = packet.is_corrupt and not kinds & PCM if packet.size else self._breaks_off
                self.packets += 1
                try:
                    yield from stream.decode(packet)
                except av.error.FFmpegError:
                    self.failed += 1
                    if kinds & BARE:
                        self._passed_over += self._junk(packet)
                    else:
                        self._unheard += (length := _seconds(packet.duration, packet.time_base))
                        self.broken += length
                    corrupt = corrupt or (packet.size > 0 and not ALONE & kinds)
                else:
                    self._lost += self._passed_over if packet.size and self._sound else 0
                    self._sound, self._passed_over = self._sound + packet.size, 0
                self._breaks_off = corrupt
                self._is_corrupt, self._gap = self._is_corrupt or corrupt, 0
        except av.error.ExitError as error:
            raise AudioError(stalled(self._name)) from error
        except av.error.PermissionError:
            pass  # which is how the demuxer of GXF says that it is at the end
        except av.error.FFmpegError:
            self._breaks_off = True

    def _packets(self, stream: AudioStream, start: float) -> Iterator[Packet]:
        """Packets of a track, without those that end before `start`; the last one is empty."""
        last, is_linear = -math.inf, bool(LINEAR & self._kinds) or len(self._opened.streams) == 1
        for packet in self._of_known_streams():
            if packet.size and packet.pos is not None:
                if is_linear and self._packet_end:
                    self._gap = max(self._gap, packet.pos - self._packet_end)
                self._packet_end = packet.pos + packet.size
            if packet.stream_index != stream.index:
                continue
            self._sound_end = self._packet_end if packet.size and packet.pos is not None else self._sound_end
            if start > -math.inf and packet.size and packet.pts is not None:
                begins, length = (_seconds(units, packet.time_base) for units in (packet.pts, packet.duration))
                if begins <= last:
                    raise StartsAnewError
                last = begins
                if begins + length < start:
                    continue
                start = -math.inf
            yield packet

    def _of_known_streams(self) -> Iterator[Packet]:
        """All packets, but for those of streams that appear later on, at which PyAV stops."""
        is_over = False
        while not is_over:
            with suppress(IndexError):
                yield from self._opened.demux()
                is_over = True

    def _junk(self, packet: Packet) -> int:
        """Bytes of one that is no frame, but for those of tags."""
        content, first = bytes(packet), packet.pos or 0
        if tag := tag_size(content):
            self._tag_end = first + tag
        return 0 if content.startswith(TAGS) or first < self._tag_end else packet.size

    def _sought(self, stream: AudioStream, start: float) -> Iterator[AudioFrame] | None:
        """Frames from `start`, in seconds of the stream, or a little before; None where they are not found there."""
        if stream.time_base is None:
            return None
        try:
            self._opened.seek(int(start / stream.time_base), stream=stream)
        except (av.error.FFmpegError, OverflowError):
            return None
        frames = self._decoded(stream, -math.inf)
        first = next(frames, None)
        second = None if first is None else _second(first, 0.0)
        if first is None or second is None or second > start + PREROLL / 2:
            return None
        return _chained(first, frames)

    def _has_index(self, stream: AudioStream) -> bool:
        """Whether seeking in it leads to the very sample."""
        kinds, context = self._kinds, stream.codec_context
        if kinds & PCM and context.name.startswith("pcm_"):  # places are computed from the bit rate that it states
            sizes = {"pcm_s24le": 24, "pcm_s24be": 24, "pcm_mulaw": 8, "pcm_alaw": 8, "pcm_s8": 8}
            bits = sizes.get(context.name, 8 * context.format.bytes)
            return context.bit_rate == context.sample_rate * context.channels * bits
        return bool(kinds & INDEXED)

    def _ends_early(self, track: int, seconds: float) -> bool:
        kind = self._opened.format.name.split(",")[0]
        head, size = self._bytes(0, 2**16), self._size()
        if kind == "wav":
            begin, claimed = wav_data(Content(io.BytesIO(head))) or (0, 0)
            return claimed < PIPED and begin + claimed - size > max(2**12, size // 50)
        if kind in ("ogg", "matroska"):
            cut = (
                page_is_cut(self._bytes(max(0, size - 65_307), 65_307)) if kind == "ogg" else segment_is_cut(head, size)
            )
            end = (self.length or 0.0) - self._origin if len(self._opened.streams) == 1 else 0.0
            return cut or end - seconds > max(0.5, 0.02 * end)
        if kind == "mp3":
            tag = tag_size(Content(io.BytesIO(head)))
            lacks = tag + bytes_of_mp3(self._bytes(tag, 2**12)) - size > max(2**12, size // 50)
            return self._breaks_off or (lacks and not self._lost)
        if kind == "caf" and samples_are_cut(head, size):
            return True
        if kind == "w64":
            return size + max(2**12, size // 50) < int.from_bytes(head[16:24], "little") < 2**62
        stream, left = self._stream(track), size - self._sound_end
        lacks = left > max({"voc": 2**12, "dv": DV_FRAMES}.get(kind, math.inf), size // 50)
        if kind in STATE_LENGTH:
            end = _seconds((stream.start_time or 0) + (stream.duration or 0), stream.time_base) - self._origin
            lacks = end - seconds > max(0.5, 0.02 * end)
        return lacks or self._breaks_off

    def _size(self) -> int:
        return self._part.end - self._part.first

    def _bytes(self, first: int, count: int) -> bytes:
        part = Part(self._path, self._part)
        part.seek(first)
        content = part.read(count)
        part.close()
        return content


def cut_off(name: str) -> str:
    """What is said of a file whose end is missing."""
    return f"{name} is cut off or damaged: its end is missing. Copy or record it again."


def not_readable(name: str) -> str:
    """What is said of a file that is no recording."""
    return f"{name} is not a recording that can be read: give a sound file, or a video with sound."


def stalled(name: str) -> str:
    """What is said of a file that takes too long."""
    return f"{name} took longer than {current().stall_seconds:g} s to decode: convert it to wav or flac."


def _second(frame: AudioFrame, origin: float) -> float | None:
    return None if frame.pts is None else _seconds(frame.pts, frame.time_base) - origin


def _seconds(units: int | None, time_base: Fraction | None) -> float:
    return float((units or 0) * (time_base or 0))


def _chained(first: AudioFrame, others: Iterator[AudioFrame]) -> Iterator[AudioFrame]:
    yield first
    yield from others
