"""Transcripts by Whisper: the words of utterances, with times, and how sure they are.

    transcriber = Transcriber.load()
    for found in transcriber.transcribe(waveforms):
        print(found.text, found.language, found.confidence, found.words)

Utterances of one recording share windows (see windows.py) and are separated by the times of the words. The language is
detected for each window, in the light of the others. Where nobody speaks the transcript is empty: Whisper, given
silence, music or laughter, writes what often stood beside such sounds in what it learned from.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clasp.audio.decode import SAMPLE_RATE, SILENCE, Waveform
from clasp.audio.vad import LEAST_VOICED, UNVOICED, WINDOW, VoiceActivity, audible
from clasp.errors import ClaspError, ModelError
from clasp.settings import current
from clasp.speech import windows
from clasp.speech.languages import LanguageTally
from clasp.speech.transcript import NO_TRANSCRIPT, Transcript, Word, compression_ratio, is_implausible, loops
from clasp.speech.whisper_encoder import FRAME_RATE, HOP
from clasp.speech.whisper_tokens import WhisperTokens, times
from clasp.speech.whisper_weights import whisper_folder
from clasp.speech.windows import Window, packed, pieces, window

NONE, BASE = "none", "base"
ON_THE_HUB = {  # larger ones, in the form that CTranslate2 reads
    "small": "Systran/faster-whisper-small",
    "medium": "Systran/faster-whisper-medium",
    "large-v3": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}
FILES = ("model.bin", "config.json", "tokenizer.json", "preprocessor_config.json", "vocabulary.*")
CHOICES = f"{BASE}, {', '.join(ON_THE_HUB)}, {NONE}, or a folder with a Whisper model for CTranslate2"

BATCH = 8  # windows at once
UNLIKELY = math.log(0.2)  # mean log probability below which what was written is doubtful
BRIEF = 4  # words; what Whisper invents is brief, so that more is asked of such a text
UNLIKELY_BRIEF = math.log(0.35)
NO_SPEECH = 0.6  # probability of no speech from which still more is asked
UNLIKELY_SILENT = math.log(0.6)
REPETITIVE = 2.4  # compression ratio of a text that says the same again and again
LETTERS_A_SECOND = 2  # fewer are little for what shares a window
NEVER_AGAIN = 4  # tokens in a row that are not repeated when a window is decoded again for its loops
MOST_TOKENS = 400  # that a window may be written with


class Transcriber:
    """One of the Whisper models, in CTranslate2: 8-bit on a CPU, half precision on NVIDIA's GPUs."""

    def __init__(self, folder: Path, name: str, device: str = "") -> None:
        """Use `load`."""
        import ctranslate2

        self.name = name
        gpu = device != "cpu" and ctranslate2.get_cuda_device_count() > 0
        self._view = ctranslate2.StorageView.from_array
        self._model = ctranslate2.models.Whisper(
            str(folder), "cuda" if gpu else "cpu", compute_type="float16" if gpu else "int8", intra_threads=_threads()
        )
        self._tokens = WhisperTokens(folder / "tokenizer.json")
        self.batch = BATCH  # windows at once; fewer once memory has not sufficed

    @classmethod
    def load(cls, name: str | None = None, device: str = "") -> "Transcriber | None":
        """The one with this name (None: as CLASP_TRANSCRIBER says); None if that is "none".

        Raises:
            ModelError: if it is not to be had, or damaged.
        """
        name = name or current().transcriber
        if name == NONE:
            return None
        folder = _folder(name)
        try:
            return cls(folder, name if not Path(name).is_dir() else Path(name).resolve().name, device)
        except Exception as error:  # CTranslate2 and tokenizers raise whatever they like
            raise ModelError(
                f"{folder} holds no Whisper model that CTranslate2 can read ({' '.join(str(error).split())[:150]}): "
                f"set CLASP_TRANSCRIBER to one of {CHOICES}."
            ) from error

    def together(self, durations: Sequence[float]) -> int:
        """How many of these utterances, from the first, fill one batch of windows."""
        return sum(map(len, packed([min(one, windows.PIECE) for one in durations])[: self.batch]))

    def transcribe(
        self, waveforms: Sequence[Waveform], language: str = "", tally: LanguageTally | None = None
    ) -> list[Transcript]:
        """Transcripts of utterances of one recording, in the order given.

        Args:
            language: BCP-47 tag of what is spoken; '' (or one that Whisper does not know) lets it be detected.
            tally: languages of what came before in the recording; what is found here is added.

        Raises:
            ClaspError: if the memory does not suffice for a single window.
        """
        tally = LanguageTally() if tally is None else tally
        parts = [(number, part) for number, one in enumerate(waveforms) for part in pieces(one.samples)]
        voiced = [place for place, (_, part) in enumerate(parts) if _has_voice(part)]
        found = [NO_TRANSCRIPT] * len(parts)
        sounds = [parts[place][1] for place in voiced]
        for place, transcript in zip(
            voiced, self._transcribed(sounds, self._tokens.code(language), tally), strict=True
        ):
            found[place] = transcript
        whole: list[list[tuple[float, Transcript]]] = [[] for _ in waveforms]
        for (number, part), transcript in zip(parts, found, strict=True):
            before = whole[number]
            start = before[-1][0] if before else 0.0
            before.append((start + len(part) / SAMPLE_RATE, _shifted(transcript, start)))
        return [_joined([transcript for _, transcript in one]) for one in whole]

    def _transcribed(self, sounds: list[np.ndarray], code: str, tally: LanguageTally) -> list[Transcript]:
        """Transcripts of speech, none longer than a window; what is doubtful is decoded a second time, alone."""
        groups = packed([len(sound) / SAMPLE_RATE for sound in sounds])
        found: list[Transcript] = []
        size = self.batch
        for first in range(0, len(groups), size):
            batch = [
                window([sounds[number] for number in group], self._model.n_mels)
                for group in groups[first : first + size]
            ]
            for transcripts in self._batch(batch, code, tally):
                found += transcripts
        doubtful = [number for number, one in enumerate(found) if _is_doubtful(one, len(sounds[number]) / SAMPLE_RATE)]
        for number in set(doubtful) & {group[0] for group in groups if len(group) == 1}:  # it was alone
            doubtful.remove(number)
            found[number] = _unless_doubtful(found[number], len(sounds[number]) / SAMPLE_RATE)
        neighbours = {number for group in groups if len(group) > 1 for number in group}
        sparse = [number for number in neighbours if _is_sparse(found[number], len(sounds[number]) / SAMPLE_RATE)]
        doubtful = sorted({*doubtful, *sparse})
        for first in range(0, len(doubtful), size):
            numbers = doubtful[first : first + size]
            alone = [window([sounds[number]], self._model.n_mels) for number in numbers]
            again = self._batch(alone, code, LanguageTally(dict(tally.seconds)), careful=True)
            for number, (transcript,) in zip(numbers, again, strict=True):
                found[number] = _unless_doubtful(transcript, len(sounds[number]) / SAMPLE_RATE)
        return found

    def _batch(
        self, batch: list[Window], code: str, tally: LanguageTally, *, careful: bool = False
    ) -> list[list[Transcript]]:
        """Transcripts of the utterances in each of some windows, in smaller batches where memory does not suffice."""
        try:
            return self._windows(batch, code, tally, careful)
        except (RuntimeError, MemoryError) as error:
            if not isinstance(error, MemoryError) and "memory" not in str(error) and "bad_alloc" not in str(error):
                raise
            if len(batch) == 1:
                raise ClaspError(
                    "There is not enough memory to transcribe half a minute of speech: close what else uses it, or set "
                    f"CLASP_TRANSCRIBER to a smaller model or {NONE}."
                ) from error
        self.batch = len(batch) // 2
        first = self._batch(batch[: self.batch], code, tally, careful=careful)
        return first + self._batch(batch[len(first) :], code, tally, careful=careful)

    def _windows(self, batch: list[Window], code: str, tally: LanguageTally, careful: bool) -> list[list[Transcript]]:
        encoded = np.array(self._model.encode(self._view(np.stack([one.mel for one in batch])), to_cpu=True))
        languages = self._languages(encoded, batch, code, tally)
        found: list[list[Transcript]] = [[] for _ in batch]
        for language in dict.fromkeys(languages):
            rows = [row for row, one in enumerate(languages) if one == language]
            states = self._view(np.ascontiguousarray(encoded[rows]))
            results = self._written(states, language, NEVER_AGAIN if careful else 0)
            tokens = [[token for token in one.sequences_ids[0] if token < self._tokens.end] for one in results]
            if not careful and any(loops(one) for one in tokens):
                again = self._written(states, language, NEVER_AGAIN)
                for place, one in enumerate(tokens):
                    if loops(one):
                        results[place] = again[place]
                        tokens[place] = [token for token in again[place].sequences_ids[0] if token < self._tokens.end]
            aligned = self._aligned(encoded, [batch[row] for row in rows], rows, language, tokens)
            for place, row in enumerate(rows):
                words, no_speech = aligned[place], results[place].no_speech_prob
                found[row] = [_transcript(own, language, no_speech) for own in _apart(batch[row].spans, words)]
        return found

    def _written(self, states: Any, language: str, unrepeated: int) -> list[Any]:
        """What the decoder writes in windows of one language, the likeliest token at every step."""
        prompt = [*self._tokens.start(language), self._tokens.without_times]
        return self._model.generate(
            states, [prompt] * states.shape[0], beam_size=1, return_no_speech_prob=True, max_length=MOST_TOKENS,
            no_repeat_ngram_size=unrepeated,
        )  # fmt: skip

    def _languages(self, encoded: np.ndarray, batch: list[Window], code: str, tally: LanguageTally) -> list[str]:
        """The language of each window, and into the tally."""
        seconds = [sum(end - start for start, end in one.spans) for one in batch]
        if code or not self._model.is_multilingual:
            chosen = [code or "en"] * len(batch)
        else:
            ranked = self._model.detect_language(self._view(encoded))
            detected = [{name[2:-2]: share for name, share in one} for one in ranked]
            whole = tally.merged(detected, seconds)
            chosen = [whole.choose(one) for one in detected]
        for language, length in zip(chosen, seconds, strict=True):
            tally.add(language, length)
        return chosen

    def _aligned(
        self, encoded: np.ndarray, batch: list[Window], rows: list[int], language: str, tokens: list[list[int]]
    ) -> list[list["_Timed"]]:
        """The words that were written in windows of one language, with their times in the window."""
        words: list[list[_Timed]] = [[] for _ in batch]
        written = [place for place, one in enumerate(tokens) if one]
        if not written:
            return words
        states = self._view(np.ascontiguousarray(encoded[[rows[place] for place in written]]))
        frames = [round(batch[place].end * SAMPLE_RATE / HOP) for place in written]
        found = self._model.align(states, self._tokens.start(language), [tokens[place] for place in written], frames)
        for place, one in zip(written, found, strict=True):
            begins = times(one.alignments, len(tokens[place]), FRAME_RATE)
            shares = np.log(np.maximum(one.text_token_probs, 1e-6))
            for word in self._tokens.words(tokens[place], language):
                start, end = float(begins[word.first]), float(begins[word.last])
                words[place].append(_Timed(word.text, start, end, shares[word.first : word.last]))
        return words


