"""Recordings as real recorders, editors and archives leave them, made anew from four sentences.

with_sentences(folder)          # a.wav b.wav c.wav d.wav
CASES["delayed.mp4"].make(folder)
"""

import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.training.data.synthesis import Voice, speak

TEXTS = {
    "a": "The harbour was flooded after the storm on Tuesday morning.",
    "b": "My grandmother baked bread with lentils every Sunday.",
    "c": "The council voted against the new railway bridge.",
    "d": "Our dog chased a rabbit through the old orchard.",
}
PAUSE = 1.5  # seconds between the sentences of abcd.wav


@dataclass(frozen=True)
class Case:
    """How a file is made in a folder of sentences, what is in it, and when."""

    make: Callable[[Path, str], None]
    said: tuple[tuple[str, float], ...]  # sentences, and the second at which the file of each is heard
    seconds: float  # of the whole; 0: as it happens
    flaw: str = ""  # what its message must say


def with_sentences(folder: Path) -> dict[str, np.ndarray]:
    """Write the sentences as 16 kHz WAV, each by itself and all of them, and return them: float32 (n,)."""
    clips = {}
    for name, text in TEXTS.items():
        clips[name] = speak(text, Voice("espeak", "en-us", "en")).samples.astype(np.float32)
        soundfile.write(folder / f"{name}.wav", clips[name], SAMPLE_RATE)
    pause = np.zeros(round(PAUSE * SAMPLE_RATE), np.float32)
    joined = np.concatenate([part for clip in clips.values() for part in (clip, pause)][:-1])
    soundfile.write(folder / "abcd.wav", joined, SAMPLE_RATE)
    return clips


