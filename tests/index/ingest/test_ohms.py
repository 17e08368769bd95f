"""Interviews of the Oral History Metadata Synchronizer beside recordings."""

from pathlib import Path

import pytest

from index.ingest import transcripts
from tests.index.ingest.test_sidecars import Sidecar, known, write

FACTS = (
    '<version>5.4</version><date value="1984-07-20" format="yyyy-mm-dd"/><title>Interview with Anna Smith</title>'
    "<interviewee>Smith, Anna</interviewee><interviewer>Miller, Ben</interviewer>"
    "<collection_name>Harbour</collection_name><subject>Floods</subject><subject>Ferries</subject><keyword>storm</keyword><language>English</language>"
)
LINES = (
    "Transcript: MILLER: When was the flood?", "",
    "SMITH: The harbour was flooded[[footnote]]1[[/footnote]] in the year",
    "after the storm of nineteen-sixty.{00:01:00}", "", "MILLER: And the ferry?", "SMITH: It did not go.",
    "[[footnotes]]", "[[note]]It was 1961.[[/note]]", "[[/footnotes]]",
)  # fmt: skip
POINT = (
    "<index><point><time>62</time><title>Flood</title><partial_transcript>The harbour was</partial_transcript></point>"
    "</index>"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "a.wav", b"RIFF")
    return tmp_path


def interview(*parts: str) -> str:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<ROOT xmlns="https://www.weareavp.com/nunncenter/ohms">'
    return f'{head}<record id="0001" dt="2013-02-07">{FACTS}{"".join(parts)}</record></ROOT>'


def cues(beside: Sidecar) -> list[tuple[float, str, str]]:
    return [(round(one.start, 2), one.speaker, one.text) for one in beside.cues]


def test_lines_at_which_minutes_begin(folder: Path) -> None:
    transcript = "\n".join(LINES)
    write(folder / "a.xml", interview("<sync>1:|3(4)|6(1)</sync>", f"<transcript>{transcript}</transcript>", POINT))
    beside, remarks = known(folder)
    letters = [len(" MILLER: When was the flood?"), len("SMITH: The harbour was flooded in the year")]
    second = 60 * letters[0] / sum(letters)
    letters = [len("after the storm of nineteen-sixty."), len("MILLER: And the ferry?")]
    fourth = 60 + 60 * letters[0] / sum(letters)
    assert cues(beside) == [
        (0.0, "MILLER", "When was the flood?"), (round(second, 2), "SMITH", "The harbour was flooded in the year"),
        (60.0, "SMITH", "after the storm of nineteen-sixty."), (round(fourth, 2), "MILLER", "And the ferry?"),
        (120.0, "SMITH", "It did not go."),
    ]  # fmt: skip
    assert remarks == []


def test_facts(folder: Path) -> None:
    write(folder / "a.xml", interview("<transcript>Hello.</transcript>"))
    beside, remarks = known(folder)
    assert beside.facts == {
        "title": "Interview with Anna Smith", "speaker": "Smith, Anna", "category": "Harbour", "language": "en",
        "date": "1984-07-20", "tags": "storm, Floods, Ferries",
    }  # fmt: skip
    assert (beside.text, beside.cues, remarks) == ("Hello.", (), [])


CAPTIONS = (
    "00:00:01.000 --&gt; 00:00:02.500\n&lt;v Smith&gt;The harbour.\n\n00:01:10.000 --&gt; 00:01:12.000\nFlooded.\n"
)


@pytest.mark.parametrize("head", ["", "WEBVTT\n\n"])
def test_captions(head: str, folder: Path) -> None:
    write(folder / "a.xml", interview("<sync/><transcript/>", f"<vtt_transcript>{head}{CAPTIONS}</vtt_transcript>"))
    assert cues(known(folder)[0]) == [(1.0, "Smith", "The harbour."), (70.0, "", "Flooded.")]


def test_an_index_quotes_what_is_said(folder: Path) -> None:
    write(folder / "a.xml", interview("<sync></sync><transcript></transcript>", POINT))
    assert cues(known(folder)[0]) == [(62.0, "", "The harbour was")]


def test_what_is_not_understood_is_named(folder: Path) -> None:
    odd = interview("<transcript>Hello.</transcript>").replace("1984-07-20", "5/1/1975").replace("English", "Elvish")
    write(folder / "a.xml", odd)
    beside, remarks = known(folder)
    assert beside.text == "Hello." and len(remarks) == 2 and all(one.startswith("a.xml, line 1: '") for one in remarks)


@pytest.mark.parametrize("content", ["<a><b/></a>", interview("<transcript/>"), "<ROOT><record>", ""])
def test_other_xml_is_named_once(content: str, folder: Path) -> None:
    write(folder / "a.xml", content)
    assert len(known(folder)[1]) == 1


@pytest.mark.parametrize("sync", ["1:|99999|2|3", "0:|1|2", "999:|1(1)|1(1)|0", "1:1|", "x", "1:"])
def test_lines_that_are_not_there(sync: str) -> None:
    found = transcripts.parse(interview(f"<sync>{sync}</sync><transcript>One\ntwo</transcript>"), ".xml")
    assert found.text and all(0 <= one.start <= one.end for one in found.cues)
