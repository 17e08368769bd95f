"""Clasp: text and speech in, unit vectors of one space out.

A model is a folder:

    config.json              how speech and text are encoded, languages, weight of the meaning half
    speech.safetensors       what was trained of the speech encoder: heads over Whisper, which is not in the folder
    sound.safetensors        phone encoder (absent in a model without the sound half, like the next)
    alignment.safetensors    how often each phone occurs, and is recognized as another
    text/                    the sentence encoder, a sentence-transformers folder
    gate.safetensors         how far a transcript is believed (absent: set by hand)
    speaker.safetensors      who speaks (absent: nobody is told apart); vectors do not depend on it
    calibration.json         what a similarity is worth
"""

import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.initialization import no_init_weights

from clasp.audio.decode import Waveform
from clasp.calibration import Calibration
from clasp.device import (
    autocast,
    chosen_device,
    cpu_has_bfloat16,
    in_batches,
    parameters_of,
    precision,
    to_device,
    usual_size,
)
from clasp.errors import ClaspError, ModelError
from clasp.paths import ASSETS
from clasp.phones import inventory
from clasp.phones.alignment import Aligner
from clasp.phones.encoder import PhoneEncoder, one_hot, pad
from clasp.settings import current
from clasp.speech import speaker
from clasp.speech.encoder import SpeechEncoder
from clasp.speech.gate import Gate, fuse_meaning
from clasp.speech.phone_speech_encoder import PhoneSpeechEncoder
from clasp.speech.speaker import SpeakerHead
from clasp.text import sentence_encoder
from clasp.text.language import LanguageIdentifier
from clasp.weights import folder_checksum, load_weights, save_weights

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BUNDLED = ASSETS / "model"
MEASURED = (  # files that no part of a model writes
    "alignment.safetensors", "gate.safetensors", speaker.FILE, "calibration.json",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class EncoderOutput:
    """What a model makes of n texts or utterances.

    Attributes:
        vectors: float32 (n, dim), unit rows.
        phones: of each, float32 (phones, inventory), distributions; one-hot for texts, without rows for a model
            without the sound half.
        speakers: of each utterance, float32 (n, speaker dim), unit rows, see `speech.speaker`; None for texts, and for
            a model without a speaker head.
    """

    vectors: np.ndarray
    phones: list[np.ndarray]
    speakers: np.ndarray | None = None


def load(name: str | Path | None = None, device: str | torch.device | None = None) -> "Clasp":
    """Load a model.

        >>> import clasp
        >>> model = clasp.load()
        >>> model.dim, model.meaning_dim
        (768, 384)

    Args:
        name: "bundled", "published" (see clasp/published/checkpoint.py), or a folder: one that `Clasp.save` wrote, or
            one with the parts of the published model. None takes what CLASP_MODEL and CLASP_DEVICE say, else the
            bundled one.
        device: "cuda", "mps" or "cpu"; None takes the first of them that is there.

    Raises:
        ModelError: if there is no model, or it is damaged.
    """
    if name is None:
        settings = current()
        name, device = settings.model, device or settings.device or None
    folder = BUNDLED if name == "bundled" else Path(name)
    if name == "published" or _in_parts(folder):
        from clasp.published import checkpoint

        return checkpoint.load(device) if name == "published" else checkpoint.assemble(folder, device)
    if not (folder / "config.json").is_file():
        raise ModelError(f"No model in {folder}: give 'bundled', 'published' or a folder with config.json.")
    try:
        config = json.loads((folder / "config.json").read_text())
        with no_init_weights():
            speech = build_speech_encoder(config["speech_encoder"])
        load_weights(speech.stored, folder / "speech.safetensors")
        sound = None
        if config["phone_encoder"] is not None:
            sound = PhoneEncoder(**config["phone_encoder"])
            load_weights(sound, folder / "sound.safetensors")
        text = sentence_encoder.load(folder / "text")
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"The model in {folder} is damaged ({error}): restore its files.") from error
    model = Clasp(text, speech, sound, config, folder=folder, device=device)
    if config.get("weights") != "float32" and model.device.type == "cpu" and cpu_has_bfloat16():
        # twice as fast; cosines differ by .001 at most
        model.text.to(torch.bfloat16)
    return model


