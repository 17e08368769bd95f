"""Annotations in tiers: ELAN (.eaf) and Praat (.TextGrid). They are taken from the tiers that say what is said."""

import html
import re
from collections.abc import Iterator
from dataclasses import replace

from clasp.errors import DataError
from index.ingest.cues import Cue
from index.ingest.safe_xml import number, root

_PARTS = re.compile(r"phon|segment|syll|mau|tone|break|point|gloss|translat|note|comment|\bpos\b", re.IGNORECASE)
_WORDS = re.compile(r"\W*\b(?:words?|ort|tokens?|wrd)\b\W*", re.IGNORECASE)
_UTTERANCES = re.compile(r"(?:(.*) - )?utterances(?: \d+)?")
_SILENCE = frozenset(("sil", "sp", "spn", "<sil>", "<p:>", "<p>", "#", "_"))
_TOKENS = re.compile(r'"((?:[^"]|"")*)"|!.*|(?<!\S)(-?\d{1,15}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,3})?)(?!\S)|[^\s"]+')


def elan(text: str) -> Iterator[Cue]:
    """Annotations of ELAN: the tiers that hang on no other, for those below translate them or take them apart; where
    they are empty, the tiers below. Participants are speakers, or tiers are, if there are several."""
    top = root(text)
    times: dict[str | None, float] = {}
    last = 0.0
    for slot in top.iter("TIME_SLOT"):
        last = max(last, number(slot.get("TIME_VALUE")) / 1_000)  # one without a time lies where the one before it does
        times[slot.get("TIME_SLOT_ID")] = last
    spans: dict[str | None, tuple[float, float]] = {}
    tiers: list[tuple[str, list[Cue], bool]] = []
    for tier in top.iter("TIER"):
        cues = []
        for one in tier.iter():
            if one.tag == "ALIGNABLE_ANNOTATION":
                start, end = (times.get(one.get(f"TIME_SLOT_REF{number}")) for number in (1, 2))
                span = None if start is None or end is None else (start, end)
            elif one.tag == "REF_ANNOTATION":
                span = spans.get(one.get("ANNOTATION_REF"))
            else:
                continue
            words = "".join(one.itertext()).strip()
            if span is not None:
                spans[one.get("ANNOTATION_ID")] = span
                cues.append(Cue(span[0], span[1], html.escape(words, quote=False), tier.get("PARTICIPANT", "").strip()))
        tiers.append((tier.get("TIER_ID", ""), [cue for cue in cues if cue.text], "PARENT_REF" in tier.attrib))
    alone = [(name, cues) for name, cues, below in tiers if cues and not below]
    yield from _spoken(alone or [(name, cues) for name, cues, _ in tiers if cues])


def praat(text: str) -> Iterator[Cue]:
    """Intervals of Praat, long or short: a list of strings and numbers; whatever else stands there explains them."""
    tokens = _TOKENS.finditer(text)
    values = (one[1] if one[1] is not None else float(one[2]) for one in tokens if one[1] is not None or one[2])
    tiers: list[tuple[str, list[Cue]]] = []
    if "TextGrid" not in values:  # goes on behind it
        raise DataError("is no TextGrid")
    try:
        for kind in values:
            if kind not in ("IntervalTier", "TextTier"):
                continue
            name, _, _, count = (next(values) for _ in range(4))
            tiers.append((str(name), cues := []))
            for _ in range(int(count)):
                start, end = float(next(values)), float(next(values)) if kind == "IntervalTier" else 0.0
                words = next(values)
                if not isinstance(words, str):
                    raise ValueError(f"{words} where a text should be")
                if kind == "IntervalTier" and words.strip():
                    cues.append(Cue(start, end, html.escape(words.replace('""', '"'), quote=False)))
    except (StopIteration, RuntimeError):  # it breaks off
        pass
    except (ValueError, OverflowError) as error:
        raise DataError("is no TextGrid that can be read") from error
    yield from _spoken([(name, cues) for name, cues in tiers if cues])


def _spoken(tiers: list[tuple[str, list[Cue]]]) -> Iterator[Cue]:
    """The cues of the tiers that say what is said, with their speakers."""
    for speaker, cues in _by_speaker(tiers):
        for cue in cues:
            if html.unescape(cue.text).strip().lower() not in _SILENCE:
                yield cue if cue.speaker else replace(cue, speaker=speaker)


def _by_speaker(tiers: list[tuple[str, list[Cue]]]) -> list[tuple[str, list[Cue]]]:
    """Who speaks in the tiers that are not of parts of words, nor of words where there are sentences: "Anna" in
    "Anna - utterances" and "Anna - words"."""
    utterances = [(match[1] or "", cues) for name, cues in tiers if (match := _UTTERANCES.fullmatch(name))]
    if utterances:
        return utterances
    chosen = [tier for tier in tiers if not _PARTS.search(tier[0])] or tiers
    chosen = [tier for tier in chosen if not _WORDS.search(tier[0])] or chosen
    bare = [_WORDS.sub("", name).strip() for name, _ in chosen]
    return [
        (speaker if len(chosen) > 1 or speaker != name else "", cues)
        for speaker, (name, cues) in zip(bare, chosen, strict=True)
    ]
