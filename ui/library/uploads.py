"""Files that a person uploads, under the names they have on that person's device."""

import os
from abc import ABCMeta
from pathlib import Path, PurePosixPath
from typing import Any

import gradio as gr

LONGEST = 255  # bytes of a name


class Upload(str):
    """The path of an uploaded file."""

    given: str  # its name on the person's device: Gradio's own lacks characters such as ! and :

    @classmethod
    def of(cls, path: str, given: str | None) -> "Upload":
        """An upload with the name that the browser gives, as far as a file here can have it."""
        upload, name = cls(path), PurePosixPath((given or "").replace("\0", "")).name
        fits = name not in ("", "..") and len(name.encode("utf-8", "replace")) <= LONGEST and os.name != "nt"
        upload.given = name if fits else Path(path).name
        return upload


def _preprocess(_: gr.File, payload: Any) -> list[Upload] | None:
    return payload and [Upload.of(one.path, one.orig_name) for one in payload]


# A subclass, because Gradio makes a session's own component anew from its class; made past Gradio's metaclass, which
# writes a file beside the source of every subclass.
_Files = ABCMeta.__new__(
    type(gr.File), "Files", (gr.File,), {"__module__": __name__, "is_template": True, "preprocess": _preprocess}
)


def uploads(**options: Any) -> gr.File:
    """A place to drop several files, which handlers receive as uploads."""
    return _Files(file_count="multiple", **options)