@dataclass(frozen=True, eq=False)
class _Timed:
    """A word in a window; `shares` are the log probabilities of its tokens."""

    text: str
    start: float
    end: float
    shares: np.ndarray


def _apart(spans: Sequence[tuple[float, float]], words: list[_Timed]) -> list[list[_Timed]]:
    """The words of each utterance of a window, which lie in `spans`, with their times in it: a word belongs to the one
    that it shares most time with, or is nearest to."""
    own: list[list[_Timed]] = [[] for _ in spans]
    for one in words:
        place = max(range(len(spans)), key=lambda at: min(one.end, spans[at][1]) - max(one.start, spans[at][0]))
        first, last = spans[place]
        start, end = (min(max(time, first), last) - first for time in (one.start, one.end))
        own[place].append(_Timed(one.text, start, end, one.shares))
    return own


def _transcript(words: list[_Timed], language: str, no_speech: float) -> Transcript:
    text = "".join(word.text for word in words).strip()
    return Transcript(
        text, language,
        tuple(Word(one.text.strip(), one.start, one.end, float(np.exp(one.shares.mean()))) for one in words),
        float(np.concatenate([one.shares for one in words]).mean()) if words else 0.0,
        compression_ratio(text), no_speech,
    )  # fmt: skip


def _folder(name: str) -> Path:
    """Where the model with this name is, fetched if need be."""
    if name == BASE:
        return whisper_folder()
    if Path(name).is_dir():
        return Path(name)
    if name not in ON_THE_HUB:
        raise ModelError(f"There is no transcriber {name!r}: CLASP_TRANSCRIBER is {CHOICES}.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(ON_THE_HUB[name], allow_patterns=list(FILES), local_files_only=current().offline))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise ModelError(
            f"Whisper {name} is not on this computer and cannot be fetched from the Hugging Face hub: connect to the "
            f"network once, or leave CLASP_TRANSCRIBER at {BASE}."
        ) from error


