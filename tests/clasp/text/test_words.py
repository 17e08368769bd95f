"""Words as an exact search compares them."""

import pytest

from clasp.text.words import count, coverage, marked, telling, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The café's ferry – 1962!", ["the", "cafe", "s", "ferry", "1962"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("cafe\u0301 café", ["cafe", "cafe"]),
        ("ａｂｃ １２", ["abc", "12"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("مُحَمَّد محمد", ["محمد", "محمد"]),
        ("渡し船", ["渡", "渡し", "し", "し船", "船"]),
        ("iPhoneを買う", ["iphone", "を", "を買", "買", "買う", "う"]),
        ("한국어", ["한국어"]),
        ("?! …", []),
        ("", []),
    ],
)
def test_words_have_no_case_accents_and_punctuation(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_letter_without_spaces_is_half_a_word() -> None:
    assert [count(text) for text in ("two words", "渡し船", "a 船", "…")] == [2, 1.5, 1.5, 0]


def test_coverage_counts_words_by_their_weight() -> None:
    weights = {"the": 0.5, "goat": 3.0, "duchess": 4.5}
    assert coverage(["the", "goat", "duchess"], {"the", "goat"}, weights) == pytest.approx(3.5 / 8)
    assert coverage(["the", "the", "goat"], {"the"}, weights) == pytest.approx(0.5 / 3.5)  # each word once
    assert coverage(["goat"], frozenset(), weights) == 0
    assert coverage([], {"goat"}, weights) == 0


@pytest.mark.parametrize(
    ("text", "query", "found"),
    [
        ("The café’s FERRY.", "cafe ferry", ["café", "FERRY"]),
        ("STRASSE, Straße", "straße", ["STRASSE", "Straße"]),
        ("朝の渡し船が出る", "渡し船", ["渡し船"]),
        ("この船", "渡し船", []),  # one letter is no word
        ("船", "船", ["船"]),
        ("नमस्ते दुनिया", "दुनिया", ["दुनिया"]),
        ("قال مُحَمَّد شيئا", "محمد", ["مُحَمَّد"]),
        ("I read iPhoneを買う", "iphone", ["iPhone"]),
        ("<b>ferry</b>", "ferry", ["ferry"]),
        ("", "ferry", []),
    ],
)
def test_marked_words_are_those_that_are_asked_for(text: str, query: str, found: list[str]) -> None:
    pieces = marked(text, frozenset(words(query)))
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, is_asked in pieces if is_asked] == found


def test_rare_words_tell_more_than_common_ones() -> None:
    assert telling({"the": 0.5, "day": 2.0, "flood": 5.0}) == {"flood"}
    assert telling({"flood": 0.1}) == {"flood"} and telling({}) == frozenset()
