"""Training on a corpus of a dozen utterances: what is built, what is learned from, and that it resumes exactly."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from clasp.phones import inventory
from clasp.phones.edit_distance import edit_distance
from clasp.phones.inventory import INVENTORY
from clasp.speech.whisper_encoder import WhisperEncoder, log_mel
from clasp.training import (
    decode_corpus,
    losses,
    meaning,
    ngrams,
    recognizer,
    simulated_asr,
    sound,
    speech_features,
)
from clasp.training.augment import augment
from clasp.training.data import corpus, synthesis
from clasp.training.data.items import Item
from clasp.training.data.shards import frame_labels, load

TEXTS = [
    "The ship was lost in the storm.", "Bread is baked before dawn.", "She never answered his letters.",
    "The committee voted against the tax.", "A cat slept on the warm stones.", "Nobody believed the old sailor.",
    "The train leaves at nine.", "Snow fell all night long.", "He painted the fence green.",
    "Rain drums on the roof.", "The museum opens on Sunday.", "They sang until morning.",
]  # fmt: skip
TINY = {"features": 32, "taps": 2, "width": 16, "layers": 1, "heads": 2, "kernel": 3}


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    items = [Item(f"s{number}", text, "en", "espeak", text) for number, text in enumerate(TEXTS)]
    items.append(Item("foreign", "Das Schiff ging im Sturm verloren.", "de", "espeak", TEXTS[0]))
    items.append(Item("unsayable", "…", "en", "espeak", ""))
    corpus.build([items[:8], items[8:]], folder, "train", workers=2)
    corpus.build([items[:6]], folder, "validation", workers=1)
    return folder


@pytest.fixture(scope="module")
def features(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a small random backbone makes of the corpus."""
    folder = tmp_path_factory.mktemp("features")
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        backbone = WhisperEncoder(width=16, layers=2, heads=2, taps=(1, 2)).eval()
        torch.nn.init.normal_(backbone.conv1.weight)  # so that it hears differences
        patch.setattr(WhisperEncoder, "pretrained", lambda: backbone)
        speech_features.run(argparse.Namespace(corpus=shards, out=folder))
    return folder


