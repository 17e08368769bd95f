"""The one door to espeak-ng (GPL-3.0): letters to sounds, and speech with the time of every phoneme.

The library and its data come with the wheel `espeakng-loader`; nothing needs to be installed beside it.
It keeps global state, so calls are serialised by a lock.
"""

import ctypes
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from clasp.text.respelling import mend, respell

RATE = 22_050  # Hz, of every espeak-ng voice
LANGUAGES = {
    "en": "en-us",
    "en-gb": "en",
    "zh": "cmn",
    "zh-yue": "yue",
    "pt": "pt-br",
    "pt-pt": "pt",
    "no": "nb",
    "nn": "nb",
    "prs": "fa",
}  # BCP-47 tag -> espeak name where they differ

_UNUSABLE = {"my", "fo", "kaa", "xex"}  # Burmese text ends the process; the others lack their dictionary

_SYNCHRONOUS, _PHONEME_EVENTS, _PHONEME_IPA = 2, 1, 2
_EVENT_END, _EVENT_PHONEME = 5, 7
_UTF8, _IPA, _PARAMETER_RATE, _PARAMETER_PITCH = 1, 0x02, 1, 3
_lock = threading.Lock()


@dataclass(frozen=True)
class TimedPhoneme:
    """An IPA string as espeak-ng writes it ("" is a pause), with its start in seconds."""

    ipa: str
    start: float


def voice_of(language: str) -> str:
    """The voice that reads `language`, a BCP-47 tag: its own, or that of the language without the region.

    Raises:
        ValueError: if espeak-ng has none.
    """
    tag = language.lower()
    while tag:
        if LANGUAGES.get(tag, tag) in _voices():
            return LANGUAGES.get(tag, tag)
        tag = tag.rpartition("-")[0]
    raise ValueError(f"espeak-ng has no voice for {language!r}")


def phonemes(text: str, language: str) -> list[str]:
    """IPA of each clause of `text` read in `language` (a BCP-47 tag); words are separated by spaces."""
    library = _library()
    voice = voice_of(language)
    data = _encode(respell(text, voice))
    clauses = []
    with _lock:
        _set_voice(voice)
        pointer = ctypes.c_char_p(data)
        while pointer.value is not None:
            ipa = library.espeak_TextToPhonemes(ctypes.byref(pointer), _UTF8, _IPA)
            clauses.append((ipa or b"").decode("utf-8", "replace"))
    return [clause for clause in mend(clauses, voice) if clause.strip()]


def speak(text: str, voice: str, *, rate: int = 175, pitch: int = 50) -> tuple[np.ndarray, list[TimedPhoneme]]:
    """Samples (int16, 22,050 Hz) and timed phonemes of `text`.

    Args:
        voice: an espeak-ng voice with an optional variant, such as "en-us+f3".
        rate: words per minute, 80 to 450.
        pitch: 0 to 99.
    """
    library = _library()
    data = _encode(respell(text, voice))
    with _lock:
        _set_voice(voice)
        library.espeak_SetParameter(_PARAMETER_RATE, rate, 0)
        library.espeak_SetParameter(_PARAMETER_PITCH, pitch, 0)
        _chunks.clear()
        _events.clear()
        library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
        library.espeak_Synchronize()
        samples = np.concatenate(_chunks) if _chunks else np.zeros(0, np.int16)
        ipa = mend([phoneme.ipa for phoneme in _events], voice)
        return samples, [TimedPhoneme(one, phoneme.start) for one, phoneme in zip(ipa, _events, strict=True)]


class _Identity(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
        ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p), ("id", _Identity),
    ]  # fmt: skip


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_voice: list[str] = []  # the voice that is loaded
_chunks: list[np.ndarray] = []
_events: list[TimedPhoneme] = []


@_Callback
def _collect(samples, count, events):
    if samples and count > 0:
        _chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
    position = 0
    while events[position].type != 0:
        event = events[position]
        if event.type == _EVENT_PHONEME:
            _events.append(TimedPhoneme(event.id.string.decode("utf-8", "ignore"), event.audio_position / 1000))
        elif event.type == _EVENT_END:
            _events.append(TimedPhoneme("", event.audio_position / 1000))
        position += 1
    return 0


@cache
def _library() -> ctypes.CDLL:
    import espeakng_loader

    library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    data = str(espeakng_loader.get_data_path()).encode()
    if library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _PHONEME_IPA) < 0:
        raise RuntimeError("espeak-ng could not be initialised: reinstall the package espeakng-loader")
    library.espeak_SetSynthCallback(_collect)
    library.espeak_ng_SetRandSeed(1)  # or the clock seeds the breath of its voices
    return library


@cache
def _voices() -> frozenset[str]:
    import espeakng_loader

    files = Path(espeakng_loader.get_data_path(), "lang").rglob("*")
    return frozenset(file.name.lower() for file in files if file.is_file()) - _UNUSABLE


def _set_voice(voice: str) -> None:
    if _voice == [voice]:  # loading one takes longer than reading a sentence
        return
    _voice.clear()
    if _library().espeak_SetVoiceByName(voice.encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {voice!r}")
    _voice.append(voice)


def _encode(text: str) -> bytes:
    return text.replace("\0", " ").encode("utf-8", "replace")
