"""Binary subtitles of broadcasters, EBU STL (.stl), as WebVTT."""

import html
import logging
import re
from pathlib import Path

from clasp.errors import DataError
from clasp.filenames import readable
from index.exports.clocks import clock
from index.ingest import encodings

SUFFIXES = (".stl",)
HEAD, BLOCK = 1_024, 128  # bytes: what is said of the whole, and a subtitle or a part of it
_COMMENT = 15  # the byte of a block that is 1 where it is a remark
_MARK = re.compile(rb".{3}STL\d\d\.\d\d", re.DOTALL)
_BEGIN = slice(256, 264)  # of the head: when the programme begins, as hours, minutes, seconds and frames


def read(path: Path) -> str:
    """The subtitles of a file, at the times that have passed since its programme began.

    Raises:
        DataError: if it cannot be read.
    """
    from ttconv import model
    from ttconv.stl.datafile import DataFile

    logging.getLogger("ttconv").setLevel(logging.CRITICAL)
    content = encodings.content(path)
    name, blocks = readable(path.name), [content[n : n + BLOCK] for n in range(HEAD, len(content) - BLOCK + 1, BLOCK)]
    if not _MARK.match(content) or not blocks:
        raise DataError(f"{name} is no EBU STL that can be read: save its subtitles as .srt.")
    try:
        data = DataFile(content[:HEAD], start_tc=_begin(content[_BEGIN], blocks[0][5:9]))
        for block in blocks:
            if block[_COMMENT] != 1:
                data.process_tti_block(block)
    except (ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
        raise DataError(f"{name} is damaged: save its subtitles as .srt.") from error
    lines = ["WEBVTT", f"Language: {data.get_language()}" if data.get_language() else ""]
    for element in data.get_document().get_body().dfs_iterator():
        begin, end = element.get_begin(), element.get_end()
        if begin is not None and end is not None:
            parts = (
                "\n" if isinstance(one, model.Br) else one.get_text() if isinstance(one, model.Text) else ""
                for one in element.dfs_iterator()
            )
            times = " --> ".join(clock(round(1_000 * float(one))) for one in (begin, end))
            lines += ["", times, html.escape("".join(parts), quote=False).strip()]
    return "\n".join(lines)


def _begin(begin: bytes, first: bytes) -> str | None:
    """When a programme begins; None where that is not known, or its first subtitle is before it."""
    parts = [int(begin[n : n + 2]) for n in range(0, 8, 2)] if begin.isdigit() else [0]
    return ":".join(f"{one:02}" for one in parts) if sum(parts) > 0 and parts <= list(first) else None
