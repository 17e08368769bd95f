"""Answers as HTML."""

import re
from pathlib import Path

import numpy as np
import pytest

from clasp.calibration import Witness
from clasp.speech.transcript import Transcript, Word
from index.cli.search import as_text
from index.hit import Hit
from index.library import Library, Recording, Segment
from index.search import Answer, Query
from tests.index.conftest import Identity, random_units
from ui import labels, theme
from ui.links import SearchRequest, SearchSettings
from ui.search import results
from ui.search.results import SearchedLibrary

QUERY = Query(np.zeros(4, np.float32), 0.012, np.zeros((0, 4), np.float32), "a storm", "en")
STARTS = (10.0, 72.4, 80.0, 90.0)  # of the utterances of the long recording


@pytest.fixture
def searched(tmp_path: Path) -> SearchedLibrary:
    """A library with a short recording of one utterance, and a long one of four."""
    facts = {"language": "en", "speaker": "Anna", "category": "science_fiction"}
    recordings = [
        Recording("tale", Path("tale.ogg"), "A tale", 2.0, **facts),
        Recording("talk", Path("talk.ogg"), 'A "talk" <b>', 120.0, date="1962-05", **facts),
    ]
    segments = [Segment(0, "tale", 0.0, 2.0, "A storm came up.", **facts)]
    segments += [Segment(0, "talk", start, start + 4, f"Said at {start}.", **facts) for start in STARTS]
    library = Library.create(tmp_path / "library", Identity())
    library.add(recordings, segments, random_units(len(segments), Identity.dim))
    return SearchedLibrary(library, "own", "a key", {"science_fiction": 14})


def hit(searched: SearchedLibrary, number: int, probability: float, *, witness: Witness = "meaning", **changes) -> Hit:
    segment = Segment(**(vars(searched.library.segment(number)) | changes))
    recording = searched.library.recording(segment.recording)
    strong, possible = probability >= 0.5, probability >= 0.15
    return Hit(segment, recording, probability, probability, 0.7, 0.9, 1.5, 0.0, strong, possible, witness)


def shown(searched: SearchedLibrary, *hits: Hit, **settings) -> str:
    request = SearchRequest(SearchSettings("own", **settings), "a storm")
    answer = Answer(QUERY, list(hits), 0.0014, "cpu", telling=frozenset({"storm"}))
    return results.answer(answer, request, searched)


def test_a_strong_match_is_a_card(searched: SearchedLibrary) -> None:
    html = shown(searched, hit(searched, 1, 0.934))
    assert "1 strong match<" in html
    assert 'data-play="own/1" data-src="audio/a%20key/tale" data-start="0.000" data-end="2.000"' in html
    assert 'aria-valuenow="93"' in html and "width:93%" in html
    assert "var(--category-14)" in html and "science fiction" in html and "English" in html
    assert 'class="strip"' not in html and "Before and after" not in html
    assert "<b>1.4 ms</b>" in html and "5 utterances" in html
    assert "Anna" in html and "0:00" not in html and "A tale</a></h3>" in html
    searched.library.edit("tale", title="A storm came up.")
    assert "<h3" not in shown(searched, hit(searched, 1, 0.934))  # its title is what it says
    assert 'class="more"' not in html


def test_unsure_words_of_a_machine_are_dimmed(searched: SearchedLibrary) -> None:
    library = searched.library
    (memo,) = library.add([Recording("memo", Path("memo.ogg"), "Memo", 4.0)], [Segment(0, "memo", 0.0, 4.0)],
                          random_units(1, Identity.dim))  # fmt: skip
    spoken = {"A": 0.9, "storn": 0.2, "came": 0.9, "up,": 0.8, "that": 0.7, "storm.": 0.3}
    times = tuple(Word(text, n / 2, n / 2 + 0.4, probability) for n, (text, probability) in enumerate(spoken.items()))
    library.transcripts.store([memo.id], [Transcript(" ".join(spoken), "en", times, -0.5)], "hand")
    html = shown(searched, hit(searched, memo.id, 0.9))
    assert 'A <span class="unsure">storn</span> came up, that <mark class="unsure">storm</mark>' in html
    assert 'storm</mark><span class="unsure">.</span>' in html
    assert "unsure" not in shown(searched, hit(searched, 1, 0.9))


