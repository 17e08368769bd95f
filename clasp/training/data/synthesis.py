"""Speech made by synthesizers: many voices, and for the frame labels the time of every phone.

espeak-ng speaks every language in process; flite and festival (English) are the Debian programs; Kokoro speaks some
languages as people do.
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

from clasp.audio.decode import SAMPLE_RATE
from clasp.errors import DataError
from clasp.phones import inventory
from clasp.text import espeak
from clasp.training.data import kokoro

_ARPABET = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "b": "b", "ch": "tʃ", "d": "d",
    "dh": "ð", "eh": "ɛ", "er": "ɚ", "ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ",
    "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s",
    "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
}  # fmt: skip
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "})
_FESTIVAL = {"slt": "voice_cmu_us_slt_arctic_hts", "kal": "voice_kal_diphone"}


@dataclass(frozen=True)
class Voice:
    """A synthetic voice. `rate` is relative to the engine's own (1.0); `pitch` from 0 to 99 (50 the engine's own)."""

    engine: str  # espeak | flite | festival | kokoro
    name: str  # "en-us+f3", "rms", "slt", "alpha+kumo"
    language: str  # BCP-47 tag
    rate: float = 1.0
    pitch: int = 50

    def __str__(self) -> str:
        return f"{self.engine}:{self.name}"


Labels = list[tuple[int, float, float]]
Spoken = tuple[np.ndarray, int, Labels | None]  # samples, their rate and the labels


@dataclass(frozen=True)
class SynthesizedSpeech:
    """An utterance. `labels` are (phone id, start s, end s), or None where the engine tells no times."""

    samples: np.ndarray  # float32 (n,)
    labels: Labels | None


ENGINES = {"espeak": None, "flite": "flite", "festival": "text2wave", "kokoro": None}
"""The engines, with the program that each needs; espeak-ng and Kokoro come with wheels."""
PACE = (0.03, 0.3)  # seconds that a phone takes at least and at most; outside of it something went wrong
PAUSES = 1.5  # seconds of silence that an utterance may have besides
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
    base = str(draw.choice(ACCENTS)) if language == "en" else espeak.voice_of(language)
    name = base + str(draw.choice(VARIANTS))
    return Voice("espeak", name, language, round(float(draw.uniform(0.75, 1.3)), 2), int(draw.integers(20, 81)))


def flite_voice(key: str) -> Voice:
    """A flite voice, rate and pitch chosen by the hash of `key`."""
    draw = np.random.default_rng(int(hashlib.sha256(key.encode()).hexdigest()[:16], 16))
    rate, pitch = round(float(draw.uniform(0.8, 1.25)), 2), int(draw.integers(25, 76))
    return Voice("flite", str(draw.choice(FLITE_VOICES)), "en", rate, pitch)


def festival_voice(key: str) -> Voice:
    """A festival voice and rate chosen by the hash of `key`."""
    draw = np.random.default_rng(int(hashlib.sha256(key.encode()).hexdigest()[:16], 16))
    return Voice("festival", str(draw.choice(list(_FESTIVAL))), "en", round(float(draw.uniform(0.8, 1.25)), 2))


def kokoro_voice(language: str, key: str) -> Voice:
    """A mixture of two of Kokoro's styles, rate and pitch chosen by the hash of `key`."""
    draw = np.random.default_rng(int(hashlib.sha256(key.encode()).hexdigest()[:16], 16))
    name = "+".join(draw.choice(kokoro.STYLES, 2, replace=True))
    return Voice("kokoro", name, language, round(float(draw.uniform(0.8, 1.25)), 2), int(draw.integers(40, 61)))


def voice_for(engine: str, language: str, key: str) -> Voice:
    """A voice of `engine` chosen by the hash of `key`."""
    if engine == "espeak":
        return espeak_voice(language, key)
    if engine == "kokoro":
        return kokoro_voice(language, key)
    return flite_voice(key) if engine == "flite" else festival_voice(key)


def speaks(engine: str, language: str) -> bool:
    """Whether `engine` has a voice for `language`, one that has letter-to-sound rules."""
    if engine == "kokoro":
        return language.partition("-")[0] in kokoro.LANGUAGES
    return engine == "espeak" or language == "en"


def check_installed(engines: list[str]) -> None:
    """Raises DataError where the program of one of the engines is missing."""
    for engine in engines:
        program = ENGINES[engine]
        if program and shutil.which(program) is None:
            raise DataError(
                f"{engine} is not installed: `apt-get install flite festival festvox-us-slt-hts`, "
                "or choose other engines."
            )