def _threads() -> int:
    """Of the processor, as many as OMP_NUM_THREADS allows."""
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return int(allowed) if allowed.isdecimal() and int(allowed) else min(8, os.cpu_count() or 1)


def _has_voice(samples: np.ndarray) -> bool:
    """Whether somebody speaks in it for longer than a click or a cough."""
    if len(samples) < LEAST_VOICED * SAMPLE_RATE or float(np.abs(samples).max()) < SILENCE:
        return False
    whole = np.pad(samples, (0, -len(samples) % WINDOW))
    voiced = (VoiceActivity()(torch.from_numpy(audible(whole))) >= UNVOICED).sum().item()
    return voiced * WINDOW >= LEAST_VOICED * SAMPLE_RATE


def _is_doubtful(found: Transcript, seconds: float) -> bool:
    """Whether what was written of an utterance of so many seconds is nothing, unlikely, or repeats itself."""
    least = UNLIKELY_BRIEF if len(found.words) <= BRIEF else UNLIKELY
    least = UNLIKELY_SILENT if found.no_speech > NO_SPEECH else least
    repeats = loops([word.text.casefold() for word in found.words]) or found.compression_ratio > REPETITIVE
    return is_implausible(found.text, seconds) or found.log_probability < least or repeats


def _is_sparse(found: Transcript, seconds: float) -> bool:
    """Whether so little was written of an utterance that it may be a word of its neighbour's."""
    return sum(map(str.isalnum, found.text)) < LETTERS_A_SECOND * seconds


def _unless_doubtful(found: Transcript, seconds: float) -> Transcript:
    """A transcript of an utterance that was decoded alone; without its text if that is doubtful even so."""
    return replace(found, text="", words=()) if _is_doubtful(found, seconds) else found


def _shifted(found: Transcript, seconds: float) -> Transcript:
    if not seconds:
        return found
    words = (replace(word, start=word.start + seconds, end=word.end + seconds) for word in found.words)
    return replace(found, words=tuple(words))


def _joined(parts: list[Transcript]) -> Transcript:
    """The transcripts of the pieces of one utterance as one."""
    spoken = [part for part in parts if part.text]
    if len(parts) == 1 or not spoken:
        return parts[0]
    text = " ".join(part.text for part in spoken)
    weights = [len(part.words) for part in spoken]
    mean = float(np.average([part.log_probability for part in spoken], weights=weights))
    return Transcript(
        text, spoken[0].language, tuple(word for part in spoken for word in part.words), mean, compression_ratio(text),
        max(part.no_speech for part in spoken),
    )  # fmt: skip
