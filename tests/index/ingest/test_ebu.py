"""Subtitles of broadcasters (EBU STL) beside recordings."""

from pathlib import Path

import pytest

from index.ingest.sidecars import Sidecar
from tests.index.ingest.test_sidecars import known, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "a.wav", b"RIFF")
    return tmp_path


def head(rate: bytes = b"25", begin: bytes = b"10000000", table: bytes = b"00", language: bytes = b"08") -> bytes:
    """What such a file says of itself: German (08), Latin letters (00)."""
    content = bytearray(b" " * 1_024)
    content[0:16] = b"850STL" + rate + b".01" + b"1" + table + language
    content[238:243], content[255:264] = b"00002", b"1" + begin
    return bytes(content)


def block(  # times as hours, minutes, seconds, frames
    number: int, start: bytes, end: bytes, text: bytes, *, more: int = 0xFF, comment: int = 0, cumulative: int = 0
) -> bytes:
    fields = bytes([0, number, 0, more, cumulative, *start, *end, 20, 2, comment])
    return fields + text.ljust(112, b"\x8f")


def cues(beside: Sidecar) -> list[tuple[float, float, str]]:
    return [(round(one.start, 3), round(one.end, 3), one.text) for one in beside.cues]


ONE = block(
    0, bytes([10, 0, 1, 0]), bytes([10, 0, 2, 12]), b"\x0d\x0bDer Hafen war \xc8uberflutet\x8a\x8anach dem Sturm."
)
TWO = block(1, bytes([10, 1, 10, 5]), bytes([10, 1, 12, 0]), b"Was dann, < 1 & 2?")
RIGHT = [(1.0, 2.48, "Der Hafen war überflutet nach dem Sturm."), (70.2, 72.0, "Was dann, < 1 & 2?")]


def test_subtitles(folder: Path) -> None:
    note = block(2, bytes([10, 2, 0, 0]), bytes([10, 2, 1, 0]), b"a remark", comment=1)
    write(folder / "a.stl", head() + ONE + TWO + note + b"cut off")
    beside, remarks = known(folder)
    assert cues(beside) == RIGHT and beside.language == "de" and remarks == []


@pytest.mark.parametrize("begin", [b"00000000", b"        ", b"20000000", b"99999999"])
def test_times_where_the_programme_does_not_say_when_it_begins(begin: bytes, folder: Path) -> None:
    write(folder / "a.STL", head(begin=begin) + ONE + TWO)
    assert [one.start for one in known(folder)[0].cues] == [36_001.0, 36_070.2]


def test_a_subtitle_in_several_blocks_and_another_rate(folder: Path) -> None:
    start, end = bytes([0, 0, 3, 0]), bytes([0, 0, 4, 0])
    first, second = block(0, start, end, b"The harbour ", more=1), block(0, start, end, b"was flooded")
    write(folder / "a.stl", head(b"30", b"00000000") + first + second)
    assert cues(known(folder)[0]) == [(3.003, 4.004, "The harbour was flooded")]


def test_letters_of_other_alphabets(folder: Path) -> None:
    write(
        folder / "a.stl",
        head(table=b"01") + block(0, bytes([10, 0, 1, 0]), bytes([10, 0, 2, 0]), "Гавань".encode("iso8859_5")),
    )
    assert cues(known(folder)[0]) == [(1.0, 2.0, "Гавань")]


FLAWED = {
    "a body in three dimensions": (bytes(80) + (10).to_bytes(4, "little") + bytes(500), "a.stl is no EBU STL that can"),
    "nothing": (b"", "a.stl is no EBU STL that can be read: save its subtitles as .srt."),
    "a head alone": (head(), "a.stl is no EBU STL that can be read: save its subtitles as .srt."),
    "times that are none": (head() + block(0, bytes([99] * 4), bytes([99] * 4), b"x"), "a.stl holds no words"),
    "noise": (head() + bytes(range(256)) * 40, "a.stl"),
}


@pytest.mark.parametrize("case", FLAWED)
def test_what_cannot_be_read_is_named_in_one_sentence(case: str, folder: Path) -> None:
    content, sentence = FLAWED[case]
    write(folder / "a.stl", content)
    beside, remarks = known(folder)
    assert not beside.cues and len(remarks) == 1 and remarks[0].startswith(sentence)