def build_speech_encoder(config: dict[str, Any]) -> SpeechEncoder:
    """The speech encoder of a configuration, with random weights but for those of a pretrained backbone."""
    if "recognizer" in config["speech"]:
        return PhoneSpeechEncoder(config)
    from clasp.speech.fused_encoder import FusedSpeechEncoder

    return FusedSpeechEncoder(config)


def _output(
    vectors: np.ndarray, phones: list[np.ndarray], return_phones: bool, speakers: np.ndarray | None = None
) -> np.ndarray | EncoderOutput:
    return EncoderOutput(vectors, phones, speakers) if return_phones else vectors


def _in_parts(folder: Path) -> bool:
    """Whether the folder has the parts of a published model rather than a model that was saved."""
    return not (folder / "config.json").exists() and (folder / "fusion").is_dir()


class Clasp:
    """A dual encoder of text and speech.

    A vector has two halves, `[√w · meaning, √(1 − w) · sound]`: meaning (a sentence encoder and a speech encoder that
    was trained towards it, arXiv 2412.13071) and sound (phones). The weight w is the model's own, chosen on validation
    data. A model without the sound half has the meaning alone. Vectors are float32 rows of unit length; a dot product
    of two is their similarity.
    """

    def __init__(
        self,
        text: "SentenceTransformer",
        speech: SpeechEncoder,
        sound: PhoneEncoder | None,
        config: dict[str, Any],
        *,
        folder: Path | None = None,
        device: str | torch.device | None = None,
    ):
        self.device = chosen_device(device)
        self.text = text.to(self.device).eval()
        self.speech = speech.to(self.device).eval()
        self.sound = sound.to(self.device).eval() if sound is not None else None
        parameters = parameters_of(self.speech)
        self.precision = precision(self.device, parameters)
        self._size = usual_size(self.device, parameters)
        self.config = config
        self.folder = folder
        self.languages: tuple[str, ...] = tuple(config["languages"])
        self.meaning_dim: int = config["speech_encoder"]["dim"]
        self.sound_dim: int = sound.project.out_features if sound is not None else 0
        self.dim = self.meaning_dim + self.sound_dim
        self.meaning_weight: float = config.get("meaning_weight", 0.5)
        self.averages_spellings: bool = config.get("average_spellings", False)

    @overload
    def encode_text(self, texts: list[str], languages: list[str] | None = ..., batch_size: int = ...) -> np.ndarray: ...

    @overload
    def encode_text(
        self,
        texts: list[str],
        languages: list[str] | None = ...,
        batch_size: int = ...,
        *,
        return_phones: Literal[True],
    ) -> EncoderOutput: ...

    @torch.inference_mode()
    def encode_text(
        self,
        texts: list[str],
        languages: list[str] | None = None,
        batch_size: int = 32,
        *,
        return_phones: bool = False,
    ) -> "np.ndarray | EncoderOutput":
        """Embed sentences.

            >>> import clasp
            >>> model = clasp.load()
            >>> texts = ["The ship was lost.", "Das Schiff ging verloren.", "Bread is baked before dawn."]
            >>> vectors = model.encode_text(texts)
            >>> vectors.shape, vectors.dtype
            ((3, 768), dtype('float32'))
            >>> int(model.similarity(vectors[:1], vectors[1:]).argmax())
            0

        Args:
            languages: BCP-47 tag of each text, for its letter-to-sound rules; None lets the model tell.
            return_phones: give an EncoderOutput, with the phones of each text.

        Returns:
            Vectors, float32 (n, dim), unit rows.

        Raises:
            ClaspError: if a text is empty.
        """
        if any(not text.strip() for text in texts):
            raise ClaspError("There is an empty text among those to encode: give at least one word.")
        if not texts:
            return _output(np.zeros((0, self.dim), np.float32), [], return_phones)
        meaning = self._meaning_of(texts, batch_size)
        if self.sound is None:
            return _output(meaning, self._without_phones(len(texts)), return_phones)
        languages = [self.language_of(text) for text in texts] if languages is None else languages
        phones = [
            one_hot(torch.from_numpy(inventory.from_text(text, language)))
            for text, language in zip(texts, languages, strict=True)
        ]
        sound = np.concatenate([
            self._sound(phones[start : start + batch_size], from_speech=False)
            for start in range(0, len(phones), batch_size)
        ])  # fmt: skip
        return _output(self._join(meaning, sound), [one.numpy() for one in phones], return_phones)

    @overload
    def encode_speech(self, waveforms: list[Waveform], batch_size: int | None = ...) -> np.ndarray: ...

    @overload
    def encode_speech(
        self, waveforms: list[Waveform], batch_size: int | None = ..., *, return_phones: Literal[True]
    ) -> EncoderOutput: ...

    @torch.inference_mode()
    def encode_speech(
        self, waveforms: list[Waveform], batch_size: int | None = None, *, return_phones: bool = False
    ) -> "np.ndarray | EncoderOutput":
        """Embed utterances, in the order given.

            >>> import clasp
            >>> from clasp.paths import ASSETS
            >>> model = clasp.load()
            >>> utterance = clasp.decode(ASSETS / "library" / "audio" / "adventure-01.ogg")
            >>> speech = model.encode_speech([utterance], return_phones=True)
            >>> speech.vectors.shape, len(speech.phones), speech.phones[0].shape[1]
            ((1, 768), 1, 71)
            >>> texts = model.encode_text(["The ship was lost in the storm.", "Bread is baked before dawn."])
            >>> int(model.similarity(speech.vectors, texts).argmax())
            0

        Utterances are batched by length, `batch_size` at a time (None: what the device usually bears; fewer once
        memory has not sufficed). In float32, an utterance has the same vector (within 1e-4) in any batch.

        Args:
            return_phones: give an EncoderOutput, with the phones recognized in each utterance, and who speaks.

        Returns:
            Vectors, float32 (n, dim), unit rows.

        Raises:
            ClaspError: if the memory of a GPU does not suffice for one utterance, or the GPU fails.
        """
        vectors = np.zeros((len(waveforms), self.dim), np.float32)
        recognized, head = self._without_phones(len(waveforms)), self.speaker_head
        speakers = None if head is None else np.zeros((len(waveforms), head.dim), np.float32)

        def encode(rows: list[int]) -> None:
            with autocast(self.device, self.precision):
                output = self.speech([to_device(waveforms[row].samples, self.device) for row in rows])
                sound = None if self.sound is None else self._sound(output.phones, from_speech=True)
            meaning = output.meaning.float().cpu().numpy()
            if head is not None and speakers is not None:
                speakers[rows] = head(output.moments.cpu().numpy())
            if sound is None:
                vectors[rows] = meaning
                return
            vectors[rows] = self._join(meaning, sound)
            for row, phones in zip(rows, output.phones, strict=True):
                recognized[row] = phones.float().cpu().numpy()

        lengths = [waveform.duration for waveform in waveforms]
        fitted = in_batches(lengths, batch_size or self._size, encode)
        self._size = fitted if batch_size is None else self._size
        return _output(vectors, recognized, return_phones, speakers)

    @torch.inference_mode()
    def encode_speakers(self, waveforms: list[Waveform]) -> np.ndarray | None:
        """Who speaks in utterances: what `encode_speech` also gives, without the rest and in a fraction of its time.

        Returns:
            float32 (n, speaker dim), unit rows; None for a model without a speaker head.

        Raises:
            ClaspError: as `encode_speech`.
        """
        head, encoder = self.speaker_head, self.speech
        if head is None or not isinstance(encoder, PhoneSpeechEncoder):
            return None
        speakers = np.zeros((len(waveforms), head.dim), np.float32)

        def encode(rows: list[int]) -> None:
            with autocast(self.device, self.precision):
                moments = encoder.moments([to_device(waveforms[row].samples, self.device) for row in rows])
            speakers[rows] = head(moments.cpu().numpy())

        in_batches([waveform.duration for waveform in waveforms], self._size, encode)
        return speakers

    @torch.inference_mode()
    def fuse(self, direct: np.ndarray, texts: list[str], evidence: np.ndarray) -> np.ndarray:
        """The meaning of utterances by their phones and by their transcripts.

        Args:
            direct: float (n, meaning_dim), unit rows, as `encode_speech` gives it.
            texts: the transcripts; '' where there is none.
            evidence: what is known of each, float (n, len(EVIDENCE)), see `speech.gate`.

        Returns:
            float32 (n, meaning_dim), unit rows; `direct` where there is no transcript.
        """
        rows = [row for row, text in enumerate(texts) if text.strip()]
        transcripts = np.zeros((len(texts), self.meaning_dim), np.float32)
        if rows:
            transcripts[rows] = self._meaning_of([texts[row] for row in rows])
        return fuse_meaning(direct, transcripts, evidence, self.gate)

    def halves(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Meaning (n, meaning_dim) and sound (n, sound_dim) of vectors (n, dim), unit rows each; a half without
        content (no phones in a text, no sound half in the model) is zero."""
        return _unit(vectors[:, : self.meaning_dim]), _unit(vectors[:, self.meaning_dim :])

    def similarity(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Cosines of every row of `first` (n, dim) with every row of `second` (m, dim), float32 (n, m)."""
        return first @ second.T

    def language_of(self, text: str) -> str:
        """The BCP-47 tag, among the model's languages, that `text` is most likely written in."""
        return self._identifier(text)

    @cached_property
    def aligner(self) -> Aligner | None:
        """Compares phones, to rank what was found; None for a model without the sound half, or not loaded from a
        folder."""
        path = self.folder / "alignment.safetensors" if self.folder is not None else None
        if path is None or not path.is_file():
            return None
        tables = load_file(path)
        return Aligner(tables["confusions"].numpy(), tables["frequencies"].numpy())

    @cached_property
    def gate(self) -> Gate:
        """How far a transcript is believed, from the model's folder."""
        return Gate.load(self.folder)

    @cached_property
    def speaker_head(self) -> SpeakerHead | None:
        """Tells speakers apart; None for a model whose folder has none, or that has no phones."""
        return SpeakerHead.load(self.folder) if isinstance(self.speech, PhoneSpeechEncoder) else None

    @cached_property
    def calibration(self) -> Calibration:
        """What a similarity is worth, from the model's folder; roughly, if that has none and there is no sound half."""
        if self.folder is None:
            raise ModelError("This model was not loaded from a folder and is not calibrated: save it first.")
        if self.sound is None and not (self.folder / "calibration.json").exists():
            return Calibration.rough()
        return Calibration.load(self.folder / "calibration.json")

    @cached_property
    def checksum(self) -> str:
        """SHA-256 over weights and configuration: vectors of models with different checksums do not compare."""
        if self.folder is None:
            raise ModelError("This model was not loaded from a folder and has no checksum: save it first.")
        return folder_checksum(self.folder)

    def save(self, folder: str | Path) -> None:
        """Write the model to `folder`, weights as float16 unless its configuration says otherwise; what was measured
        with it goes along. The model itself stays as it is."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.config, indent=1) + "\n")
        full = self.config.get("weights") == "float32"
        save_weights(self.speech.stored, folder / "speech.safetensors", full)
        if self.sound is not None:
            save_weights(self.sound, folder / "sound.safetensors", full)
        if self.folder is None:
            self._save_text(folder / "text", full)
        elif self.folder.resolve() != folder.resolve():
            shutil.copytree(self.folder / "text", folder / "text", dirs_exist_ok=True)  # in memory it may be rounded
            for name in MEASURED:
                if (self.folder / name).is_file():
                    shutil.copyfile(self.folder / name, folder / name)

    def _save_text(self, folder: Path, full: bool) -> None:
        if full:
            self.text.save(str(folder), create_model_card=False)
        else:
            sentence_encoder.save(self.text, folder)

    def _meaning_of(self, texts: list[str], batch_size: int = 32) -> np.ndarray:
        """The meaning of sentences, float32 (n, meaning_dim), unit rows."""
        with autocast(self.device, self.precision):
            return sentence_encoder.encode(self.text, texts, average=self.averages_spellings, batch_size=batch_size)

    def _without_phones(self, count: int) -> list[np.ndarray]:
        return [np.zeros((0, len(inventory.INVENTORY)), np.float32) for _ in range(count)]

    def _sound(self, sequences: list[torch.Tensor], *, from_speech: bool) -> np.ndarray:
        assert self.sound is not None
        batch, lengths = pad(sequences)
        vectors = self.sound(batch.to(self.device), lengths.to(self.device), from_speech=from_speech)
        return vectors.float().cpu().numpy()

    def _join(self, meaning: np.ndarray, sound: np.ndarray) -> np.ndarray:
        """Halves, unit rows each, as one unit vector."""
        shares = np.sqrt([self.meaning_weight, 1 - self.meaning_weight])
        return _unit(np.concatenate([shares[0] * meaning, shares[1] * sound], 1))

    @cached_property
    def _identifier(self) -> LanguageIdentifier:
        return LanguageIdentifier(self.languages)


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True) if rows.shape[1] else np.ones((len(rows), 1))
    return (rows / np.maximum(norms, 1e-12)).astype(np.float32)
