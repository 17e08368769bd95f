"""Transcripts beside recordings: what of them is said in each utterance, as its phones and the times of cues tell.

segments, recognized = transcribed(library.segments_of(recording.id), sidecar, library.phones(segments), "en")
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, chain, pairwise
from statistics import median
from typing import NamedTuple

import numpy as np

from clasp.audio.vad import MARGIN
from clasp.errors import ModelError
from clasp.phones import inventory
from clasp.phones.forced_alignment import align_words, common_subsequence
from clasp.text.words import join, pieces
from index.ingest.cues import Cue, Turn
from index.ingest.sidecars import Sidecar
from index.records import Segment

_END = re.compile(r"[.?!…。！？।؟۔][\"'»”’)\]]*\s*$")
VERBATIM = 0.9  # share of a transcript that is recognized where it is word for word what is said
FEW = 3  # words that may go unrecognized at either end of an utterance
LATE = 1.0  # seconds that most cues may be too early or too late if their times are those of the words


def transcribed(
    segments: Sequence[Segment], sidecar: Sidecar, phones: Sequence[np.ndarray], language: str
) -> tuple[list[Segment], bool]:
    """The segments of a recording with the texts and the speakers that a sidecar has for them, and whether that was
    recognized in what is said.

    Each has what is recognized of the transcript in it, or else the cues at its time, unless these are of others, too.
    Where the transcript is not word for word what is said, the times come first.

    Args:
        segments, phones, language: as for `aligned`.
    """
    if sidecar.turns and len(segments) == 1:
        return [replace(segments[0], text=sidecar.text, speaker="")], False
    spans = [(one.start, one.end) for one in segments]
    timed = [
        replace(one, text=sidecar.text_of(*span), speaker=sidecar.speaker_of(*span))
        for one, span in zip(segments, spans, strict=True)
    ]
    turns = _turns(sidecar)
    recognized = aligned(turns, segments, phones, language)
    found = sum(len(one.text) for one in recognized)
    if not found:
        return timed, False
    is_verbatim = found >= VERBATIM * sum(len(one.text) for one in turns)
    first, second = (recognized, timed) if is_verbatim else (timed, recognized)
    chosen = [
        by_words if is_shared else one if one.text else other
        for one, other, by_words, is_shared in zip(first, second, recognized, sidecar.is_shared(spans), strict=True)
    ]
    return chosen, True


def aligned(
    turns: Sequence[Turn], segments: Sequence[Segment], phones: Sequence[np.ndarray], language: str
) -> list[Segment]:
    """The segments of a recording with what is said in each, and who says most of it.

    Args:
        segments: all of them, in the order of time.
        phones: of each segment, as `clasp.phones.alignment.pack` makes them.
        language: BCP-47 tag of what is said.

    Returns:
        As many; all without text where the turns are not what is said there, or nobody knows how to read them.
    """
    said: list[defaultdict[int, str]] = [defaultdict(str) for _ in segments]  # by turn
    for piece in _placed(turns, phones, language):
        if piece.utterance >= 0:
            said[piece.utterance][piece.turn] += piece.text
    return [
        replace(one, text=join(text.strip() for text in parts.values()), speaker=_speaker(parts, turns))
        for one, parts in zip(segments, said, strict=True)
    ]


def speaker_changes(
    segments: Sequence[Segment], sidecar: Sidecar, phones: Sequence[np.ndarray], language: str
) -> list[list[float]]:
    """Of each segment of a recording, about when somebody else goes on speaking in it, in seconds: by the times of
    cues, or where these are not those of the words that are recognized, by the words.

    Args:
        segments, phones, language: as for `aligned`.
    """
    found: list[list[float]] = [[] for _ in segments]
    turns = _turns(sidecar)
    if len({one.speaker for one in turns} - {""}) < 2:
        return found
    before = np.cumsum([0, *map(len, phones)])  # phones before each segment
    late = []  # by how many seconds words are later than their cues
    for one, other in pairwise(_placed(turns, phones, language)):
        if one.utterance == other.utterance >= 0 and _change(turns[one.turn], turns[other.turn]):
            segment, count = segments[one.utterance], len(phones[one.utterance])
            share = (other.begin - before[one.utterance]) / count
            about = segment.start + MARGIN + share * (segment.end - segment.start - 2 * MARGIN)
            found[one.utterance].append(about)
            late += [about - sidecar.cues[other.turn].start] if sidecar.cues else []
    if sidecar.cues and (not late or abs(median(late)) <= LATE):
        cued = [(one.end + other.start) / 2 for one, other in pairwise(sidecar.cues) if _change(one, other)]
        found = [[time for time in cued if one.start < time < one.end] for one in segments]
    return found


def _turns(sidecar: Sidecar) -> Sequence[Turn]:
    return sidecar.turns or [Turn(one.text, one.speaker) for one in sidecar.cues]


def _change(one: Turn | Cue, other: Turn | Cue) -> bool:
    """Whether somebody else goes on speaking."""
    return "" != one.speaker != other.speaker != ""


class _Piece(NamedTuple):
    """A word of a turn, as it is written."""

    text: str
    turn: int
    utterance: int  # in which it is said, -1 for none
    begin: float  # about how many phones of all utterances come before it


def _placed(turns: Sequence[Turn], phones: Sequence[np.ndarray], language: str) -> list[_Piece]:
    """The words of turns, and in which utterances they are said; none where nobody knows how to read them."""
    written = [pieces(turn.text) for turn in turns]
    try:
        words = [word for its_pieces in written for word in _read(its_pieces, language)]
    except ModelError:  # no rules of letters and sounds
        return []
    utterances, begins = align_words(words, phones)
    numbers = utterances.tolist()
    bounds = list(accumulate(map(len, written)))
    for start, end in pairwise([0, *bounds]):
        numbers[start:end] = _completed(numbers[start:end])
    ends = {place for place, piece in enumerate(chain(*written), 1) if _END.search(piece)}.union(bounds)
    _move_to_ends(numbers, ends)
    owners = [turn for turn, its_pieces in enumerate(written) for _ in its_pieces]
    return [_Piece(*one) for one in zip(chain(*written), owners, numbers, begins.tolist(), strict=True)]


def _read(words: Sequence[str], language: str) -> list[np.ndarray]:
    """The phones of each word as it is read among the others, which matters where no spaces part them.

    Raises:
        ModelError: if nobody knows how to read the language.
    """
    alone = [inventory.from_text(word, language) for word in words]
    together = inventory.from_text("".join(words), language)
    pairs = list(common_subsequence([[phone] for phone in together.tolist()], np.concatenate(alone)))
    if not pairs:
        return alone
    in_together, in_alone = zip(*pairs, strict=True)
    ends = np.cumsum([len(phones) for phones in alone])[:-1]
    return np.split(together, np.append(in_together, len(together))[np.searchsorted(in_alone, ends)])


def _speaker(parts: Mapping[int, str], turns: Sequence[Turn]) -> str:
    """Who says most of some parts of turns; '' where there are none."""
    letters = Counter[str]()
    for turn, text in parts.items():
        letters[turns[turn].speaker] += len(text)
    return max(letters, key=letters.__getitem__, default="")


def _completed(numbers: list[int]) -> list[int]:
    """The utterances of the words of a turn, where words that were not recognized (-1) are with those around them, and
    a few with the word beside them."""
    known = [place for place, number in enumerate(numbers) if number >= 0]
    if not known:
        return numbers
    whole = numbers.copy()
    first, last = known[0], known[-1]
    for before, after in pairwise(known):
        if numbers[before] == numbers[after] or after - before - 1 <= FEW:
            whole[before:after] = [numbers[before]] * (after - before)
    if first <= FEW:
        whole[:first] = [numbers[first]] * first
    if len(numbers) - last - 1 <= FEW:
        whole[last:] = [numbers[last]] * (len(numbers) - last)
    return whole


def _move_to_ends(numbers: list[int], ends: set[int]) -> None:
    """Where an utterance begins one word before or after the end of a sentence, make it begin there."""
    for place in range(1, len(numbers)):
        before, after = numbers[place - 1], numbers[place]
        if before == after or place in ends:
            continue
        if place + 1 in ends and before >= 0:
            numbers[place] = before
        elif place - 1 in ends and after >= 0:
            numbers[place - 1] = after