def parse(module, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("interrupted_at", [1, 3])
def test_interrupted_training_resumes_exactly(
    interrupted_at: int, shards: Path, features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognizer, "RECOGNIZER", TINY)
    monkeypatch.setattr(recognizer, "SAVE_EVERY", 1)
    schedule = recognizer.learning_rate

    def arguments(name: str) -> argparse.Namespace:
        where = {"--corpus": str(shards), "--features": str(features), "--out": str(tmp_path / name)}
        return parse(recognizer, *_flat(where), "--steps", "4", "--seconds", "6")

    def power_cut(step: int, *rest: float) -> float:
        if step == interrupted_at:
            raise KeyboardInterrupt
        return schedule(step, *rest)

    recognizer.run(arguments("whole"))
    monkeypatch.setattr(recognizer, "learning_rate", power_cut)
    with pytest.raises(KeyboardInterrupt):
        recognizer.run(arguments("parts"))
    monkeypatch.setattr(recognizer, "learning_rate", schedule)
    recognizer.run(arguments("parts"))
    whole, parts = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 4
    for kind in ("model", "average"):
        for name, weight in whole[kind].items():
            torch.testing.assert_close(parts[kind][name], weight, rtol=0, atol=0, msg=name)


def test_what_is_above_the_recognizer_learns_from_decoded_speech(
    shards: Path, features: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text_encoder
) -> None:
    monkeypatch.setattr(recognizer, "RECOGNIZER", TINY)
    monkeypatch.setattr(sound, "ENCODER", {"dim": 8, "hidden": 8, "layers": 1, "kernel": 3})
    monkeypatch.setattr(ngrams, "DIM", text_encoder.get_embedding_dimension())
    monkeypatch.setattr(
        ngrams, "ENCODER", {"runs": 10, "embedding": 8, "width": 16, "layers": 1, "heads": 2, "pools": 4}
    )
    texts = simulated_asr.Texts(TEXTS, [(text, "en", row) for row, text in enumerate(TEXTS)], [])
    monkeypatch.setattr(simulated_asr, "texts_of", lambda *_: texts)
    text_encoder.save(str(tmp_path / "text"))
    folders = {"corpus": shards, "features": features} | {
        name: tmp_path / name for name in ("recognizer", "decoded", "sound", "text", "bank", "ngrams", "meaning")
    }

    def run(module, out: str, needs: tuple[str, ...], *more: str) -> None:
        stated = [part for name in needs for part in (f"--{name}", str(folders[name]))]
        module.run(parse(module, *stated, "--out", str(folders[out]), *more))

    few = ("--steps", "2", "--batch", "4")
    run(recognizer, "recognizer", ("corpus", "features"), "--steps", "2", "--seconds", "6")
    run(decode_corpus, "decoded", ("corpus", "features", "recognizer"))
    decoded = decode_corpus.load(folders["decoded"], "train")
    assert len(decoded) == len(load(shards, "train"))
    assert decoded.posteriors.shape == (decoded.starts[-1], len(INVENTORY))
    np.testing.assert_allclose(np.load(folders["decoded"] / "confusions.npy").sum(1), 1, atol=1e-4)
    assert (np.diff(decoded.starts) >= 4).sum() >= 4
    run(sound, "sound", ("corpus", "decoded"), *few, "--real", "0")
    run(ngrams, "ngrams", ("text", "bank", "decoded"), *few)
    run(meaning, "meaning", ("corpus", "text", "bank", "decoded", "ngrams"), *few, "--real", "0")
    for name in ("sound", "ngrams", "meaning"):
        assert torch.load(folders[name] / "checkpoint.pt", weights_only=True)["step"] == 2
    before, after = (meaning.trained(folders[name]) for name in ("ngrams", "meaning"))
    phones = torch.from_numpy(inventory.from_text(TEXTS[0], "en"))[None, None]
    vectors = [encoder(phones, torch.tensor([phones.shape[-1]])) for encoder in (before, after)]
    assert vectors[0].shape == (1, ngrams.DIM)
    assert not torch.equal(*vectors)


def test_augmentation_keeps_lengths_and_labels_in_step() -> None:
    spoken = synthesis.speak("The ship was lost in the storm.", synthesis.Voice("espeak", "en-us", "en"))
    mel = log_mel(torch.from_numpy(spoken.samples))
    labels = torch.from_numpy(frame_labels(spoken.labels, len(mel)).astype(np.int64))
    batch = mel[None].repeat(16, 1, 1)
    lengths = torch.full((16,), len(mel))
    out, changed, moved = augment(batch, lengths, labels[None].repeat(16, 1), torch.Generator().manual_seed(0))
    assert out.shape[:2] == (16, int(changed.max()))
    assert moved.shape[1] == -(-out.shape[1] // 4)
    assert out.min() >= 0
    assert out.max() <= 1 + 1e-5
    assert changed.min() < len(mel) < changed.max()  # slower and faster
    for row in range(16):
        assert out[row, changed[row] :].abs().sum() == 0
        left = inventory.collapse(moved[row, : -(-int(changed[row]) // 4)].numpy())
        # faster speech may lose a short phone, never the order
        assert edit_distance(inventory.collapse(labels.numpy()), left) <= 6
    again = augment(batch, lengths, labels[None].repeat(16, 1), torch.Generator().manual_seed(0))[0]
    torch.testing.assert_close(out, again, rtol=0, atol=0)


def test_simulated_errors_follow_the_confusions() -> None:
    size = len(INVENTORY)
    certain = np.zeros((size, size), np.float32)
    certain[:, 9] = 1  # every phone is recognized as phone 9
    certain[0] = 0
    certain[0, 0] = 1  # and none is inserted
    parts = [np.arange(1, 30, dtype=np.uint8)] * 200
    found = simulated_asr.simulate_asr_errors(parts, certain, np.random.default_rng(0))
    assert len(found) == len(parts)
    shares = [(row == 9).mean() for row in found]
    assert min(shares) < 0.15  # a sentence almost as written
    assert max(shares) > 0.85  # and one wholly confused
    untouched = np.eye(size, dtype=np.float32)
    same = simulated_asr.simulate_asr_errors(parts, untouched, np.random.default_rng(0))
    for row, part in zip(same, parts, strict=True):
        np.testing.assert_array_equal(row, part)


def test_equal_texts_are_all_right_answers() -> None:
    rows = torch.nn.functional.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    rows[1] = rows[0]
    scale = torch.tensor(50.0)
    same = losses.symmetric(rows, rows, scale, torch.tensor([0, 0, 1, 2]))
    apart = losses.symmetric(rows, rows, scale, torch.tensor([0, 1, 2, 3]))
    assert same.item() == pytest.approx(apart.item(), abs=1e-4)  # two equal vectors share the answer either way
    wrong = losses.symmetric(rows, rows[[2, 3, 0, 1]], scale, torch.tensor([0, 0, 1, 2]))
    assert wrong > same + 5


def test_paraphrases_among_the_negatives_are_no_mistakes() -> None:
    draw = np.random.default_rng(0)
    bank = torch.nn.functional.normalize(torch.from_numpy(draw.standard_normal((40, 8))), dim=1)
    bank[1] = bank[0]  # says the same
    answers, others = np.array([0, 2]), np.arange(40)
    right = losses.soft_contrast(bank[answers].float(), bank, answers, others)
    same = losses.soft_contrast(bank[[1, 2]].float(), bank, answers, others)
    wrong = losses.soft_contrast(bank[[3, 4]].float(), bank, answers, others)
    torch.testing.assert_close(same, right)
    assert wrong > right + 5
    logits = bank[answers].float() @ bank.float().T / losses.SOFTNESS
    best = -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean()  # the entropy of the answers' own neighbourhood
    torch.testing.assert_close(right, best, atol=1e-4, rtol=0)


def _flat(settings: dict[str, str]) -> list[str]:
    return [part for pair in settings.items() for part in pair]
