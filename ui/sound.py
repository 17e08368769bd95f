"""Where a recording is heard, as an address: whole where browsers play its format, or a stretch of it as WAV."""

from urllib.parse import quote

from index.library import Recording

PLAYED = frozenset((".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".mp4", ".m4v", ".webm", ".weba"))
LONGEST = 60.0  # seconds of a stretch
CONTEXT = 0.4  # seconds before and after a moment that are played with it


def address(key: str, recording: str) -> str:
    """Of a whole recording, relative to the page; `key` stands for its library (see Service.key)."""
    return f"audio/{quote(key, safe='')}/{quote(recording, safe='')}"


def plays(recording: Recording) -> bool:
    """Whether browsers play the whole of it."""
    return recording.path.suffix.lower() in PLAYED


def moment(key: str, recording: Recording, start: float, end: float) -> tuple[str, float, float]:
    """Address of the sound that holds a moment, and its start and end there in seconds, with a little around it."""
    first, last = max(0.0, start - CONTEXT), min(end + CONTEXT, max(end, recording.duration))
    whole = address(key, recording.id)
    if plays(recording):
        return whole, first, last
    return f"{whole}?start={first:.3f}&end={last:.3f}", 0.0, last - first