def test_moments_of_a_recording_share_its_head_and_waveform(searched: SearchedLibrary) -> None:
    html = shown(searched, hit(searched, 3, 0.9), hit(searched, 1, 0.8), hit(searched, 5, 0.7))
    assert "3 strong matches in 2 recordings" in html
    assert html.count('class="strip"') == 1 and html.count('class="mark"') == 2
    assert 'data-envelope="envelope/a%20key/talk"' in html
    assert 'data-src="audio/a%20key/talk" data-duration="120.000"' in html
    assert "--at:60.333%;--wide:3.333%;--sure:90%" in html
    assert "1:12 – 1:16" in html and "<span>1962-05</span>" in html and "2 moments" in html
    assert 'data-start="72.000" data-end="76.800"' in html  # with a little before and after
    near = html[html.index('id="around-3"') :]
    assert near.index("Said at 10.0") < near.index("Said at 72.4") < near.index("Said at 80.0")


def test_by_time(searched: SearchedLibrary) -> None:
    hits = hit(searched, 5, 0.9), hit(searched, 2, 0.8)
    for by_time in (False, True):
        html = shown(searched, *hits, by_time=by_time)
        assert (html.index('data-segment="2"') < html.index('data-segment="5"')) == by_time


def test_an_answer_knows_its_address(searched: SearchedLibrary) -> None:
    html = shown(searched, hit(searched, 1, 0.9), category="science_fiction", meaning=0.25)
    assert 'data-address="?q=a+storm&amp;library=own&amp;category=science_fiction&amp;meaning=0.25"' in html
    assert "data-copy" in html and "data-private" not in html
    request = SearchRequest(SearchSettings("visit"), "a storm")
    mine = results.answer(Answer(QUERY, [hit(searched, 1, 0.9)], 0.001, "cpu"), request, searched)
    assert "data-private" in mine and "data-copy" not in mine  # a visitor's own uploads


def test_it_is_said_why_a_search_took_longer(searched: SearchedLibrary) -> None:
    answer = Answer(QUERY, [hit(searched, 1, 0.9)], 2.0, "cpu", note="The Milvus server does not answer.")
    for text in (results.answer(answer, SearchRequest(SearchSettings("own"), QUERY.text), searched), as_text(answer)):
        assert "The Milvus server does not answer." in text


def test_it_is_said_that_transcripts_are_still_being_made(searched: SearchedLibrary) -> None:
    asked = Answer(QUERY, [hit(searched, 1, 0.9)], 0.001, "cpu"), SearchRequest(SearchSettings("own"), QUERY.text)
    assert "Transcripts are still being made" in results.answer(*asked, searched, transcribing=True)
    assert "Transcripts" not in results.answer(*asked, searched)


def test_filters_can_be_cleared(searched: SearchedLibrary) -> None:
    assert "data-clear" in shown(searched, hit(searched, 1, 0.9), since="1962")
    assert "data-clear" in shown(searched, speaker="Anna")
    assert "data-clear" not in shown(searched, hit(searched, 1, 0.9))


def test_possible_matches_follow_the_strong_ones_and_weaker_ones_are_folded_away(searched: SearchedLibrary) -> None:
    html = shown(searched, hit(searched, 1, 0.9), hit(searched, 2, 0.2), hit(searched, 3, 0.1))
    order = ("1 strong match<", 'data-segment="1"', "1 possible match<", 'data-segment="2"', "1 weaker match<")
    places = [html.index(part) for part in (*order, 'data-segment="3"')]
    assert places == sorted(places) and html.count("<details") == html.count('class="more"') + 1  # and of downloads


def test_possible_matches_alone_are_shown_at_once(searched: SearchedLibrary) -> None:
    html = shown(searched, hit(searched, 1, 0.3), hit(searched, 2, 0.2))
    assert "2 possible matches" in html and 'class="more"' not in html and 'class="nothing"' not in html


def test_where_nothing_is_like_it_the_nearest_are_shown_all_the_same(searched: SearchedLibrary) -> None:
    html = shown(searched, hit(searched, 1, 0.1), hit(searched, 2, 0.05))
    assert html.index("Nothing in this library seems to say that") < html.index('data-segment="1"')
    assert 'class="more"' not in html and "Same meaning" not in html


