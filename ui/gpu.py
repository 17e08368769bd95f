"""The GPU of a Space on ZeroGPU: lent for seconds, to a process that is made for one call.

Elsewhere the package `spaces` is absent, and a model encodes where it is.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

try:
    import spaces  # type: ignore[import-not-found]  # before torch, which it makes believe that the GPU is there all the time
except ImportError:
    spaces = None

if TYPE_CHECKING:
    import numpy as np

    from clasp import Clasp
    from clasp.model import EncoderOutput

TEXT, SPEECH = 10, 30  # seconds that texts and utterances may take

_borrowers: "list[Clasp]" = []  # one at most; a process that is made for a call has it from its parent


def _borrowing(seconds: int) -> Callable[[Callable], Callable]:
    return spaces.GPU(duration=seconds) if spaces is not None else lambda function: function


@_borrowing(TEXT)
def _encode_text(*arguments: Any, **named: Any) -> "np.ndarray | EncoderOutput":
    return type(_borrowers[0]).encode_text(_borrowers[0], *arguments, **named)


@_borrowing(TEXT)
def _fuse(*arguments: Any, **named: Any) -> "np.ndarray":
    return type(_borrowers[0]).fuse(_borrowers[0], *arguments, **named)


@_borrowing(SPEECH)
def _encode_speech(*arguments: Any, **named: Any) -> "np.ndarray | EncoderOutput":
    return type(_borrowers[0]).encode_speech(_borrowers[0], *arguments, **named)


@_borrowing(SPEECH)
def _encode_speakers(*arguments: Any, **named: Any) -> "np.ndarray | None":
    return type(_borrowers[0]).encode_speakers(_borrowers[0], *arguments, **named)


def borrowed(model: "Clasp") -> "Clasp":
    """The same model; where the GPU is lent, it borrows it whenever it encodes. For one model of a process."""
    if spaces is not None:
        _borrowers[:] = [model]
        model.encode_text, model.encode_speech, model.encode_speakers, model.fuse = (  # type: ignore[method-assign]
            _encode_text, _encode_speech, _encode_speakers, _fuse
        )  # fmt: skip
    return model
