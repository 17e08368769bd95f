"""Speech made by synthesizers: many voices, and for the frame labels the time of every phone.

espeak-ng speaks every language in process; flite and festival (English) are the Debian programs.
"""

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from .. import espeak, phones
from ..audio import SAMPLE_RATE
from ..errors import DataError

_ARPABET = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "b": "b", "ch": "tʃ", "d": "d",
    "dh": "ð", "eh": "ɛ", "er": "ɚ", "ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ",
    "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s",
    "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
}  # fmt: skip
_FESTIVAL = {"slt": "voice_cmu_us_slt_arctic_hts", "kal": "voice_kal_diphone"}


@dataclass(frozen=True)
class Voice:
    """A synthetic voice. `rate` is relative to the engine's own (1.0); `pitch` from 0 to 99 (50 the engine's own)."""

    engine: str  # espeak | flite | festival
    name: str  # "en-us+f3", "rms", "slt"
    language: str  # BCP-47 tag
    rate: float = 1.0
    pitch: int = 50

    def __str__(self) -> str:
        return f"{self.engine}:{self.name}"


@dataclass(frozen=True)
class Spoken:
    """An utterance at 16 kHz. `labels` are (phone id, start s, end s), or None where the engine tells no times."""

    samples: np.ndarray  # float32 (n,)
    labels: list[tuple[int, float, float]] | None


VARIANTS = (
    "", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+f1", "+f2", "+f3", "+f4", "+f5", "+klatt", "+klatt2",
    "+klatt4", "+croak", "+Alex", "+Andy", "+Gene", "+Jacky", "+Lee", "+Michael", "+Steph",
)  # fmt: skip
ACCENTS = ("en-us", "en-us", "en-us", "en", "en-gb-x-rp", "en-gb-scotland")
FLITE_VOICES = ("awb", "rms")
TRAINING_VOICES = tuple(
    [Voice("espeak", name, "en") for name in ("en-us", "en-us+f3", "en+m3", "en-us+klatt2")]
    + [Voice("flite", name, "en") for name in FLITE_VOICES]
)
"""A sample of the voices that training corpora use, for evaluation and the demo library."""
HELD_OUT_VOICES = (Voice("festival", "slt", "en"), Voice("festival", "kal", "en"))
"""An engine that no training corpus ever uses."""


def espeak_voice(language: str, key: str) -> Voice:
    """An espeak-ng voice for `language`, variant, accent, rate and pitch chosen by the hash of `key`."""
    draw = np.random.default_rng(int(hashlib.sha256(key.encode()).hexdigest()[:16], 16))
    base = str(draw.choice(ACCENTS)) if language == "en" else espeak.LANGUAGES.get(language, language)
    name = base + str(draw.choice(VARIANTS))
    return Voice(
        "espeak", name, language, round(float(draw.uniform(0.75, 1.3)), 2), int(draw.integers(20, 81))
    )


def flite_voice(key: str) -> Voice:
    """A flite voice, rate and pitch chosen by the hash of `key`."""
    draw = np.random.default_rng(int(hashlib.sha256(key.encode()).hexdigest()[:16], 16))
    rate, pitch = round(float(draw.uniform(0.8, 1.25)), 2), int(draw.integers(25, 76))
    return Voice("flite", str(draw.choice(FLITE_VOICES)), "en", rate, pitch)


def speak(text: str, voice: Voice) -> Spoken:
    """Say `text`.

    Raises:
        DataError: if the engine is not installed or says nothing (espeak-ng rejects a few sentences).
    """
    spoken = {"espeak": _espeak, "flite": _flite, "festival": _festival}[voice.engine](text, voice)
    if len(spoken.samples) < 0.2 * SAMPLE_RATE or np.abs(spoken.samples).max() < 1e-3:
        raise DataError(f"{voice} said nothing for {text!r}: leave the sentence out or choose another voice.")
    return spoken


def _espeak(text: str, voice: Voice) -> Spoken:
    samples, timed = espeak.speak(text, voice.name, rate=round(175 * voice.rate), pitch=voice.pitch)
    labels: list[tuple[int, float, float]] = []
    ends = [phoneme.start for phoneme in timed[1:]] + [len(samples) / espeak.RATE]
    for phoneme, end in zip(timed, ends, strict=True):
        labels += _spread(phones.ids(phoneme.ipa), phoneme.start, end)
    return Spoken(_resample(samples.astype(np.float32) / 32768, espeak.RATE), labels)


def _flite(text: str, voice: Voice) -> Spoken:
    base = {"awb": 130, "rms": 95, "slt": 170}.get(voice.name, 105)  # Hz, mean pitch of the voice
    settings = ["--setf", f"duration_stretch={1 / voice.rate:.2f}"]
    if voice.pitch != 50:
        settings += ["--setf", f"int_f0_target_mean={base * 2 ** ((voice.pitch - 50) / 75):.0f}"]
    samples, printed = _program(["flite", "-voice", voice.name, "-psdur", *settings], text)
    labels, start = [], 0.0
    for item in printed.split():
        name, _, end = item.rpartition(":")
        labels += _spread(phones.ids(_ARPABET.get(name, "")), start, float(end))
        start = float(end)
    return Spoken(samples, labels)


def _festival(text: str, voice: Voice) -> Spoken:
    stretch = f"(Parameter.set 'Duration_Stretch {1 / voice.rate:.2f})"
    command = ["text2wave", "-eval", f"({_FESTIVAL[voice.name]})", "-eval", stretch]
    return Spoken(_program(command, text)[0], None)


def _program(command: list[str], text: str) -> tuple[np.ndarray, str]:
    """Run flite or festival on a text file; its samples at 16 kHz and what it printed."""
    if shutil.which(command[0]) is None:
        raise DataError(
            f"{command[0]} is not installed: `apt-get install flite festival festvox-us-slt-hts`."
        )
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "text"), Path(folder, "speech.wav")
        source.write_text(text.replace("\n", " ") + "\n", "latin-1", "replace")
        arguments = ["-f", str(source)] if command[0] == "flite" else [str(source)]
        run = subprocess.run(
            [*command, *arguments, "-o", str(target)], capture_output=True, timeout=120, check=False
        )
        if run.returncode or not target.is_file() or not target.stat().st_size:
            raise DataError(
                f"{' '.join(command)} could not say {text!r}: {run.stderr.decode(errors='replace')[:200]}"
            )
        samples, rate = soundfile.read(target, dtype="float32")
    return _resample(samples, rate), run.stdout.decode(errors="replace")


def _spread(ids: tuple[int, ...], start: float, end: float) -> list[tuple[int, float, float]]:
    step = (end - start) / max(len(ids), 1)
    return [(phone, start + place * step, start + (place + 1) * step) for place, phone in enumerate(ids)]


def _resample(samples: np.ndarray, rate: int) -> np.ndarray:
    return samples if rate == SAMPLE_RATE else soxr.resample(samples, rate, SAMPLE_RATE).astype(np.float32)