def cases(clips: dict[str, np.ndarray]) -> dict[str, Case]:
    """Every file, by its name."""
    a, b, c, d = (len(clip) / SAMPLE_RATE for clip in clips.values())
    at = {"a": 0.0, "b": a + PAUSE, "c": a + b + 2 * PAUSE, "d": a + b + c + 3 * PAUSE}
    whole = at["d"] + d
    four, two = tuple(at.items()), (("a", 0.0), ("b", a))
    late = tuple((name, second + 10) for name, second in four)
    hole = (("a", 0.0), ("c", at["c"]), ("d", at["d"]))  # without b
    quiet = f"aselect=not(between(t\\,{a + 0.5:.2f}\\,{at['c'] - 0.5:.2f}))"
    video = "-f lavfi -i color=black:s=64x64:r=5:d={} -map 0:v -map 1:a -c:v mpeg4"
    both = "-map 0:a -map 1:a -c:a aac -disposition:a:0 0"
    return {
        # the picture begins before the sound
        "delayed.mp4": Case(_muxed(video.format(32) + " -c:a aac", offset=10), late, whole + 10),
        "delayed.mkv": Case(_muxed(video.format(32) + " -c:a libvorbis -ar 44100", offset=10), late, whole + 10),
        "delayed.ts": Case(_muxed(video.format(32) + " -c:a aac", offset=10), late, whole + 10),
        "early.mkv": Case(_muxed(video.format(20) + " -c:a flac", offset=-0.5), four, whole),
        "wraps.ts": Case(_muxed("-map 1:a -output_ts_offset 95440"), four, whole),
        # the sound has a hole
        "hole.mp4": Case(_muxed(f"{video.format(20)} -af {quiet} -c:a aac"), hole, whole),
        "hole.mkv": Case(_muxed(f"{video.format(20)} -af {quiet} -c:a libopus"), hole, whole),
        "hole.ts": Case(_muxed(f"{video.format(20)} -af {quiet} -c:a aac"), hole, whole),
        # one after the other in the same file
        "joined.mp3": Case(_joined("mp3", "-ar 44100 -b:a 64k"), two, a + b),
        "joined.flac": Case(_joined("flac"), two, a + b),
        "joined.ogg": Case(_joined("ogg", "-ar 44100 -c:a libvorbis"), two, a + b),
        "joined.opus": Case(_joined("opus", "-c:a libopus"), two, a + b),
        "joined.wav": Case(_joined("wav"), two, a + b),
        "joined.m4a": Case(_joined("m4a"), two, a + b),
        "joined.wv": Case(_joined("wv"), two, a + b),
        "joined.aiff": Case(_joined("aiff"), two, a + b),
        "joined.caf": Case(_joined("caf"), two, a + b),
        "joined.w64": Case(_joined("w64"), two, a + b),
        "joined.tta": Case(_joined("tta"), two, a + b),
        "joined.voc": Case(_joined("voc", "-c:a pcm_s16le"), two, a + b),
        "joined.flv": Case(_joined("flv", "-ar 44100 -c:a libmp3lame"), two, 0),
        "joined.rm": Case(_joined("rm", "-ar 44100 -c:a ac3"), two, a + b),
        "joined.ac3": Case(_joined("ac3", "-ar 44100"), two, a + b),
        "resets.ts": Case(_joined("ts", "-ar 44100 -output_ts_offset 5000", "-ar 44100"), two, 0),
        "jumps.ts": Case(_joined("ts", "-ar 44100", "-ar 44100 -output_ts_offset 5000"), two, 0),
        "joined.ts": Case(_joined("ts", "-ar 44100"), two, a + b),
        "rates.flac": Case(_joined("flac", "-ar 44100 -ac 2", "-ar 22050"), two, a + b),
        "rates.mp3": Case(_joined("mp3", "-ar 44100 -ac 2", "-ar 22050"), two, a + b),
        "rates.aac": Case(_joined("aac", "-ar 44100 -ac 2", "-ar 22050"), two, 0),
        "rates.ogg": Case(_joined("ogg", "-ar 44100 -ac 2 -c:a libvorbis", "-ar 22050 -c:a libvorbis"), two, a + b),
        "rates.oga": Case(_joined("oga", "-ar 44100 -ac 2 -c:a flac", "-c:a flac"), two, a + b),
        "kinds.ogg": Case(_joined("ogg", "-ar 44100 -c:a libvorbis", "-c:a libopus"), two, a + b),
        # headers that lie about what is there
        "crashed.wav": Case(_lying(data=0), four, whole),
        "piped.wav": Case(_lying(riff=0xFFFFFFFF, data=0xFFFFFFFF), four, whole),
        "riff-plus8.wav": Case(_lying(riff=8), four, whole),
        "data-plus44.wav": Case(_lying(data=44), four, whole),
        "byterate-x2.wav": Case(_lying(byterate=2), four, whole),
        "gigabyte.wav": Case(_lying(data=2**30), four, whole, "its end is missing"),
        "stale.wav": Case(_lying(data=-50_000), four, whole),
        "crashed.rf64": Case(_large(size=0), four, whole),
        "sizeless.rf64": Case(_large(), four, whole),
        "tagged.wav": Case(_tagged("wav"), four, whole),
        "tagged.aiff": Case(_tagged("aiff"), four, whole),
        "tagged.m4a": Case(_tagged("m4a"), four, whole),
        "tagged.ogg": Case(_tagged("ogg", "-c:a libvorbis -ar 44100"), four, whole),
        "blanks-before.wav": Case(_tagged("wav", tag=b"\r\n" + bytes(512)), four, whole),
        "blanks-before.m4a": Case(_tagged("m4a", tag=bytes(100)), four, whole),
        "mac-binary.aiff": Case(_tagged("aiff", tag=bytes(128)), four, whole),
        "filled-up.ts": Case(_filled_up("ts"), four, whole),
        "filled-up.wav": Case(_filled_up("wav"), four, whole),
        "chunks.wav": Case(
            _laid_out(lambda form, one, two: form + _chunk(b"data", one) + _chunk(b"data", two)), four, whole
        ),
        "listed.wav": Case(
            _laid_out(lambda form, one, two: form + _chunk(b"LIST", b"wavl" + _chunk(b"data", one + two))), four, whole
        ),
        "unpadded.wav": Case(
            _laid_out(lambda form, one, two: form + b"junk\3\0\0\0odd" + _chunk(b"data", one + two)), four, whole
        ),
        "24-in-32.wav": Case(_laid_out(lambda _, one, two: _of_32_bits(one + two)), four, whole),
        "crashed.aiff": Case(_crashed({b"COMM": (10, 4), b"SSND": (4, 4), b"FORM": (4, 4)}), four, whole),
        "crashed.au": Case(_crashed({b".snd": (8, 4)}), four, whole),
        "crashed.w64": Case(_crashed({b"data\xf3": (16, 8)}), four, whole),
        "xing-zero.mp3": Case(_xing(0), four, whole),
        "xing-less.mp3": Case(_xing(10), four, whole),
        "xing-more.mp3": Case(_xing(100_000), four, whole),
        "bare.mp3": Case(_muxed("-map 1:a -write_xing 0 -q:a 5 -ar 44100"), four, whole),
        "live.webm": Case(_muxed("-map 1:a -c:a libopus -live 1"), four, whole),
        "fragments.mp4": Case(_muxed("-map 1:a -movflags empty_moov -frag_duration 1000000"), four, whole),
        # kinds of sound in WAV and elsewhere
        "adpcm-ms.wav": Case(_muxed("-map 1:a -ar 22050 -c:a adpcm_ms"), four, whole),
        "adpcm-ima.wav": Case(_muxed("-map 1:a -ar 22050 -c:a adpcm_ima_wav"), four, whole),
        "adpcm-yamaha.wav": Case(_muxed("-map 1:a -c:a adpcm_yamaha"), four, whole),
        "g726.wav": Case(_muxed("-map 1:a -ar 8000 -c:a g726"), four, whole),
        "8-bit.wav": Case(_muxed("-map 1:a -c:a pcm_u8"), four, whole),
        "24-bit.wav": Case(_muxed("-map 1:a -ar 48000 -c:a pcm_s24le"), four, whole),
        "float64.wav": Case(_muxed("-map 1:a -c:a pcm_f64le"), four, whole),
        "large.wav": Case(_muxed("-map 1:a -rf64 always"), four, whole),
        "broadcast.wav": Case(_muxed("-map 1:a -write_bext 1 -metadata description=x"), four, whole),
        "little.aifc": Case(_muxed("-map 1:a -c:a pcm_s16le -f aiff"), four, whole),
        "a.w64": Case(_muxed("-map 1:a"), four, whole),
        "a.au": Case(_muxed("-map 1:a"), four, whole),
        "a.ac3": Case(_muxed("-map 1:a -ar 44100"), four, whole),
        "a.sph": Case(_written("NIST"), four, whole),
        "a.sf": Case(_written("IRCAM"), four, whole),
        "a.pvf": Case(_written("PVF"), four, whole),
        "a.avr": Case(_written("AVR"), four, whole),
        "a.sbc": Case(_muxed("-map 1:a"), four, whole),
        "a.nut": Case(_muxed("-map 1:a -c:a flac"), four, whole),
        "a.ra": Case(_muxed("-map 1:a -ar 44100 -c:a ac3 -f rm"), four, whole),
        "a.spx": Case(_muxed("-map 1:a -c:a libspeex"), four, whole),
        "a.wmv": Case(_muxed(video.format(20) + " -c:a wmav2 -ar 44100"), four, whole),
        "a.mpg": Case(_muxed(video.format(20).replace("mpeg4", "mpeg1video -r 25") + " -c:a mp2"), four, whole),
        "book.m4b": Case(_muxed("-map 1:a -c:a aac"), four, whole),
        # channels and tracks
        "phase.m4a": Case(_muxed("-map 1:a -af pan=stereo|c0=c0|c1=-1*c0 -b:a 48k"), four, whole),
        "later.wav": Case(_channels(lambda sound, _: (sound, _later(sound, 0.001))), four, whole),
        "later-turned.wav": Case(_channels(lambda sound, _: (sound, -_later(sound, 0.005))), four, whole),
        "hiss.wav": Case(_channels(lambda sound, noise: (sound, noise)), four, whole),
        "offset.wav": Case(_channels(lambda sound, _: (sound / 200 + 0.3,)), four, whole),
        "behind.ac3": Case(_muxed("-map 1:a -ar 48000 -af pan=5.1|BL=c0 -b:a 448k"), four, whole),
        "quiet50.wav": Case(_muxed("-map 1:a -af volume=-50dB -c:a pcm_f32le"), four, whole),
        "quiet60.wav": Case(_muxed("-map 1:a -af volume=-60dB -c:a pcm_s16le"), four, whole),
        "silent-first.mkv": Case(_muxed("-f lavfi -i anullsrc=d=9 -map 0:a -map 1:a -c:a aac"), four, whole),
        "second.mkv": Case(_muxed(f"-f lavfi -i anoisesrc=d=9 {both} -disposition:a:1 default"), four, whole),
        # what really ends early
        "short.wav": Case(_short("wav"), four[:2], 0.6 * whole, "its end is missing"),
        "short.caf": Case(_short("caf"), four[:2], 0, "its end is missing"),
        "short.flac": Case(_short("flac"), four[:2], 0, "its end is missing"),
        "short.mp3": Case(_short("mp3", "-b:a 64k"), four[:2], 0, "its end is missing"),
        "short.webm": Case(_short("webm", "-c:a libopus -vbr off"), four[:2], 0, "its end is missing"),
        "short.opus": Case(_short("opus", "-c:a libopus -vbr off"), four[:2], 0, "its end is missing"),
        "short.m4a": Case(_short("m4a", "-movflags faststart"), four[:2], 0, "its end is missing"),
    }  # fmt: skip