def test_a_card_says_why_it_was_found(searched: SearchedLibrary) -> None:
    html = shown(searched, hit(searched, 1, 0.9, witness="words"), hit(searched, 2, 0.3, witness="sound"))
    assert "<span>Same words</span>" in html and "<span>Sounds alike</span>" in html
    assert "A <mark>storm</mark> came up." in html
    html = shown(searched, hit(searched, 2, 0.9, witness="words", speaker="Captain Storm", speaker_guessed=True))
    assert "<span>Captain Storm (guess)</span><span>Name of the speaker</span>" in html  # nothing of it is said
    searched.library.edit("talk", title="After the storm")
    assert "<span>In the title</span>" in shown(searched, hit(searched, 2, 0.9, witness="words"))


def test_filters_that_nothing_passes(searched: SearchedLibrary) -> None:
    html = shown(searched)
    assert "No utterance passes these filters" in html
    assert "<details" not in html


def test_an_utterance_without_a_transcript_says_so(searched: SearchedLibrary) -> None:
    assert "No transcript" in shown(searched, hit(searched, 1, 0.9, text=""))


def test_an_automatic_transcript_is_marked_so(searched: SearchedLibrary) -> None:
    machine = {"text": "", "language": "", "machine_text": "Ein <Sturm> kam.", "confidence": 0.834, "detected": "de"}
    html = shown(searched, hit(searched, 1, 0.9, **machine))
    mark = '<small class="by-machine" title="Automatic transcript, confidence 83%"'
    assert f'lang="de">Ein &lt;Sturm&gt; kam. {mark}' in html
    assert "by-machine" not in shown(searched, hit(searched, 1, 0.9)) and "No transcript" not in html


def test_texts_and_errors_are_no_markup(searched: SearchedLibrary) -> None:
    attack = '"><script>alert(1)</script>'
    for html in (shown(searched, hit(searched, 1, 0.9, text=attack)), results.error(attack), results.working(attack)):
        assert "<script" not in html and attack not in html
    assert "A &#34;talk&#34; &lt;b&gt;" in shown(searched, hit(searched, 2, 0.9))


def test_an_answer_is_never_the_same_twice(searched: SearchedLibrary) -> None:
    assert shown(searched, hit(searched, 1, 0.9)) != shown(searched, hit(searched, 1, 0.9))


def test_labels() -> None:
    assert labels.language("pt-BR") == "Portuguese"
    assert labels.variant("pt-BR") == "Portuguese (Brazil)" and labels.language("sw-KE") == "Swahili"
    assert labels.language("tlh") == "Klingon" and labels.language("no tag") == "no tag"
    assert labels.category("belles_lettres") == "belles lettres"
    assert (labels.count(1, "match", "matches"), labels.count(1_200, "file")) == ("1 match", "1,200 files")
    assert labels.clock(725) == "12:05" and labels.clock(3672) == "1:01:12"
    assert labels.several(["Ada", "Bo", "Cy"]) == "Ada, Bo, Cy"
    assert labels.several(["Ada", "Bo", "Cy", "Di"]) == "Ada, Bo and 2 more"
    assert labels.title("A talk") == "A talk" and len(labels.title("long " * 40)) <= 60


def luminance(colour: str) -> float:
    """Of a colour such as "#0b6e6a", as WCAG defines it."""
    values = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_can_be_read_in_light_and_dark() -> None:
    css = theme.css()
    modes = re.findall(r"(?:^:root|^\.dark) \{\n(.*?)\n\}", css, re.DOTALL | re.MULTILINE)
    assert len(modes) == 2
    for mode, block in enumerate(modes):
        colour = dict(re.findall(r"--([\w-]+): (#\w{6});", block))
        for ground in ("paper", "card", "sunk"):
            assert contrast(colour["ink"], colour[ground]) >= 7
            assert contrast(colour["soft"], colour[ground]) >= 4.5
            assert contrast(colour["accent"], colour[ground]) >= 4.5
        assert contrast(colour["on-accent"], colour["accent"]) >= 4.5
        assert contrast(colour["accent"], colour["accent-soft"]) >= 4.5
        assert contrast(colour["edge"], colour["card"]) >= 3
        for pair in theme.PALETTE:
            assert contrast(pair[mode], colour["card"]) >= 3
    assert len(set(theme.PALETTE)) == 15
