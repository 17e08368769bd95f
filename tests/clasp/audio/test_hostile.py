"""Files made to do harm: small ones that unfold to hours, forged rates, endless ones, lists of other files."""

import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import cut, decode, length, stream
from clasp.errors import AudioError
from tests.clasp.audio.fuzz import MEMORY, NAMES, SECONDS, STALL, Decoder, seeds


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return seeds(tmp_path_factory.mktemp("seeds"))


def crc(page: bytes) -> int:
    """Ogg's checksum."""
    value = 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ CRC[value >> 24 ^ byte]
    return value


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
        table.append(value)
    return table


CRC = _crc_table()


def opus_bomb(path: Path, hours: float) -> None:
    """Hours of Opus in frames of one byte, 60 ms each."""
    pages: list[bytes] = []

    def add(packets: list[bytes], position: int, kind: int) -> None:
        sizes = bytes(len(packet) for packet in packets)
        head = b"OggS\0" + struct.pack("<BqIII", kind, position, 1, len(pages), 0) + bytes([len(sizes)]) + sizes
        page = bytearray(head + b"".join(packets))
        page[22:26] = struct.pack("<I", crc(page))
        pages.append(bytes(page))

    add([b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)], 0, 2)
    add([b"OpusTags" + struct.pack("<I", 4) + b"none" + struct.pack("<I", 0)], 0, 0)
    count = int(hours * 3_600 / (255 * 0.06))
    for number in range(1, count + 1):
        add([b"\x18"] * 255, number * 255 * 2_880, 4 if number == count else 0)
    path.write_bytes(b"".join(pages))


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    decoder = Decoder(SECONDS, CLASP_RECORDING_HOURS="0.5", CLASP_STALL_SECONDS=STALL)
    yield decoder
    decoder.close()


def test_many_hours_in_a_small_file(tmp_path: Path, decoder: Decoder):
    opus_bomb(tmp_path / "bomb.opus", 13)
    with soundfile.SoundFile(tmp_path / "bomb.flac", "w", 8_000, 1, "PCM_16") as file:
        for _ in range(13):
            file.write(np.zeros(3_600 * 8_000, np.int16))
    for name, most in (("bomb.opus", 2 * 2**20), ("bomb.flac", 4 * 2**20)):
        path = tmp_path / name
        assert path.stat().st_size < most
        assert length(path) == pytest.approx(13 * 3_600, rel=0.01)
        with pytest.raises(AudioError, match="longer than 600 s"):
            decode(path)
        outcome = decoder.outcome(path)
        assert outcome.verdict == "refused" and outcome.memory < MEMORY


RATES = (0.0, 1e-9, 1.0, 50.0, 3e6, 2.0**31, 1e300, float("inf"), float("nan"), -16_000.0)


@pytest.mark.parametrize("rate", RATES)
def test_a_forged_sample_rate(wholes: list[bytes], tmp_path: Path, decoder: Decoder, rate: float):
    """In a Matroska file, where it is any number at all."""
    content = wholes[NAMES.index("pcm.mka")]
    honest = b"\xb5\x88" + struct.pack(">d", 16_000)
    assert content.count(honest) == 1
    path = tmp_path / "forged.mka"
    path.write_bytes(content.replace(honest, b"\xb5\x88" + struct.pack(">d", rate)))
    outcome = decoder.outcome(path)
    assert outcome.verdict in ("ok", "refused") and outcome.seconds < SECONDS
    assert outcome.memory < MEMORY


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path):
    path = tmp_path / "endless.wav"
    os.mkfifo(path)
    began = time.perf_counter()
    for read in (decode, lambda file: list(stream(file)), lambda file: cut(file, 0, 1)):
        with pytest.raises(AudioError, match="not a file"):
            read(path)
    assert length(path) is None and time.perf_counter() - began < 1


MARKS = {
    "chunks.wav": b"RIFF\xff\xff\xff\x7fWAVE" + b"JUNK\0\0\0\0" * 2**21,
    "streams.flac": b"fLaC\x00\x00\x00\x22" * 2**21,
    "pages.ogg": (b"OggS\x00\x02" + bytes(22)) * 2**19,
    "blocks.wv": (b"wvpk" + bytes(20) + b"\0\x08\0\0" + bytes(4)) * 2**19,
    "boxes.mp4": b"\0\0\0\x08ftyp" * 2**21,
    "far.mp4": b"\0\0\0\x01ftyp" + b"\xff" * 8 + bytes(100),
}


@pytest.mark.parametrize("name", MARKS)
def test_millions_of_beginnings_are_not_followed(tmp_path: Path, decoder: Decoder, name: str):
    (tmp_path / name).write_bytes(MARKS[name])
    outcome = decoder.outcome(tmp_path / name)
    assert outcome.verdict in ("ok", "refused") and outcome.memory < MEMORY


LISTS = {
    "hls.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nother.wav\n#EXT-X-ENDLIST\n",
    "key.m3u8": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="other.wav"\n#EXTINF:3,\nother.wav\n#EXT-X-ENDLIST\n',
    "plain.m3u": "other.wav\n",
    "list.ffconcat": "ffconcat version 1.0\nfile other.wav\n",
    "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet>'
    '<Representation id="1" bandwidth="1"><BaseURL>other.wav</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "concat": "concat:other.wav|other.wav",
    "list.pls": "[playlist]\nFile1=other.wav\nNumberOfEntries=1\n",
    "list.cue": 'FILE "other.wav" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "list.xspf": '<playlist version="1"><trackList><track><location>other.wav</location></track></trackList>',
    "list.asx": '<asx version="3.0"><entry><ref href="other.wav"/></entry></asx>',
    "list.asf": "[Reference]\nRef1=other.wav\n",
    "movie.mov": "rtsptextother.wav",
    "rtp.amr": "#EXTM3U\nhttp://127.0.0.1:9/other.wav\n",
    "tee.wav": "[f=wav]other.wav",
    "list.imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"/>',
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_files_opens_none_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    """The other file is a pipe: who opened it would wait for ever."""
    monkeypatch.setenv("CLASP_STALL_SECONDS", "5")
    monkeypatch.chdir(tmp_path)
    os.mkfifo(tmp_path / "other.wav")
    for path in (tmp_path / name, tmp_path / "renamed.wav", tmp_path / "renamed.mp4"):
        path.write_text(LISTS[name])
        for read in (decode, lambda file: list(stream(file)), lambda file: cut(file, 0, 1)):
            with pytest.raises(AudioError, match=r"not a recording that can be read|cut off"):
                read(path)
        assert length(path) is None


PROTOCOLS = ("concat:a.wav|a.wav", "http://localhost/a.wav", "pipe:0", "subfile,,start,0,end,9,,:a.wav", "file:a.wav",
             "-i", "%03d.wav", "data:audio/wav;base64,AAAA", "crypto:a.wav")  # fmt: skip


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_name_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    """What ffmpeg would take for a protocol or an option is the path of a file, there or not."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("a.wav", np.sin(np.arange(8_000) / 5), 8_000)
    with pytest.raises(AudioError, match="There is no file"):
        decode(name)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF no sound at all")
    with pytest.raises(AudioError, match="not a recording that can be read"):
        decode(name)
