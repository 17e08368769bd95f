"""The other way to search speech: transcribe first, then compare texts.

The transcripts go through the text encoder of the model and the same ranking as its speech vectors. A transcript is
kept beside the spoken sentences with the seconds that it took (its share of those of the clips that were transcribed
with it), so that a second run reports the same time.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from clasp.audio.decode import Waveform
from clasp.evaluation import test_sets
from clasp.evaluation.cases import Case
from clasp.evaluation.test_sets import Utterance, label
from clasp.training.data.corpora import batched

if TYPE_CHECKING:
    from clasp.evaluation.asr import Transcriber
    from clasp.evaluation.evaluate import Evaluation
    from clasp.model import Clasp

SET = "english-300"  # real speech, few enough to be transcribed by any checkpoint
CLIPS = 128  # handed to a recogniser at a time


@dataclass(frozen=True)
class Transcript:
    """What a recogniser understood of a clip; `seconds` it took, of `audio_seconds` of sound."""

    text: str
    seconds: float
    audio_seconds: float


def compare(evaluation: "Evaluation", cases: Iterable[Case], system: str) -> list[dict[str, Any]]:
    """The rows of --json of the cases on SET, with transcripts in the place of speech.

    `seconds` are those of transcribing and embedding the pool, `transcribing_seconds` those of the first alone,
    `clasp_seconds` those of embedding its sound.

    Raises:
        ClaspError: if there is no such recogniser.
    """
    from clasp.evaluation.asr import word_error_rate

    utterances = evaluation.sets[SET].utterances
    transcripts = transcribe(system, utterances, evaluation.cache)
    began = time.perf_counter()
    vectors = embed(evaluation.model, [transcript.text for transcript in transcripts])
    embedding, transcribing = time.perf_counter() - began, sum(transcript.seconds for transcript in transcripts)
    shared = {
        "system": system,
        "seconds": embedding + transcribing,
        "transcribing_seconds": transcribing,
        "audio_seconds": sum(transcript.audio_seconds for transcript in transcripts),
        "clasp_seconds": evaluation.seconds(SET),
        "word_error_rate": word_error_rate([one.text for one in utterances], [one.text for one in transcripts]),
    }
    rows = []
    for case in cases:
        for result in evaluation.run(case, vectors):
            rows.append(result.row() | {"floor": None, "recall_floor": None} | shared)
    return rows


def transcribe(system: str, utterances: Sequence[Utterance], cache: Path) -> list[Transcript]:
    """Transcripts of utterances, each in its language, from the cache where it has them; may be interrupted and run
    again.

    Raises:
        ModelError: if there is no such recogniser, or it does not know a language.
    """
    from clasp.evaluation.asr import transcriber

    path = cache / f"transcripts-{re.sub(r'[^A-Za-z0-9.-]+', '-', system)}.jsonl"
    known = _read(path)
    cache.mkdir(parents=True, exist_ok=True)
    keys: dict[int, str] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Transcribing", total=len(utterances))
        for language in dict.fromkeys(one.language for one in utterances):
            rows = [row for row, one in enumerate(utterances) if one.language == language]
            recogniser: Transcriber | None = None
            for batch in batched(rows, CLIPS):
                waveforms = list(test_sets.waveforms([utterances[row] for row in batch], cache))
                hashes = [hashlib.sha256(one.samples.tobytes()).hexdigest()[:20] for one in waveforms]
                keys |= dict(zip(batch, hashes, strict=True))
                missing = {key: one for key, one in zip(hashes, waveforms, strict=True) if key not in known}
                if missing:
                    recogniser = recogniser or transcriber(system, language)
                    new = _timed(recogniser, missing)
                    known |= new
                    with path.open("a", encoding="utf-8") as file:
                        for key, one in new.items():
                            file.write(json.dumps({"clip": key, **asdict(one)}, ensure_ascii=False) + "\n")
                progress.advance(task, len(batch))
    return [known[keys[row]] for row in range(len(utterances))]


def _timed(recogniser: "Transcriber", clips: dict[str, Waveform]) -> dict[str, Transcript]:
    """Transcripts of clips, by their keys; each took its share of the time by its length."""
    began = time.perf_counter()
    texts = recogniser.transcribe(list(clips.values()))
    rate = (time.perf_counter() - began) / sum(one.duration for one in clips.values())
    return {
        key: Transcript(text, rate * one.duration, one.duration)
        for (key, one), text in zip(clips.items(), texts, strict=True)
    }


def embed(model: "Clasp", transcripts: Sequence[str], languages: Sequence[str] | None = None) -> np.ndarray:
    """Vectors of transcripts, float32 (n, dim); zero where nothing was understood.

    Args:
        languages: BCP-47 tag of each; None: all are English.
    """
    spoken = [index for index, text in enumerate(transcripts) if label(text)]
    tags = [languages[index] if languages is not None else "en" for index in spoken]
    vectors = model.encode_text([transcripts[index] for index in spoken], tags)
    every = np.zeros((len(transcripts), vectors.shape[1]), np.float32)
    every[spoken] = vectors
    return every


def _read(path: Path) -> dict[str, Transcript]:
    """Transcripts by clip; a last line that an interruption cut short is left out."""
    if not path.is_file():
        return {}
    lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("}\n")]
    rows = [json.loads(line) for line in lines]
    return {row.pop("clip"): Transcript(**row) for row in rows}