def ffmpeg(*options: object) -> None:
    """Run ffmpeg; what it makes is overwritten."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, options)], check=True)


def _muxed(options: str, offset: float = 0) -> Callable[[Path, str], None]:
    """Input 1 (0, where there is no other) is abcd.wav, later by an offset in seconds."""

    def make(folder: Path, name: str) -> None:
        words = options.split()
        inputs, rest = (
            (words[: words.index("-i") + 2], words[words.index("-i") + 2 :]) if "-i" in words else ([], words)
        )
        rest = rest if inputs else [word.replace("1:a", "0:a") for word in rest]
        ffmpeg(*inputs, "-itsoffset", offset, "-i", folder / "abcd.wav", *rest, folder / name)

    return make


def _joined(kind: str, first: str = "", second: str | None = None) -> Callable[[Path, str], None]:
    """Sentence a, then b, as `cat` leaves them."""

    def make(folder: Path, name: str) -> None:
        content = b""
        for sentence, options in (("a", first), ("b", first if second is None else second)):
            part = folder / f"part-{sentence}.{kind}"
            ffmpeg("-i", folder / f"{sentence}.wav", *options.split(), part)
            content += part.read_bytes()
            part.unlink()
        (folder / name).write_bytes(content)

    return make


def _lying(riff: int = 0, data: int | None = None, byterate: int = 1) -> Callable[[Path, str], None]:
    """A WAV of 11,025 Hz whose header says too much: sizes in bytes beyond the right ones, `data` 0 and 2**32 - 1 are
    taken as they are."""

    def make(folder: Path, name: str) -> None:
        path = folder / name
        ffmpeg("-i", folder / "abcd.wav", "-ar", 11_025, "-bitexact", path)
        content = bytearray(path.read_bytes())
        size = len(content) - 44
        said = size if data is None else data if data in (0, 0xFFFFFFFF) else size + data
        content[4:8] = struct.pack("<I", min(0xFFFFFFFF, size + 36 + riff))
        content[28:32] = struct.pack("<I", 11_025 * 2 * byterate)
        content[40:44] = struct.pack("<I", said)
        path.write_bytes(content)

    return make


def _crashed(fields: dict[bytes, tuple[int, int]]) -> Callable[[Path, str], None]:
    """abcd.wav in another format, some of its fields 0: by the mark before them, how far behind it, and bytes."""

    def make(folder: Path, name: str) -> None:
        path = folder / name
        ffmpeg("-i", folder / "abcd.wav", path)
        content = bytearray(path.read_bytes())
        for mark, (after, count) in fields.items():
            place = content.index(mark) + after
            content[place : place + count] = bytes(count)
        path.write_bytes(content)

    return make


def _large(size: int | None = None) -> Callable[[Path, str], None]:
    """abcd.wav as RF64 that leaves its sizes open, but for one (None: it has none) in the chunk that should have it."""

    def make(folder: Path, name: str) -> None:
        content = (folder / "abcd.wav").read_bytes()
        place = content.index(b"data")
        sizes = b"" if size is None else b"ds64" + struct.pack("<IQQQI", 28, size, size, size, 0)
        head = b"RF64\xff\xff\xff\xffWAVE" + sizes + content[12:place]
        (folder / name).write_bytes(head + b"data\xff\xff\xff\xff" + content[place + 8 :])

    return make


def _tagged(
    kind: str, options: str = "", tag: bytes = b"ID3\x03\0\0\0\0\x02\0" + bytes(256)
) -> Callable[[Path, str], None]:
    """abcd.wav in a format that has no place for what is put before it, such as an ID3 tag."""

    def make(folder: Path, name: str) -> None:
        path = folder / name
        ffmpeg("-i", folder / "abcd.wav", *options.split(), "-f", {"m4a": "mp4"}.get(kind, kind), path)
        path.write_bytes(tag + path.read_bytes())

    return make


def _filled_up(kind: str) -> Callable[[Path, str], None]:
    """abcd.wav in a file that has been given more room than it takes."""

    def make(folder: Path, name: str) -> None:
        ffmpeg("-i", folder / "abcd.wav", "-ar", 44_100, folder / name)
        (folder / name).write_bytes((folder / name).read_bytes() + bytes(5_000))

    return make


def _laid_out(chunks: Callable[[bytes, bytes, bytes], bytes]) -> Callable[[Path, str], None]:
    """abcd.wav with its chunks made anew of what describes its samples, and of two stretches of these."""

    def make(folder: Path, name: str) -> None:
        content = (folder / "abcd.wav").read_bytes()
        place = content.index(b"data")
        body = b"WAVE" + chunks(content[12:place], content[place + 8 : 100_008], content[100_008:])
        (folder / name).write_bytes(_chunk(b"RIFF", body))

    return make


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content


def _of_32_bits(samples: bytes) -> bytes:
    """Samples of 16 bits as ones of 32, of which 24 are said to be valid."""
    wide = np.frombuffer(samples, "<i2").astype("<i4") << 16
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, SAMPLE_RATE, 4 * SAMPLE_RATE, 4, 32, 22, 24, 4) + guid
    return _chunk(b"fmt ", form) + _chunk(b"data", wide.tobytes())


def _written(kind: str) -> Callable[[Path, str], None]:
    """abcd.wav in a format that libsndfile writes."""

    def make(folder: Path, name: str) -> None:
        samples, rate = soundfile.read(folder / "abcd.wav", dtype="int16")
        soundfile.write(folder / name, samples, rate, "PCM_16", format=kind)

    return make


def _channels(mix: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]) -> Callable[[Path, str], None]:
    """Channels made of abcd.wav and of noise as loud as that."""

    def make(folder: Path, name: str) -> None:
        samples, rate = soundfile.read(folder / "abcd.wav", dtype="float32")
        noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
        soundfile.write(folder / name, np.stack(mix(samples, noise * samples.std()), axis=1), rate, "FLOAT")

    return make


def _later(samples: np.ndarray, seconds: float) -> np.ndarray:
    return np.concatenate([np.zeros(round(seconds * SAMPLE_RATE), np.float32), samples])[: len(samples)]


def _xing(frames: int) -> Callable[[Path, str], None]:
    """An MP3 of varying bit rate whose header claims so many frames."""

    def make(folder: Path, name: str) -> None:
        path = folder / name
        ffmpeg("-i", folder / "abcd.wav", "-ar", 44_100, "-q:a", 5, path)
        content = path.read_bytes()
        at = max(content.find(b"Xing"), content.find(b"Info")) + 8
        path.write_bytes(content[:at] + struct.pack(">I", frames) + content[at + 4 :])

    return make


def _short(kind: str, options: str = "") -> Callable[[Path, str], None]:
    """Six tenths of a file."""

    def make(folder: Path, name: str) -> None:
        path = folder / name
        ffmpeg("-i", folder / "abcd.wav", *options.split(), path)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 6 // 10])

    return make
