"""MTEB's speech retrieval tasks: `python -m clasp mteb`.

    python -m clasp mteb --list
    python -m clasp mteb --tasks HiFiTTST2ARetrieval.v2 FleursT2ARetrieval.v2 --json figures.json

Needs the package mteb (requirements-dev.txt; Python 3.11 or later) and the Hugging Face hub, from which a task's
recordings come; without --tasks it is all of them, and takes long. In Python,
`mteb.evaluate(MtebModel(clasp.load()), tasks)` measures any tasks.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Table

from clasp.audio.decode import SAMPLE_RATE, Waveform, decode, from_samples
from clasp.errors import AudioError, ClaspError

try:
    import mteb
    from mteb.models.abs_encoder import AbsEncoder
    from mteb.models.model_meta import ModelMeta
except ImportError as error:
    raise ClaspError(
        f"The package mteb is not installed ({error}): run `python -m pip install -r requirements-dev.txt`."
    ) from error

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from torch.utils.data import DataLoader

    from clasp.model import Clasp

PIECE = 30.0  # seconds; of a longer recording the pieces are embedded, and their mean is its vector
MIN_PIECE = 1.0  # seconds; a shorter rest is left out
LONGEST = 3600.0  # seconds of a recording
SPEECH = {"Speech Retrieval", "Speech Transcription Retrieval", "Question Answering Retrieval"}  # kinds of tasks
TRAINED_ON = {  # tasks whose recordings or sentences may be among those that the bundled model has heard
    "CommonVoiceMini17A2TRetrieval", "CommonVoiceMini17T2ARetrieval", "CommonVoiceMini21A2TRetrieval",
    "CommonVoiceMini21T2ARetrieval", "CMUArcticA2TRetrieval.v2", "CMUArcticT2ARetrieval.v2",
}  # fmt: skip


class MtebModel(AbsEncoder):
    """A model as MTEB wants it: texts and recordings in, float32 (n, dim) out, compared by their cosine."""

    def __init__(self, model: "Clasp") -> None:
        self.model = model
        self.mteb_model_meta = describe(model)

    def encode(self, inputs: "DataLoader", **_: Any) -> np.ndarray:
        """Vectors of the texts or the recordings of a dataset, float32 (n, dim), unit rows; a recording in which there
        is nothing to hear has a zero row.

        Raises:
            ClaspError: if it has neither.
        """
        dataset: Any = inputs.dataset
        columns = dataset.column_names
        if "audio" in columns:
            return self._recordings(undecoded(inputs.dataset), inputs.batch_size or 32)
        if "text" in columns:
            return self.model.encode_text([text if text.strip() else "." for text in inputs.dataset["text"]])
        raise ClaspError(f"There is neither text nor audio in {', '.join(columns)}: give a task of one of these.")

    def _recordings(self, rows: Iterable[dict[str, Any]], batch_size: int) -> np.ndarray:
        """A batch of recordings is decoded at a time."""
        found: list[np.ndarray] = []
        batch: list[list[Waveform]] = []
        for row in rows:
            batch.append(pieces(row["audio"]))
            if len(batch) == batch_size:
                found.append(self._means(batch))
                batch = []
        return np.concatenate([*found, self._means(batch)])

    def _means(self, batch: list[list[Waveform]]) -> np.ndarray:
        """The vector of each list of pieces, float32 (n, dim)."""
        owner = [number for number, each in enumerate(batch) for _ in each]
        means = np.zeros((len(batch), self.model.dim), np.float32)
        np.add.at(means, owner, self.model.encode_speech([piece for each in batch for piece in each]))
        return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)


def describe(model: "Clasp") -> ModelMeta:
    """What MTEB writes beside the figures."""
    modules = [part for part in (model.text, model.speech, model.sound) if part is not None]
    parameters = sum(parameter.numel() for part in modules for parameter in part.parameters())
    return ModelMeta(
        loader=None,
        name=f"clasp/{model.folder.name if model.folder is not None else 'model'}",
        revision=model.checksum if model.folder is not None else None,
        release_date=None,
        languages=None,
        n_parameters=parameters,
        memory_usage_mb=round(4 * parameters / 2**20),
        max_tokens=model.text.max_seq_length,
        embed_dim=model.dim,
        license=None,
        open_weights=None,
        public_training_code=None,
        public_training_data=None,
        framework=["PyTorch", "Sentence Transformers"],
        similarity_fn_name="cosine",  # type: ignore[arg-type]  # which pydantic reads
        use_instructions=False,
        training_datasets=TRAINED_ON,
        modalities=["text", "audio"],
    )


def undecoded(dataset: Any) -> Any:
    """A dataset whose recordings are read as they are stored, so that they are decoded as any other is here."""
    from datasets import Audio

    if isinstance(dataset.features["audio"], Audio):
        return dataset.cast_column("audio", Audio(decode=False))
    return dataset


def pieces(audio: dict[str, Any]) -> list[Waveform]:
    """What is heard of a recording (its bytes, its path, or its samples and rate), at most PIECE seconds each."""
    try:
        if audio.get("array") is not None:
            whole = from_samples(np.asarray(audio["array"], np.float32), audio["sampling_rate"])
        else:
            whole = decode(audio["bytes"] or audio["path"], max_seconds=LONGEST, max_bytes=2**31)
    except AudioError:  # silent, empty, cut off
        return []
    size = round(PIECE * SAMPLE_RATE)
    found = [whole.samples[start : start + size] for start in range(0, len(whole.samples), size)]
    return [Waveform(piece) for piece in found if len(piece) >= MIN_PIECE * SAMPLE_RATE or len(found) == 1]


def speech_retrieval() -> list["AbsTask"]:
    """MTEB's tasks that find speech by text, or text by speech."""
    tasks = mteb.get_tasks(task_types=["Any2AnyRetrieval"], categories=["a2t", "t2a"], exclude_superseded=True)
    return [task for task in tasks if SPEECH & set(task.metadata.task_subtypes or ())]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp mteb`."""
    parser.add_argument("--model", default="bundled", help="a model folder (default: the bundled model)")
    parser.add_argument("--tasks", nargs="+", metavar="NAME", help="only these tasks")
    parser.add_argument("--list", action="store_true", help="only list the tasks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")


def run(args: argparse.Namespace) -> int:
    """Measure and print a table, or list the tasks. Returns 0."""
    from clasp import load

    tasks = {task.metadata.name: task for task in speech_retrieval()}
    unknown = [name for name in args.tasks or () if name not in tasks]
    if unknown:
        raise ClaspError(f"There is no speech retrieval task {unknown[0]} in MTEB: --list shows those there are.")
    if args.list:
        sys.stdout.write("".join(f"{name}\n" for name in tasks))
        return 0
    rows = measure(load(args.model), [tasks[name] for name in args.tasks or tasks])
    shown = Table("task", "split", "subset", "HITS@1", "recall@10", "main score")
    for row in rows:
        figures = (f"{row[name]:.3f}" for name in ("hits@1", "recall@10", "main_score"))
        shown.add_row(row["task"], row["split"], row["subset"], *figures)
    Console(width=120).print(shown)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(model: "Clasp", tasks: list["AbsTask"]) -> list[dict[str, Any]]:
    """A row per task, split and subset: HITS@1, recall@10 and MTEB's own main score.

    Raises:
        ClaspError: if a task fails, for example because its recordings cannot be had.
    """
    try:
        result = mteb.evaluate(MtebModel(model), tasks, cache=None)  # type: ignore[arg-type]
    except Exception as error:  # the hub, the readers of its many formats and the tasks raise whatever they like
        message = " ".join(str(error).split())[:200]
        raise ClaspError(f"MTEB could not be measured ({message}): check the connection to the hub.") from error
    return [
        {
            "task": task.task_name, "split": split, "subset": scores["hf_subset"],
            "hits@1": scores["hit_rate_at_1"], "recall@10": scores["recall_at_10"], "main_score": scores["main_score"],
        }
        for task in result.task_results for split, subsets in task.scores.items() for scores in subsets
    ]  # fmt: skip