def speak(text: str, voice: Voice, rate: int = SAMPLE_RATE) -> SynthesizedSpeech:
    """Say `text`, sampled at `rate` Hz.

    Raises:
        DataError: if the engine is not installed or says nothing (espeak-ng rejects a few sentences).
    """
    engines = {"espeak": _espeak, "flite": _flite, "festival": _festival, "kokoro": _kokoro}
    samples, own_rate, labels = engines[voice.engine](text, voice)
    if len(samples) < 0.2 * own_rate or np.abs(samples).max() < 1e-3:
        raise DataError(f"{voice} said nothing for {text!r}: leave the sentence out or choose another voice.")
    if own_rate != rate:
        samples = soxr.resample(samples, own_rate, rate).astype(np.float32)
    return SynthesizedSpeech(samples, labels)


def check_pace(seconds: float, phone_count: int) -> None:
    """Raises DataError where an utterance of so many phones cannot have taken so long."""
    if not PACE[0] * phone_count <= seconds <= PACE[1] * phone_count + PAUSES:
        raise DataError(f"{seconds:.1f} s for {phone_count} phones: the engine left something out or got stuck.")


def _espeak(text: str, voice: Voice) -> Spoken:
    samples, timed = espeak.speak(text, voice.name, rate=round(175 * voice.rate), pitch=voice.pitch)
    labels: Labels = []
    ends = [phoneme.start for phoneme in timed[1:]] + [len(samples) / espeak.RATE]
    for phoneme, end in zip(timed, ends, strict=True):
        labels += _spread(inventory.ids(phoneme.ipa), phoneme.start, end)
    return samples.astype(np.float32) / 32768, espeak.RATE, labels


def _kokoro(text: str, voice: Voice) -> Spoken:
    """What is played faster is higher, so it is spoken slower by as much."""
    raised = 2 ** ((voice.pitch - 50) / 75)
    samples = kokoro.speak(text, voice.language, voice.name, voice.rate / raised)
    return samples, round(kokoro.RATE * raised), None


def _flite(text: str, voice: Voice) -> Spoken:
    base = {"awb": 130, "rms": 95, "slt": 170}.get(voice.name, 105)  # Hz, mean pitch of the voice
    settings = ["--setf", f"duration_stretch={1 / voice.rate:.2f}"]
    if voice.pitch != 50:
        settings += ["--setf", f"int_f0_target_mean={base * 2 ** ((voice.pitch - 50) / 75):.0f}"]
    samples, rate, printed = _program(["flite", "-voice", voice.name, "-psdur", *settings], text)
    labels: Labels = []
    start = 0.0
    for item in printed.split():
        name, _, end = item.rpartition(":")
        labels += _spread(inventory.ids(_ARPABET.get(name, "")), start, float(end))
        start = float(end)
    return samples, rate, labels


def _festival(text: str, voice: Voice) -> Spoken:
    stretch = f"(Parameter.set 'Duration_Stretch {1 / voice.rate:.2f})"
    command = ["text2wave", "-eval", f"({_FESTIVAL[voice.name]})", "-eval", stretch]
    return *_program(command, text)[:2], None


def _program(command: list[str], text: str) -> tuple[np.ndarray, int, str]:
    """Run flite or festival on a text file; its samples, their rate and what it printed."""
    check_installed([command[0] if command[0] == "flite" else "festival"])
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "text"), Path(folder, "speech.wav")
        source.write_text(text.translate(_PLAIN).replace("\n", " ") + "\n", "latin-1", "replace")
        arguments = ["-f", str(source)] if command[0] == "flite" else [str(source)]
        complaint = ""
        try:
            run = subprocess.run([*command, *arguments, "-o", target], capture_output=True, timeout=120, check=True)
        except subprocess.TimeoutExpired:
            complaint = "it took more than two minutes"
        except subprocess.CalledProcessError as error:
            complaint = error.stderr.decode(errors="replace")[:200]
        if complaint or not target.is_file() or not target.stat().st_size:
            raise DataError(f"{' '.join(command)} could not say {text!r}: {complaint}")
        samples, rate = soundfile.read(target, dtype="float32")
    return samples, rate, run.stdout.decode(errors="replace")


def _spread(ids: tuple[int, ...], start: float, end: float) -> Labels:
    step = (end - start) / max(len(ids), 1)
    return [(phone, start + place * step, start + (place + 1) * step) for place, phone in enumerate(ids)]
