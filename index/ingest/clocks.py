"""Times within a recording as people and programs write them: 00:01:02,500, 1:02.5, 62.5s, 00:01:02:12."""

import re

CLOCK = r"(?:-?(?:\d{1,6} ?: ?)?\d{1,3} ?: ?\d{1,2}(?: ?[.,:;'`´] ?\d{1,9}|-\d(?!\d))?|\d\d(?:;\d\d){3})"
TIME = rf"(?:{CLOCK}|\d{{1,6}}[.,]\d{{1,9}} ?s?)"
"""A pattern without groups; `seconds` reads what it matches."""
ALMOST = r"(?=\S*\d)[\dOoIl|]{1,3}(?:[:;][\dOoIl|]{1,3}){1,3}(?:[.,][\dOoIl|]{1,9})?"
"""What was meant to be one: letters where digits should be, as from a scan."""
_PARTS = re.compile(r"(-)?(?:(\d+) ?: ?)?(\d+) ?: ?(\d+)(?: ?([-.,:;'`´]) ?(\d+))?")
_DROP_FRAME = re.compile(r"\d\d(?:;\d\d){3}")
_NUMBER = re.compile(r"(\d{1,15}(?:[.,]\d{1,9})?) ?s?")
FRAMES = 25  # a second, of 00:01:02:12: at other rates it is a few hundredths of a second off


def seconds(text: str) -> float | None:
    """Seconds of a clock, or of a number of seconds; None if it is neither."""
    text = text.strip()
    if match := _NUMBER.fullmatch(text):
        return float(match[1].replace(",", "."))
    text = text.replace(";", ":") if _DROP_FRAME.fullmatch(text) else text
    if not re.fullmatch(CLOCK, text) or not (match := _PARTS.fullmatch(text)):
        return None
    minus, hours, minutes, whole, separator, rest = match.groups()
    frames = separator in (":", ";") and len(rest) < 3
    fraction = int(rest) / FRAMES if frames else float(f"0.{rest or 0}")
    value = 3_600 * int(hours or 0) + 60 * int(minutes) + int(whole) + fraction
    return -value if minus else value


def matched(text: str) -> float:
    """Seconds of what TIME has matched."""
    value = seconds(text)
    assert value is not None, "whoever calls this has seen that it is a time"
    return value
