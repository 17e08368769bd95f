"""Annotations: ELAN (.eaf), Praat (.TextGrid), CHAT (.cha), Transcriber (.trs), EXMARaLDA (.exb), FLEx (.flextext). Of
several tiers, those are taken that say what is said."""

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
_BULLET = re.compile(r'\x15(?:%(?:snd|mov|pic):"[^"]*"_)?(\d{1,9})_(\d{1,9})\x15')  # of CHAT, milliseconds
_CODES = re.compile(
    r"\[[^\[\]]*\]|&[-+=~]?\S*|\+[/.\"!?,^]+|[<>‡„↑↓]|(?<=\w)@[\w:]+|(?<!\S)0\w*|\b(?:xxx|yyy|www)\b|\(\.+\)"
)
Tiers = list[tuple[str, list[Cue]]]  # names and cues that are not empty


def elan(text: str) -> Iterator[Cue | Flaw]:
    """Annotations of ELAN: the tiers that hang on no other, for those below translate them or take them apart; where
    they are empty or only count, the first tier below. Participants are speakers, or tiers are, if there are several.
    """
    top = root(text)
    spans, begin = _spans(top), _begin(top)
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
                start, end = (time + begin for time in span)
                cues.append(Cue(start, end, html.escape(words, quote=False), tier.get("PARTICIPANT", "").strip()))
        name = tier.get("TIER_ID", "")
        counts = all(re.fullmatch(r"(?:[\w.@-]*\d)?", cue.text) for cue in cues)
        if not counts or _UTTERANCES.fullmatch(name):
            (below if "PARENT_REF" in tier.attrib else tops).append((name, cues))
    yield from _spoken(tops or below[:1])


def _spans(top: Element) -> dict[str | None, tuple[float, float]]:
    """Start and end in seconds of each annotation, by its identifier. What has no times of its own has an even share of
    those around it."""
    times = _times([(one.get("TIME_SLOT_ID"), one.get("TIME_VALUE")) for one in top.iter("TIME_SLOT")], 1_000)
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


def _begin(top: Element) -> float:
    """The second of the recording at which the annotations begin, where there is a single one."""
    media = list(top.iter("MEDIA_DESCRIPTOR"))
    return number(media[0].get("TIME_ORIGIN")) / 1_000 if len(media) == 1 else 0.0


def _times(slots: list[tuple[str | None, str | None]], unit: int = 1) -> dict[str | None, float]:
    """Seconds of the points of a time line, of which so many units make one; those without a time lie evenly between
    their neighbours."""
    times = {name: number(value) / unit for name, value in slots if value is not None}
    known = [-1, *(place for place, (name, _) in enumerate(slots) if name in times), len(slots)]
    for before, after in pairwise(known):
        start = times[slots[before][0]] if before >= 0 else 0.0
        end = times[slots[after][0]] if after < len(slots) else start
        for place in range(before + 1, after):
            times[slots[place][0]] = start + (place - before) / (after - before) * (end - start)
    return times


def exmaralda(text: str) -> Iterator[Cue | Flaw]:
    """Events of EXMARaLDA: those of the tiers that are transcribed."""
    top = root(text)
    times = _times([(one.get("id"), one.get("time")) for one in top.iter("tli")])
    names = {one.get("id"): (one.findtext("abbreviation") or "").strip() for one in top.iter("speaker")}
    for tier in top.iter("tier"):
        for event in tier.iter("event") if tier.get("type") == "t" else ():
            words, points = " ".join("".join(event.itertext()).split()), (event.get("start"), event.get("end"))
            if all(point in times for point in points):
                start, end = (times[point] for point in points)
                yield Cue(start, end, html.escape(words, quote=False), names.get(tier.get("speaker"), ""))
            elif words:
                yield Flaw(words)


def flex(text: str) -> Iterator[Cue | Flaw]:
    """Phrases of FLEx, in milliseconds: what is said, and no glosses."""
    for phrase in root(text).iter("phrase"):
        words = _items(phrase) or " ".join(filter(None, map(_items, phrase.iter("word"))))
        start, end = (seconds(phrase.get(f"{edge}-time-offset", "")) for edge in ("begin", "end"))
        if words and (start is None or end is None):
            yield Flaw(words)
        elif start is not None and end is not None:
            yield Cue(start / 1_000, end / 1_000, html.escape(words, quote=False), phrase.get("speaker", ""))


def _items(element: Element) -> str:
    """What stands in the language of a phrase or word: in the first of its scripts."""
    found = (one.text for one in element.findall("item") if one.get("type") in ("txt", "punct"))
    return next(filter(None, found), "").strip()


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
    """Utterances of CHAT, as CHILDES and TalkBank write it: each ends with its times, and codes are no speech. None
    where no utterance has times."""
    utterances = list(_utterances(text))
    for speaker, words, bullet in utterances if any(bullet for *_, bullet in utterances) else ():
        if bullet is None:
            yield Flaw(words)
        else:
            start, end = (int(one) / 1_000 for one in bullet.groups())
            yield Cue(start, end, html.escape(words, quote=False), speaker)


def without_codes(text: str) -> str:
    """What CHAT says, an utterance a line."""
    return "\n".join(f"{speaker}: {words}" for speaker, words, _ in _utterances(text))


def _utterances(text: str) -> Iterator[tuple[str, str, re.Match[str] | None]]:
    """Speaker, words and times of each utterance of CHAT."""
    for line in re.sub(r"\n[ \t]+", " ", text).split("\n"):
        if match := re.match(r"\*([^:\s]{1,20}):", line):
            words = " ".join(_CODES.sub(" ", _BULLET.sub("", line[match.end() :])).split())
            words = re.sub(r"\((\w+)\)", r"\1", words)  # what of a word is left out: (be)cause
            yield match[1], re.sub(r" (?=[.,?!]$)", "", words), _BULLET.search(line)


def transcriber(text: str) -> Iterator[Cue | Flaw]:
    """Turns of Transcriber: what stands behind a time is said until the next one."""
    top = root(text)
    names = {one.get("id"): one.get("name", "") for one in top.iter("Speaker")}
    for turn in top.iter("Turn"):
        times, texts = [turn.get("startTime", "")], [html.escape(turn.text or "", quote=False)]
        speakers = turn.get("speaker", "").split()
        for one in turn:
            if one.tag == "Sync":
                times.append(one.get("time", ""))
                texts.append("")
            elif one.tag == "Who" and (number(one.get("nb")) or len(speakers) + 1) <= len(speakers):
                speaker = names.get(speakers[int(number(one.get("nb"))) - 1], "")
                texts[-1] += f"<v {html.escape(speaker)}>"
            texts[-1] += html.escape(one.tail or "", quote=False)
        for begins, ends, said in zip(times, [*times[1:], turn.get("endTime", "")], texts, strict=True):
            words, start, end = " ".join(said.split()), seconds(begins), seconds(ends)
            if words and (start is None or end is None):
                yield Flaw(f"{begins} {ends}")
            elif start is not None and end is not None:
                yield Cue(start, end, words, names.get(turn.get("speaker"), ""))


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
