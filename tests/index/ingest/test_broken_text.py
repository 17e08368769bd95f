"""Whatever a transcript or a table holds: it is read or refused in one sentence, in little time."""

import time
from pathlib import Path

import numpy as np
import pytest

from clasp.errors import DataError
from index.ingest import transcripts
from index.ingest.tables import Table
from tests.index.ingest.test_sidecars import TABLES, TRANSCRIPTS

CASES, MANY = 1_000, 100_000
SECONDS = 10.0  # most that a file may take
PIECES = (b'"', b"<", b"{\\", b"[", b"\n", b"9" * 30, b" --> ", b"\0", b"&#xd800;", b"\xff", b"NaN", b"1e999", b"<v A>")


def seeds() -> list[tuple[str, bytes]]:
    """Names and contents that are whole."""
    cases = [(name, content) for name, content, *_ in (*TRANSCRIPTS.values(), *TABLES.values())]
    return [(name, content if isinstance(content, bytes) else content.encode()) for name, content in cases]


def mutated(whole: bytes, random: np.random.Generator, others: list[tuple[str, bytes]]) -> bytes:
    """A content with one to four kinds of harm."""
    content = bytearray(whole)
    for _ in range(random.integers(1, 5)):
        place, kind = int(random.integers(len(content) + 1)), random.integers(5)
        if kind == 0 and place < len(content):
            content[place] ^= 1 << random.integers(8)
        elif kind == 1:
            del content[place : place + random.integers(1, 40)]
        elif kind == 2:
            content[place:place] = content[max(0, place - 30) : place] * int(random.integers(1, 50))
        elif kind == 3:
            content[place:place] = PIECES[random.integers(len(PIECES))] * int(random.integers(1, 5))
        else:
            other = others[random.integers(len(others))][1]
            content = content[:place] + other[random.integers(len(other)) :]
    return bytes(content)


def check(path: Path) -> None:
    """Read a file; fail where something happens that must not."""
    began = time.process_time()
    if path.suffix.lower() in (".csv", ".tsv"):
        table = Table.read(path)
        assert all("\n" not in remark for remark in [*table.remarks, table.unknown(["a.wav"])])
    try:
        transcript = transcripts.read(path)
        assert all(0 <= one.start <= one.end and one.text for one in transcript.cues)
        transcript.text.encode()
    except DataError as error:
        assert str(error).startswith(path.name) and "\n" not in str(error)
    assert time.process_time() - began < SECONDS


def fuzzed(folder: Path, cases: range) -> None:
    wholes = seeds()
    for case in cases:
        random = np.random.default_rng(case)
        name, whole = wholes[case % len(wholes)]
        if random.random() < 0.3:
            name = "a" + list(transcripts.READERS)[random.integers(len(transcripts.READERS))]
        path = folder / name
        path.write_bytes(mutated(whole, random, wholes))
        try:
            check(path)
        except Exception as error:
            raise AssertionError(f"case {case}, {name}: {error!r}") from error


def test_broken_files(tmp_path: Path) -> None:
    fuzzed(tmp_path, range(CASES))


@pytest.mark.slow
def test_many_broken_files(tmp_path: Path) -> None:
    fuzzed(tmp_path, range(CASES, CASES + MANY))


CUE = "1\n00:00:00,000 --> 00:00:01,000\n"
EVENTS = "[Events]\nFormat: Layer, Start, End, Style, Name, Text\nDialogue: 0,0:00:00.00,0:00:01.80,Default,,"
HOSTILE = {  # what takes long where a reader goes over it again and again
    "braces": ("srt", CUE, "{\\"),
    "tags": ("srt", CUE, "<a"),
    "entities": ("srt", CUE, "&"),
    "digits": ("srt", "", "1"),
    "clocks": ("srt", "", "00:"),
    "voices": ("vtt", CUE, "<v A>x"),
    "speakers": ("srt", CUE, "AB: x\n"),
    "names": ("txt", "A", ".a"),
    "blank lines": ("vtt", "WEBVTT\n" + CUE, "\n"),
    "the same cue": ("srt", "", CUE + "x\n\n"),
    "ASS, open": ("ass", EVENTS, "{"),
    "ASS, empty": ("ass", EVENTS, "{}"),
    "ASS, styles": ("ass", "", "[V4+ Styles]\n"),
    "elements": ("ttml", "<tt><body>", "<p>"),
    "quotes": ("textgrid", '"TextGrid"', '"'),
    "lists": ("json", "", "["),
    "numbers": ("textgrid", '"TextGrid" "IntervalTier" "a" 0 1 999999999 ', "1 "),
    "cells": ("csv", "file,title\n", ","),
    "cells in quotes": ("csv", "file,title\n", '"'),
    "rows": ("csv", "file,title\n", "a\n"),
    "names of columns": ("csv", "", "file,"),
    "bytes": ("txt", "", "ü"),
    "separators": ("txt", "", "- "),
    "settings": ("srt", "00:00:00,000 --> 00:00:01,000 x ", "a:b"),
    "settings in braces": ("srt", "00:00:00,000 --> 00:00:01,000 x ", "{a:b} "),
    "headings": ("md", "", "# a\n- b\n"),
    "links": ("md", "[0:00", "](a"),
    "open tags": ("html", "<p>[0:00] a</p>", "<script"),
    "times of SAMI": ("smi", "", "<sync start=1><p class=a>"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_long_repetitions(tmp_path: Path, case: str) -> None:
    suffix, head, part = HOSTILE[case]
    path = tmp_path / f"a.{suffix}"
    path.write_bytes((head + part * 50_000).encode("cp1252"))
    check(path)
