"""What Whisper, WhisperX, whisper.cpp and their like write of a recording (.json): segments with times and perhaps
speakers."""

import html
import json
import math
from collections.abc import Iterator
from typing import Any

from clasp.errors import DataError
from index.ingest.cues import Cue

LISTS = ("segments", "chunks", "transcription", "utterances", "words")  # what their list is called
TEXTS = ("text", "word", "transcript")


def whisper(text: str) -> Iterator[Cue]:
    """The segments."""
    found = _loaded(text)
    if isinstance(found, dict):
        found = next((found[name] for name in LISTS if isinstance(found.get(name), list) and found[name]), [])
    for one in found if isinstance(found, list) else []:
        if not isinstance(one, dict):
            continue
        words = next((one[name] for name in TEXTS if isinstance(one.get(name), str)), "")
        start, end = _span(one)
        if words.strip() and start is not None:
            yield Cue(
                start, start + 1 if end is None else end, html.escape(words, quote=False), str(one.get("speaker") or "")
            )


def language(text: str) -> str:
    """The language that was heard, as it is written there; '' where it is not."""
    found = _loaded(text)
    for one in (found, found.get("result")) if isinstance(found, dict) else ():
        if isinstance(one, dict) and isinstance(one.get("language"), str):
            return one["language"]
    return ""


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("is no JSON that can be read") from error


def _span(one: dict[str, Any]) -> tuple[float | None, float | None]:
    """Start and end in seconds."""
    match one:
        case {"offsets": {"from": start, "to": end}}:  # milliseconds
            start, end = _number(start), _number(end)
            return (None if start is None else start / 1_000), (None if end is None else end / 1_000)
        case {"timestamp": [start, end]} | {"start": start, "end": end}:
            return _number(start), _number(end)
    return None, None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
