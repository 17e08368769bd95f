"""CLASP: search speech by what was meant and by what was said, in any language.

import clasp

model = clasp.load()
speech = model.encode_speech([clasp.decode("interview.mp3")])
text = model.encode_text(["The ship was lost in the storm."])
print(model.similarity(text, speech))
"""

from typing import TYPE_CHECKING, Any

from clasp.errors import AudioError, ClaspError, DataError, LibraryError, ModelError

if TYPE_CHECKING:
    from clasp.audio.decode import Waveform, decode, from_samples
    from clasp.model import Clasp, load

__version__ = "0.1.0"
__all__ = [
    "AudioError", "Clasp", "ClaspError", "DataError", "LibraryError", "ModelError", "Waveform", "__version__", "decode",
    "from_samples", "load",
]  # fmt: skip

_HOMES = {
    "Clasp": "model",
    "load": "model",
    "Waveform": "audio.decode",
    "decode": "audio.decode",
    "from_samples": "audio.decode",
}


def __getattr__(name: str) -> Any:
    """Public names that bring large libraries are imported when they are first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'clasp' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    """The public names, also those that are yet to be imported."""
    return sorted({*globals(), *__all__})
