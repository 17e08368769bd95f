"""Speech recognizers: the product's own, and checkpoints to compare it with.

    recognizer = load("base")
    recognizer.transcribe([decode("question.wav")], "en")

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
from clasp.speech.transcriber import BASE, ON_THE_HUB, Transcriber
from clasp.speech.transcript import Transcript, compression_ratio
from clasp.training.data import parallel

if TYPE_CHECKING:
    from transformers import AutomaticSpeechRecognitionPipeline

WHISPER_SECONDS = 30.0  # a longer recording is heard window by window, which needs timestamps
EXPECTED = f"give '{BASE}', or the folder or hub name of a transformers checkpoint with a CTC or whisper head"


class Recognizer(Protocol):
    """Writes down what is said."""

    name: str

    def transcribe(self, waveforms: Sequence[Waveform], language: str) -> list[Transcript]:
        """What is said in each utterance; `language` is its BCP-47 tag.

        Raises:
            ModelError: if the recognizer does not know the language.
        """


def load(name: str) -> Recognizer:
    """Load a recognizer.

    Args:
        name: "base" or a larger Whisper, a folder, or a name on the Hugging Face hub.

    Raises:
        ModelError: if there is no such recognizer, a package of it is missing, or the hub cannot be reached.
    """
    if name not in (BASE, *ON_THE_HUB):
        return Checkpoint(name)
    transcriber = Transcriber.load(name)
    assert transcriber is not None, "only the name none has none"
    return transcriber


def understands(recognizer: Recognizer, language: str) -> bool:
    """Whether a recognizer may be asked for this language; of a CTC checkpoint that cannot be told."""
    return not isinstance(recognizer, Checkpoint) or recognizer.understands(language)


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Words wrong, missing or added in all hypotheses, per word of the references; case and punctuation do not count.

    Args:
        references: n texts in languages that put spaces between words.
        hypotheses: their n transcripts.

    Raises:
        ValueError: if they are not as many, or the references have no words.
    """
    pairs = [(parallel.key(a).split(), parallel.key(b).split()) for a, b in zip(references, hypotheses, strict=True)]
    words = sum(len(reference) for reference, _ in pairs)
    if words == 0:
        raise ValueError("A word error rate needs at least one word in its references.")
    return sum(edit_distance(*(np.array(side, object) for side in pair)) for pair in pairs) / words


class Checkpoint:
    """A recognizer of transformers, on the GPU where there is one. It does not say how sure it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._pipeline = _load(name)
        self._is_whisper = self._pipeline.model.config.model_type == "whisper"

    def understands(self, language: str) -> bool:
        """Whether it was trained on a language, as far as it says."""
        return not self._is_whisper or f"<|{_primary(language)}|>" in (self._languages or {"<|en|>": 0})

    def transcribe(self, waveforms: Sequence[Waveform], language: str) -> list[Transcript]:
        """As Recognizer has it."""
        if not self.understands(language):
            raise ModelError(f"{self.name} does not understand {language!r}: name a checkpoint that does.")
        texts = [self._text(one, _primary(language)) for one in waveforms]
        return [Transcript(text, _primary(language), compression_ratio=compression_ratio(text)) for text in texts]

    @property
    def _languages(self) -> dict[str, int] | None:
        """The languages that a whisper is told; checkpoints of English alone want to be told nothing."""
        return getattr(self._pipeline.model.generation_config, "lang_to_id", None)

    def _text(self, waveform: Waveform, language: str) -> str:
        options: dict[str, Any] = {}
        if self._is_whisper:
            options["generate_kwargs"] = {"language": language, "task": "transcribe"} if self._languages else {}
            if waveform.duration > WHISPER_SECONDS:
                options["return_timestamps"] = True
        result: Any = self._pipeline(waveform.samples, **options)
        return result["text"].strip()


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
        writes = heads.intersection(config.architectures or ())
        loaded = pipeline("automatic-speech-recognition", model=name) if writes else None
    except ImportError as error:  # some tokenizers and feature extractors need a package of their own
        raise ModelError(f"{name} needs a package that is not installed: {' '.join(str(error).split())}") from error
    except Exception as error:  # the readers of the many formats raise whatever they like
        message = " ".join(str(error).split())[:200]
        raise ModelError(f"{name} cannot be loaded as a recognizer ({message}): {EXPECTED}.") from error
    if loaded is None:
        found = ", ".join(config.architectures or ()) or config.model_type
        raise ModelError(f"{name} ({found}) does not write what it hears: {EXPECTED}.")
    rate = getattr(loaded.feature_extractor, "sampling_rate", None)
    if rate != SAMPLE_RATE:
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


def _primary(language: str) -> str:
    """The language of a tag without its region: "en" of "en-US"."""
    return language.lower().split("-")[0]
