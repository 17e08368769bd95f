"""Annotations: ELAN (.eaf), Praat (.TextGrid), CHAT (.cha), Transcriber (.trs). Of several tiers, those are taken
that say what is said."""

import html
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from xml.etree.ElementTree import Element

from clasp.errors import DataError
from index.ingest.clocks import seconds
from index.ingest.cues import Cue, Flaw
from index.ingest.safe_xml import number, root

_PARTS = re.compile(
    r"phon|segment|syll|mau|\bkan\b|tone|break|point|gloss|translat|note|comment|\bpos\b|\bipa\b|silenc|gestur|\bft\b",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\W*\b(?:words?|ort|tokens?|wrd)\b\W*", re.IGNORECASE)
_UTTERANCES = re.compile(r"(?:(.*) - )?utterances(?: \d+)?")
_SILENCE = frozenset(("sil", "sp", "spn", "<sil>", "<p:>", "<p>", "#", "_"))
_TOKENS = re.compile(r'"((?:[^"]|"")*)"|!.*|(?<!\S)(-?\d{1,15}(?:\.\d{1,20})?(?:[eE][-+]?\d{1,3})?)(?!\S)|[^\s"]+')
_BULLET = re.compile(r"\x15(\d{1,9})_(\d{1,9})\x15")  # of CHAT, milliseconds
_CODES = re.compile(r"\[[^\[\]]*\]|&[-+=~]?\S*|\+[/.\"!?,^]+|[<>‡„↑↓]|(?<=\w)@\w+|\b(?:xxx|yyy|www)\b|\(\.+\)")
Tiers = list[tuple[str, list[Cue]]]  # names and cues that are not empty


def elan(text: str) -> Iterator[Cue | Flaw]:
    """Annotations of ELAN: the tiers that hang on no other, for those below translate them or take them apart; where
    they are empty or only count, the first tier below. Participants are speakers, or tiers are, if there are several.
    """
    top = root(text)
    spans = _spans(top)
    tops: Tiers = []
    below: Tiers = []
    for tier in top.iter("TIER"):
        cues = []
        for one in tier.iter():
            words = "".join(one.itertext()).strip() if one.tag in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION") else ""
            span = spans.get(one.get("ANNOTATION_ID"))
            if words and span is None:
                yield Flaw(words)
            elif words and span is not None:
                cues.append(Cue(*span, html.escape(words, quote=False), tier.get("PARTICIPANT", "").strip()))
        name = tier.get("TIER_ID", "")
        counts = all(re.fullmatch(r"(?:[\w.@-]*\d)?", cue.text) for cue in cues)
        if not counts or _UTTERANCES.fullmatch(name):
            (below if "PARENT_REF" in tier.attrib else tops).append((name, cues))
    yield from _spoken(tops or below[:1])


def _spans(top: Element) -> dict[str | None, tuple[float, float]]:
    """Start and end in seconds of each annotation, by its identifier. What has no times of its own has an even share of
    those around it."""
    slots = [(one.get("TIME_SLOT_ID"), one.get("TIME_VALUE")) for one in top.iter("TIME_SLOT")]
    times = {name: number(value) / 1_000 for name, value in slots if value is not None}
    known = [-1, *(place for place, (name, _) in enumerate(slots) if name in times), len(slots)]
    for before, after in pairwise(known):
        start = times[slots[before][0]] if before >= 0 else 0.0
        end = times[slots[after][0]] if after < len(slots) else start
        for place in range(before + 1, after):
            times[slots[place][0]] = start + (place - before) / (after - before) * (end - start)
    spans: dict[str | None, tuple[float, float]] = {}
    for one in top.iter("ALIGNABLE_ANNOTATION"):
        first, last = (one.get(f"TIME_SLOT_REF{place}") for place in (1, 2))
        if first in times and last in times:
            spans[one.get("ANNOTATION_ID")] = (times[first], times[last])
    shares: dict[tuple[int, str | None], list[str | None]] = defaultdict(list)
    for place, tier in enumerate(top.iter("TIER")):
        for one in tier.iter("REF_ANNOTATION"):
            shares[place, one.get("ANNOTATION_REF")].append(one.get("ANNOTATION_ID"))
    while ready := [key for key in shares if key[1] in spans]:
        for key in ready:
            names, (start, end) = shares.pop(key), spans[key[1]]
            step = (end - start) / len(names)
            spans |= {name: (start + place * step, start + (place + 1) * step) for place, name in enumerate(names)}
    return spans


def praat(text: str) -> Iterator[Cue | Flaw]:
    """Intervals of Praat, long or short, or where there are none its points: a list of strings and numbers; whatever
    else stands there explains them."""
    tokens = _TOKENS.finditer(text)
    values = (one[1] if one[1] is not None else float(one[2]) for one in tokens if one[1] is not None or one[2])
    tiers: dict[str, Tiers] = {"IntervalTier": [], "TextTier": []}
    if "TextGrid" not in values:  # goes on behind it
        raise DataError("is no TextGrid")
    try:
        for kind in values:
            if kind not in ("IntervalTier", "TextTier"):
                continue
            name, _, _, count = (next(values) for _ in range(4))
            tiers[kind].append((str(name), cues := []))
            for _ in range(int(count)):
                start = float(next(values))
                end = float(next(values)) if kind == "IntervalTier" else start
                words = next(values)
                if not isinstance(words, str):
                    raise ValueError(f"{words} where a text should be")
                if words.strip():
                    cues.append(Cue(start, end, html.escape(words.replace('""', '"'), quote=False)))
    except (StopIteration, RuntimeError):  # it breaks off
        pass
    except (ValueError, OverflowError) as error:
        raise DataError("is no TextGrid that can be read") from error
    intervals, points = ([(name, cues) for name, cues in found if cues] for found in tiers.values())
    yield from _spoken(intervals or points)


def chat(text: str) -> Iterator[Cue | Flaw]:
    """Utterances of CHAT, as CHILDES and TalkBank write it: each ends with its times, and codes are no speech."""
    for line in re.sub(r"\n[ \t]+", " ", text).split("\n"):
        if match := re.match(r"\*([^:\s]{1,20}):", line):
            found = _BULLET.search(line)
            words = " ".join(_CODES.sub(" ", _BULLET.sub("", line[match.end() :])).split())
            if found is None:
                yield Flaw(words)
            else:
                start, end = (int(one) / 1_000 for one in found.groups())
                yield Cue(start, end, html.escape(re.sub(r" (?=[.,?!]$)", "", words), quote=False), match[1])


def transcriber(text: str) -> Iterator[Cue | Flaw]:
    """Turns of Transcriber: what stands behind a time is said until the next one."""
    top = root(text)
    names = {one.get("id"): one.get("name", "") for one in top.iter("Speaker")}
    for turn in top.iter("Turn"):
        times, texts = [turn.get("startTime", "")], [turn.text or ""]
        for one in turn:
            if one.tag == "Sync":
                times.append(one.get("time", ""))
                texts.append("")
            texts[-1] += one.tail or ""
        for begins, ends, said in zip(times, [*times[1:], turn.get("endTime", "")], texts, strict=True):
            words, start, end = " ".join(said.split()), seconds(begins), seconds(ends)
            if words and (start is None or end is None):
                yield Flaw(f"{begins} {ends}")
            elif start is not None and end is not None:
                yield Cue(start, end, html.escape(words, quote=False), names.get(turn.get("speaker"), ""))


def _spoken(tiers: Tiers) -> Iterator[Cue]:
    """The cues of the tiers that say what is said, with their speakers."""
    for speaker, cues in _by_speaker(tiers):
        for cue in cues:
            if html.unescape(cue.text).strip().lower() not in _SILENCE:
                yield cue if cue.speaker else replace(cue, speaker=speaker)


def _by_speaker(tiers: Tiers) -> Tiers:
    """Who speaks in the tiers that are not of parts of words, nor of words where there are sentences: "Anna" in
    "Anna - utterances" and "Anna - words"."""
    utterances = [(match[1] or "", cues) for name, cues in tiers if (match := _UTTERANCES.fullmatch(name))]
    if utterances:
        return utterances
    chosen = [tier for tier in tiers if not _PARTS.search(tier[0]) or _WORDS.search(tier[0])] or tiers
    chosen = [tier for tier in chosen if not _WORDS.search(tier[0])] or chosen
    bare = [_WORDS.sub("", name).strip() for name, _ in chosen]
    return [
        (speaker if (len(chosen) > 1 or speaker != name) and not _PARTS.search(speaker) else "", cues)
        for speaker, (name, cues) in zip(bare, chosen, strict=True)
    ]
