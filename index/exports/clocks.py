"""Times as formats write them; hours grow past 99 where a format does not forbid it."""

FRAMES = 25  # a second, in edit decision lists


def clock(milliseconds: int, point: str = ".") -> str:
    """5_025_500 → "01:23:45.500"."""
    seconds, rest = divmod(milliseconds, 1_000)
    return f"{_hours(seconds)}{point}{rest:03}"


def short_clock(milliseconds: int) -> str:
    """Up to the second: 5_025_500 → "1:23:45"."""
    seconds = milliseconds // 1_000
    return f"{seconds // 3_600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def decimal(milliseconds: int) -> str:
    """Seconds: 5_025_500 → "5025.500"."""
    return f"{milliseconds // 1_000}.{milliseconds % 1_000:03}"


def timecode(frames: int) -> str:
    """Hours, minutes, seconds and frames, which begin anew after a day: 30 → "00:00:01:05"."""
    seconds, rest = divmod(frames, FRAMES)
    return f"{_hours(seconds % 86_400)}:{rest:02}"


def _hours(seconds: int) -> str:
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
