"""The model as MTEB sees it, on a miniature task of its own: what MTEB measures is what the vectors say."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

mteb = pytest.importorskip("mteb")

from datasets import Audio, Dataset  # noqa: E402
from mteb.abstasks.retrieval import AbsTaskRetrieval  # noqa: E402
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData  # noqa: E402
from mteb.abstasks.task_metadata import TaskMetadata  # noqa: E402

from clasp.audio.decode import SAMPLE_RATE, decode  # noqa: E402
from clasp.errors import ClaspError  # noqa: E402
from clasp.evaluation.mteb_model import MIN_PIECE, PIECE, MtebModel, measure, pieces, speech_retrieval  # noqa: E402
from clasp.model import Clasp  # noqa: E402
from index.cli.main import main  # noqa: E402

TEXTS = [f"sentence {'abcdefghijkl'[number]}" * (1 + number % 3) for number in range(12)]


def flac(seconds: float, pitch: float, rate: int = SAMPLE_RATE) -> bytes:
    encoded = io.BytesIO()
    soundfile.write(encoded, 0.3 * np.sin(np.arange(int(seconds * rate)) * pitch), rate, format="FLAC")
    return encoded.getvalue()


SOUNDS = [flac(1 + number / 5, 0.05 + number / 30) for number in range(12)]


def task(category: str) -> AbsTaskRetrieval:
    """Twelve texts and twelve recordings: text i and recording i belong together."""

    class Miniature(AbsTaskRetrieval):
        metadata = TaskMetadata(
            name=f"Miniature-{category}", type="Any2AnyRetrieval", category=category, modalities=["text", "audio"],
            description="Twelve tones.", dataset={"path": "none", "revision": "none"}, reference=None,
            eval_splits=["test"], eval_langs=["eng-Latn"], main_score="ndcg_at_10", date=None, domains=["Spoken"],
            task_subtypes=["Speech Retrieval"], license=None, annotations_creators=None, dialect=[],
            sample_creation="created", bibtex_citation="",
        )  # fmt: skip

        def load_data(self, **_: object) -> None:
            texts = Dataset.from_dict({"id": [f"text-{n}" for n in range(12)], "text": TEXTS})
            stored = [{"bytes": sound, "path": None} for sound in SOUNDS]
            sounds = Dataset.from_dict({"id": [f"sound-{n}" for n in range(12)], "audio": stored})
            sounds = sounds.cast_column("audio", Audio())
            queries, corpus = (texts, sounds) if category == "t2a" else (sounds, texts)
            relevant = {queries["id"][n]: {corpus["id"][n]: 1} for n in range(12)}
            split = RetrievalSplitData(queries=queries, corpus=corpus, relevant_docs=relevant, top_ranked=None)
            self.dataset = {"default": {"test": split}}
            self.data_loaded = True

    return Miniature()


def test_mteb_measures_what_the_vectors_say(tiny: Clasp) -> None:
    texts = tiny.encode_text(TEXTS)
    sounds = tiny.encode_speech([decode(sound) for sound in SOUNDS])
    for category, similarity in (("t2a", texts @ sounds.T), ("a2t", sounds @ texts.T)):
        ranks = 1 + (similarity > np.diag(similarity)[:, None]).sum(axis=1)
        (row,) = measure(tiny, [task(category)])
        assert (row["task"], row["split"], row["subset"]) == (f"Miniature-{category}", "test", "default")
        assert row["hits@1"] == pytest.approx((ranks == 1).mean(), abs=1e-4)
        assert row["recall@10"] == pytest.approx((ranks <= 10).mean(), abs=1e-4)
        assert row["main_score"] == pytest.approx(((ranks <= 10) / np.log2(1 + ranks)).mean(), abs=1e-4)


def test_the_model_is_described(tiny: Clasp) -> None:
    described = MtebModel(tiny).mteb_model_meta
    assert described.embed_dim == tiny.dim and set(described.modalities) == {"text", "audio"}
    assert described.n_parameters == sum(
        parameter.numel() for part in (tiny.text, tiny.speech, tiny.sound) for parameter in part.parameters()
    )


def test_long_recordings_are_heard_in_pieces_and_bad_ones_not_at_all(tiny: Clasp) -> None:
    stored = {"bytes": flac(2 * PIECE + 5, 0.1), "path": None}
    assert [piece.duration for piece in pieces(stored)] == [PIECE, PIECE, 5]
    assert [piece.duration for piece in pieces({"bytes": flac(PIECE + MIN_PIECE / 2, 0.1)})] == [PIECE]
    assert [piece.duration for piece in pieces({"bytes": flac(MIN_PIECE / 2, 0.1)})] == [MIN_PIECE / 2]
    tone = np.sin(np.arange(8_000) * 0.1)
    assert pieces({"array": tone, "sampling_rate": 8_000})[0].duration == pytest.approx(1, abs=0.01)
    for bad in (flac(1, 0), b"no sound", b""):
        assert pieces({"bytes": bad, "path": "missing.wav"}) == []

    rows = Dataset.from_dict({"audio": [{"bytes": one, "path": None} for one in (SOUNDS[0], flac(1, 0), SOUNDS[1])]})
    inputs = SimpleNamespace(dataset=rows, batch_size=2)
    vectors = MtebModel(tiny).encode(inputs)
    expected = tiny.encode_speech([decode(SOUNDS[0]), decode(SOUNDS[1])])
    np.testing.assert_allclose(vectors[[0, 2]], expected, atol=1e-4)
    assert not vectors[1].any()
    with pytest.raises(ClaspError, match="neither text nor audio in image"):
        MtebModel(tiny).encode(SimpleNamespace(dataset=Dataset.from_dict({"image": [1]}), batch_size=2))


def test_a_task_that_fails_is_one_line(tiny: Clasp) -> None:
    broken = task("t2a")

    def load_data(**_: object) -> None:
        raise OSError("no route to\nthe hub")

    broken.load_data = load_data
    with pytest.raises(ClaspError, match=r"could not be measured \(no route to the hub\)"):
        measure(tiny, [broken])


def test_tasks_of_speech_are_listed(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = {one.metadata.name: one.metadata for one in speech_retrieval()}
    assert {"LibriTTST2ARetrieval.v2", "FleursA2TRetrieval.v2", "SpokenSQuADT2ARetrieval"} <= set(tasks)
    assert all(set(metadata.modalities) == {"text", "audio"} for metadata in tasks.values())
    assert main(["mteb", "--list"]) == 0
    assert capsys.readouterr().out.split() == list(tasks)
    assert main(["mteb", "--model", str(tiny_folder), "--tasks", "Nonsense"]) == 2
    assert "no speech retrieval task Nonsense" in capsys.readouterr().err
