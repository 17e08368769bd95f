"""Answers as HTML."""

import re

import numpy as np

from index.library import Segment
from index.search import Answer, Match, Query
from ui import cards, labels, theme

QUERY = Query(np.zeros(4, np.float32), 0.012, np.zeros((0, 4), np.float32), "a storm", "en")


def match(number: int, probability: float, text: str = "A storm came up.", start: float = 0.0) -> Match:
    segment = Segment(number, "tale", start, start + 2, text, "en", "espeak:en", "science_fiction")
    return Match(segment, 0.8, 0.7, 0.9, 1.5, probability, probability >= 0.5)


def shown(*matches: Match) -> str:
    return cards.answer(Answer(QUERY, list(matches), 0.0014, "cpu"), {"science_fiction": 14}, 1_234)


def test_a_good_match_is_a_card() -> None:
    html = shown(match(7, 0.934, start=72.4))
    assert "1 good match<" in html
    assert 'data-play="7"' in html and 'data-src="audio/tale" data-start="72.400" data-end="74.400"' in html
    assert 'aria-valuenow="93"' in html and "width:93%" in html
    assert "var(--category-14)" in html and "science fiction" in html and "English" in html
    assert "from 1:12 in a recording" in html
    assert "<b>12 ms</b>" in html and "<b>1.4 ms</b>" in html and "1,234 utterances" in html and "cpu" in html
    assert "<details" not in html


def test_the_less_likely_are_folded_away() -> None:
    html = shown(match(1, 0.9), match(2, 0.2), match(3, 0.1))
    assert html.index('data-play="1"') < html.index("<details") < html.index('data-play="2"')
    assert "2 less likely" in html


def test_no_good_match_says_so_and_offers_the_nearest() -> None:
    html = shown(match(1, 0.2), match(2, 0.3))
    assert "No good match" in html and "30 % likely" in html
    assert html.index("Show the nearest 2 anyway") < html.index('data-play="1"')
    assert "less than 1 %" in shown(match(1, 0.001))


def test_filters_that_nothing_passes() -> None:
    html = shown()
    assert "No utterance passes these filters" in html
    assert "<details" not in html


def test_what_is_not_known_is_said_to_be() -> None:
    assert "Not written down" in shown(match(1, 0.9, text=""))


def test_texts_and_errors_are_no_markup() -> None:
    attack = '"><script>alert(1)</script>'
    for html in (shown(match(1, 0.9, text=attack)), cards.notice(attack), cards.working(attack)):
        assert "<script" not in html and attack not in html


def test_an_answer_is_never_the_same_twice() -> None:
    assert shown(match(1, 0.9)) != shown(match(1, 0.9))


def test_labels() -> None:
    assert labels.language("pt-BR") == "Portuguese"
    assert labels.language("tlh") == "tlh"
    assert labels.category("belles_lettres") == "belles lettres"
    assert labels.voice("flite:rms") == "flite rms"
    assert labels.clock(725) == "12:05"


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
