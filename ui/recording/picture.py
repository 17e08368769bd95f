"""Videos that browsers can play as they are."""

from typing import TYPE_CHECKING

import av
from av.stream import Disposition

if TYPE_CHECKING:
    from index.library import Recording

TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"}  # media type by suffix


def media_type(recording: "Recording") -> str:
    """The media type of a file that browsers may play with its picture; "" for any other.

    They play the sound track that the file names as its default: where another one was chosen, it is none.
    """
    return "" if recording.track else TYPES.get(recording.path.suffix.lower(), "")


def size(recording: "Recording") -> tuple[int, int] | None:
    """Width and height of the picture in pixels; None if browsers cannot show one."""
    if not media_type(recording):
        return None
    try:
        with av.open(str(recording.path)) as container:
            streams = container.streams.video
            first = next((one for one in streams if not one.disposition & Disposition.attached_pic), None)
            return None if first is None or not first.width or not first.height else (first.width, first.height)
    except (av.FFmpegError, OSError):
        return None
