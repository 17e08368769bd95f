"""Speech recognisers, for the other way to search speech: transcribe it first.

    recogniser = transcriber("base")
    recogniser.transcribe([decode("question.wav")])

"base", or a larger one of clasp/speech/transcriber.py, is Whisper as the product transcribes with it. Any other name is
a transformers checkpoint that writes what it hears, by CTC (wav2vec2, hubert, parakeet) or word by word (whisper): a
folder, or a name on the Hugging Face hub; each utterance is heard by itself.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.errors import ModelError
from clasp.phones.edit_distance import edit_distance
from clasp.speech.transcriber import BASE, ON_THE_HUB
from clasp.speech.transcriber import Transcriber as Whisper
from clasp.training.data import parallel

if TYPE_CHECKING:
    from transformers import AutomaticSpeechRecognitionPipeline

WHISPER_SECONDS = 30.0  # a longer recording is heard window by window, which needs timestamps
EXPECTED = f"give '{BASE}', or the folder or hub name of a transformers checkpoint with a CTC or whisper head"


class Transcriber(Protocol):
    """Writes down what is said."""

    def transcribe(self, waveforms: Sequence[Waveform]) -> list[str]:
        """The words of each utterance, "" where none are understood."""


def transcriber(name: str, language: str = "en") -> Transcriber:
    """Load a recogniser.

    Args:
        name: "base" or a larger Whisper, a folder, or a name on the Hugging Face hub.
        language: BCP-47 tag of what is said. Of a CTC checkpoint it cannot be told whether it knows the language.

    Raises:
        ModelError: if there is no such recogniser, a package of it is missing, the hub cannot be reached, or it does
            not know the language.
    """
    return Packed(name, language) if name in (BASE, *ON_THE_HUB) else Checkpoint(name, language)


def word_error_rate(said: Sequence[str], heard: Sequence[str]) -> float:
    """Words wrong, missing or added in all of `heard`, per word of `said`; case and punctuation do not count.

    Args:
        said: n texts in languages that put spaces between words.
        heard: their n transcripts.

    Raises:
        ValueError: if they are not as many, or nothing is said.
    """
    pairs = [(parallel.key(a).split(), parallel.key(b).split()) for a, b in zip(said, heard, strict=True)]
    words = sum(len(reference) for reference, _ in pairs)
    if words == 0:
        raise ValueError("A word error rate needs at least one word that was said.")
    return sum(edit_distance(*(np.array(side, object) for side in pair)) for pair in pairs) / words


class Packed:
    """Whisper as the product transcribes with it: several utterances to a window, 8-bit on a CPU."""

    def __init__(self, name: str, language: str = "en") -> None:
        self._whisper = Whisper.load(name)
        self._language = language

    def transcribe(self, waveforms: Sequence[Waveform]) -> list[str]:
        return [found.text for found in self._whisper.transcribe(waveforms, self._language)]


class Checkpoint:
    """A recogniser of transformers, on the GPU where there is one."""

    def __init__(self, name: str, language: str = "en") -> None:
        self._pipeline = _load(name)
        self._is_whisper = self._pipeline.model.config.model_type == "whisper"
        self._options = _whisper_options(self._pipeline, name, language) if self._is_whisper else {}

    def transcribe(self, waveforms: Sequence[Waveform]) -> list[str]:
        return [self._written(one) for one in waveforms]

    def _written(self, waveform: Waveform) -> str:
        timestamps = {"return_timestamps": True} if self._is_whisper and waveform.duration > WHISPER_SECONDS else {}
        return self._pipeline(waveform.samples, generate_kwargs=self._options, **timestamps)["text"].strip()


def _load(name: str) -> "AutomaticSpeechRecognitionPipeline":
    """The pipeline of a checkpoint that can write; only its config is read to find out whether it can."""
    from transformers import AutoConfig, pipeline
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CTC_MAPPING_NAMES,
        MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES,
    )

    _find(name)
    try:
        config = AutoConfig.from_pretrained(name)
        heads = {*MODEL_FOR_CTC_MAPPING_NAMES.values(), *MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES.values()}
        heard = heads.intersection(config.architectures or ())
        loaded = pipeline("automatic-speech-recognition", model=name) if heard else None
    except ImportError as error:  # some tokenizers and feature extractors need a package of their own
        raise ModelError(f"{name} needs a package that is not installed: {' '.join(str(error).split())}") from error
    except Exception as error:  # the readers of the many formats raise whatever they like
        message = " ".join(str(error).split())[:200]
        raise ModelError(f"{name} cannot be loaded as a recogniser ({message}): {EXPECTED}.") from error
    if loaded is None:
        found = ", ".join(config.architectures or ()) or config.model_type
        raise ModelError(f"{name} ({found}) does not write what it hears: {EXPECTED}.")
    if loaded.feature_extractor.sampling_rate != SAMPLE_RATE:
        rate = loaded.feature_extractor.sampling_rate
        raise ModelError(f"{name} hears {rate} Hz: give a checkpoint for {SAMPLE_RATE} Hz.")
    return loaded


def _find(name: str) -> None:
    """Raise ModelError unless `name` is a folder with a config.json, or a repository of the hub with one."""
    if Path(name).is_dir():
        if not Path(name, "config.json").is_file():
            raise ModelError(f"{name} is no model, it has no config.json: {EXPECTED}.")
        return

    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        hf_hub_download(name, "config.json")
    except HFValidationError as error:
        raise ModelError(f"There is no folder {name}: {EXPECTED}.") from error
    except LocalEntryNotFoundError as error:
        raise ModelError(
            f"There is no folder {name}, and the Hugging Face hub cannot be reached to look for it there: "
            f"check the connection, or {EXPECTED}."
        ) from error
    except HfHubHTTPError as error:
        raise ModelError(f"{name} is neither a folder nor a model on the Hugging Face hub: {EXPECTED}.") from error


def _whisper_options(loaded: "AutomaticSpeechRecognitionPipeline", name: str, language: str) -> dict[str, Any]:
    """What to tell whisper of the language; checkpoints of English alone want to be told nothing."""
    tokens = getattr(loaded.model.generation_config, "lang_to_id", None)
    code = _primary(language)
    if f"<|{code}|>" not in (tokens or {"<|en|>": 0}):
        raise ModelError(f"{name} does not understand {language!r}: name a checkpoint that does.")
    return {} if not tokens else {"language": code, "task": "transcribe"}


def _primary(language: str) -> str:
    """The language of a tag without its region: "en" of "en-US"."""
    return language.lower().split("-")[0]
