"""What regions of a map are called: by the keywords of their transcripts, or else by a category or a language.

Keywords are found by class-based TF-IDF among the texts of one language, in which each region is a class. Stop words
are those that stopwordsiso lists for 58 languages, and in any language those that many of the library's texts have,
wherever they lie: what a collection says all the time, its “um” or its own name, is no keyword either.

Scripts that put no spaces between words give runs of two to four letters. Of Japanese, those of hiragana, its
grammar, are left out.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import log, log2
from unicodedata import category as letter_kind

import numpy as np

from clasp.text.words import UNSPACED
from index import languages as tags

NAME_WORDS = 3
LONGEST_RUN = 4  # letters of an unspaced script that are one keyword
LIFT = 3.0  # times as often as elsewhere in their language must keywords occur
TEXTS_SHARE, TEXTS_LEAST = 0.02, 3  # of the region's texts that have one, and how many these are at least
COMMON, RARE = 0.015, 5  # a word that more of a language's texts have is a stop word unless it is at home here
MAJORITY = 0.6  # share of the region that has the category or language by which it is named
ENGLISH = "en"
_HIRAGANA = re.compile("[\u3040-\u309f]+")


@dataclass(frozen=True)
class Name:
    """Of a region."""

    name: str  # keywords, or what the category or the languages are called; up to three, with commas between
    kind: str  # what they are: "words", "category" or "language"; '' if nothing names it
    english: str = ""  # keywords of the English transcripts there, where most are in another language


def name_regions(
    members: Sequence[np.ndarray],
    vectors: np.ndarray,
    texts: Sequence[str],
    categories: Sequence[str],
    languages: Sequence[str],
) -> list[Name]:
    """A name for each region.

    Args:
        members: rows of the points that are in each.
        vectors: of all points, unit vectors (n, dim).
        texts: of the points (n,), '' where unknown; so with categories and languages.
    """
    from stopwordsiso import stopwords

    languages = [tags.primary(one) for one in languages]
    own: list[str] = []
    inside: list[dict[str, set[str]]] = []  # of each region, its texts by language
    everywhere: dict[str, set[str]] = {}
    for language, text in zip(languages, texts, strict=True):
        if text:
            everywhere.setdefault(language, set()).add(text)
    for rows in members:
        here: dict[str, set[str]] = {}
        for row in rows.tolist():
            if texts[row]:
                here.setdefault(languages[row], set()).add(texts[row])
        inside.append(here)
        own.append(max(here, key=lambda one: len(here[one]), default=""))
        if own[-1] != ENGLISH:
            here[ENGLISH] = _near(vectors, rows, [row for row, one in enumerate(languages) if one == ENGLISH], texts)
    found = {
        language: keywords([here.get(language, set()) for here in inside], known, stopwords(language))
        for language, known in everywhere.items()
    }
    named = []
    for number, (rows, language) in enumerate(zip(members, own, strict=True)):
        words = found[language][number] if language in found else []
        english = found[ENGLISH][number] if ENGLISH in found and language != ENGLISH else []
        named.append(
            Name(", ".join(words), "words", ", ".join(english)) if words
            else _home(rows, languages) or _majority(rows, categories, "category")
            or _majority(rows, languages, "language") or Name("", "")
        )  # fmt: skip
    return named


def keywords(
    classes: Sequence[Collection[str]], texts: Collection[str], stop_words: Collection[str] = ()
) -> list[list[str]]:
    """The words that tell each class of texts from all the texts of their language, most telling first, up to
    NAME_WORDS."""
    words_of = {text: words(text).difference(stop_words) for text in texts}
    everywhere = Counter(word for found in words_of.values() for word in found)  # texts that have a word
    counts = [Counter(word for text in each for word in words_of[text]) for each in classes]
    average = sum(map(Counter.total, counts)) / max(1, sum(map(bool, counts)))
    typical = []
    for each, count in zip(classes, counts, strict=True):
        scores = {}
        for word, times in count.items():
            total = everywhere[word]
            common = total > max(RARE, COMMON * len(texts)) and times < total / 2
            elsewhere = (total - times) / max(1, len(texts) - len(each)) * len(each)  # times, if it were here as there
            if times >= max(TEXTS_LEAST, TEXTS_SHARE * len(each)) and times >= LIFT * elsewhere and not common:
                length = log2(len(word)) if UNSPACED.fullmatch(word) else 1  # a part of a word is no keyword
                scores[word] = times * log(1 + average / total) * length
        typical.append(_apart(sorted(scores, key=lambda word: (-scores[word], word))))
    return typical


def words(text: str) -> set[str]:
    """The words of a text, in small letters, that may be keywords: what stands between spaces, without the marks around
    it, has a letter and is not very short; of unspaced scripts, runs of two to LONGEST_RUN letters."""
    found: set[str] = set()
    for token in UNSPACED.sub(lambda run: f" {run.group()} ", text.casefold()).split():
        if UNSPACED.fullmatch(token):
            for run in _HIRAGANA.split(token):
                for size in range(2, LONGEST_RUN + 1):
                    found.update(run[place : place + size] for place in range(len(run) - size + 1))
            continue
        letters = [place for place, letter in enumerate(token) if letter_kind(letter)[0] in "LMN"]
        word = token[letters[0] : letters[-1] + 1] if letters else ""
        if len(word) > (2 if word.isascii() else 1) and any(letter.isalpha() for letter in word):
            found.add(word)
    return found


def _apart(ranked: Sequence[str]) -> list[str]:
    """The first NAME_WORDS of which none is a part of another."""
    chosen: list[str] = []
    for word in ranked:
        if len(chosen) < NAME_WORDS and not any(word in one or one in word for one in chosen):
            chosen.append(word)
    return chosen


def _near(vectors: np.ndarray, rows: np.ndarray, english: list[int], texts: Sequence[str]) -> set[str]:
    """The English texts that are as near to the middle of a region, by meaning, as half of what is in it."""
    middle = vectors[rows].mean(axis=0)
    near = vectors[english] @ middle >= np.median(vectors[rows] @ middle)
    return {texts[row] for row, one in zip(english, near.tolist(), strict=True) if one and texts[row]}


def _home(rows: np.ndarray, languages: Sequence[str]) -> Name | None:
    """The languages that are spoken here and hardly elsewhere, if they are those of most rows."""
    here, spoken = Counter(languages[row] for row in rows.tolist()), Counter(languages)
    home = [one for one in here if one and 2 * here[one] >= spoken[one] and 2 * spoken[one] < len(languages)]
    if sum(here[one] for one in home) < MAJORITY * len(rows):
        return None
    return Name(", ".join(sorted(home, key=lambda one: (-here[one], one))[:NAME_WORDS]), "language")


def _majority(rows: np.ndarray, values: Sequence[str], kind: str) -> Name | None:
    """The value that most rows have, if it tells them from the rest."""
    (value, count) = Counter(values[row] for row in rows.tolist()).most_common(1)[0]
    share, everywhere = count / len(rows), sum(one == value for one in values) / len(values)
    return Name(value, kind) if value and share >= MAJORITY and share > 1.5 * everywhere else None
