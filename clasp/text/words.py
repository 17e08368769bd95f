"""Words of a text, as a search for exact words compares them: without case, accents and punctuation.

    >>> words("The café's ferry – 1962!")
    ['the', 'cafe', 's', 'ferry', '1962']
    >>> words("渡し船")
    ['渡', '渡し', 'し', 'し船', '船']

Scripts that put no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan) give their letters and
pairs of neighbouring letters instead, so that any stretch of such a text can be found.
"""

import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby, pairwise

# combining accents of Latin, Greek and Cyrillic, points of Hebrew, vowel signs of Arabic: often left out in writing
ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]")
UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)
_LETTER = UNSPACED.pattern.removesuffix("+")
_TOKEN = re.compile(rf"(?:{_LETTER}|(?:(?!{_LETTER})\S)+)\s*")
_CJK = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
PAIR = 0.5  # words that one letter of an unspaced script stands for


def words(text: str) -> list[str]:
    """The words of a text in their order; see the module."""
    return [word for run in _runs(text) for word in (_pieces(run) if UNSPACED.match(run) else [run])]


def tokens(text: str) -> list[str]:
    """The words of a text as they are written, signs included; letters of unspaced scripts one by one.

    >>> tokens("The café's ferry – 渡し船")
    ['The', "café's", 'ferry', '–', '渡', 'し', '船']
    """
    return [piece.strip() for piece in pieces(text)]


def pieces(text: str) -> list[str]:
    """The text cut behind each of its `tokens` and the spaces after it; joined, they are the text.

    >>> pieces("The ferry – 渡し船")
    ['The ', 'ferry ', '– ', '渡', 'し', '船']
    """
    ends = [match.end() for match in _TOKEN.finditer(text)]
    return [text[start:end] for start, end in pairwise([0, *ends[:-1], len(text)])] if ends else []


def join(texts: Iterable[str]) -> str:
    """Texts one after the other, with spaces between but where Chinese or Japanese goes on.

    >>> join(["The ferry", "is late."]), join(["渡し船は", "遅れる。"])
    ('The ferry is late.', '渡し船は遅れる。')
    """
    parts: list[str] = []
    for text in filter(None, texts):
        if parts and not (_CJK.match(parts[-1][-1]) and _CJK.match(text[0])):
            parts.append(" ")
        parts.append(text)
    return "".join(parts)


def count(text: str) -> float:
    """How many words a text has; a letter of an unspaced script is half of one."""
    return sum(PAIR * len(run) if UNSPACED.match(run) else 1 for run in _runs(text))


def rarity(found: int, total: int) -> float:
    """What a word counts that is found in so many of a total of texts: the rarer, the more."""
    return math.log1p((total + 1) / (found + 0.5))


def coverage(query: Sequence[str], found: Collection[str], weights: Mapping[str, float]) -> float:
    """The share, 0 to 1, of the words of a query that are among those found, each counted by its weight."""
    asked = dict.fromkeys(query)
    total = sum(weights[word] for word in asked)
    return sum(weights[word] for word in asked if word in found) / total if total > 0 else 0.0


def telling(weights: Mapping[str, float]) -> frozenset[str]:
    """The words that say most: those that weigh as much as the mean of all."""
    mean = sum(weights.values()) / max(len(weights), 1)
    return frozenset(word for word, weight in weights.items() if weight >= mean)


def marked(text: str, asked: Collection[str]) -> list[tuple[str, bool]]:
    """The pieces of a text in their order, and whether each consists of words that are asked for.

    >>> marked("The café's ferry", {"cafe", "ferry"})
    [('The ', False), ('café', True), ("'s ", False), ('ferry', True)]
    >>> marked("朝の渡し船", words("渡し船"))
    [('朝の', False), ('渡し船', True)]
    """
    pieces: list[tuple[str, bool]] = []
    for is_word, letters in groupby(text, lambda one: unicodedata.category(one)[0] in "LMN"):
        run = "".join(letters)
        for part in filter(None, re.split(f"({UNSPACED.pattern})", run)):
            if UNSPACED.match(part):
                pairs = [False, *(part[place : place + 2] in asked for place in range(len(part) - 1)), False]
                alone = len(part) == 1 and part in asked
                pieces += [(letter, alone or any(near)) for letter, near in zip(part, pairwise(pairs), strict=True)]
            else:
                pieces.append((part, is_word and any(word in asked for word in words(part))))
    return [("".join(part for part, _ in same), found) for found, same in groupby(pieces, lambda piece: piece[1])]


def _runs(text: str) -> list[str]:
    """Stretches of letters, marks and digits, each of spaced or of unspaced scripts alone."""
    plain = ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    plain = unicodedata.normalize("NFC", plain)
    letters = "".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in plain)
    return UNSPACED.sub(lambda run: f" {run.group()} ", letters).split()


def _pieces(run: str) -> list[str]:
    """Letters of an unspaced script, each followed by the pair that it begins."""
    return [piece for place in range(len(run)) for piece in dict.fromkeys((run[place], run[place : place + 2]))]
