"""The table of ablations on a corpus of random spectrograms: equal budgets, exact resuming, honest figures."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from clasp import speech_encoder
from clasp.audio import Waveform
from clasp.errors import DataError
from clasp.mel import BINS, log_mel, quantise
from clasp.model import Clasp
from clasp.phones import INVENTORY, readings
from clasp.training import ablate, contrast, hearing, meaning, shards, words, written
from clasp.training.meaning import Recipe
from clasp.word_encoder import WordEncoder, run_keys

TEXTS = [f"sentence number {word}" for word in ("one", "two", "three", "four", "five", "six", "seven", "eight")]
DIM = 24
TABLE = {"runs": 50, "embedding": 8, "heads": 2, "width": 4}
SPOKEN = 7  # the only phone that recorded people say in this corpus


@pytest.fixture(autouse=True)
def small(tiny: Clasp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "WORDS", TABLE)
    monkeypatch.setattr(words, "DIM", tiny.meaning_dim)
    monkeypatch.setattr(meaning, "SPECTROGRAM", tiny.config["speech_encoder"]["spectrogram"])


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, text_encoder) -> Path:
    """What the earlier stages leave, eight utterances of each split, every second one "recorded"."""
    folder, draw = tmp_path_factory.mktemp("stages"), np.random.default_rng(0)
    for name in ("corpus", "heard", "words", "teacher"):
        (folder / name).mkdir()
    said = [draw.integers(1, len(INVENTORY), 12) for _ in TEXTS]
    for split in ("train", "validation"):
        voices = ["real:en-x/anna" if row % 2 else "espeak:en/f1" for row in range(len(TEXTS))]
        rows = [(f"{split}{row}", text, "en", voices[row], text) for row, text in enumerate(TEXTS)]
        np.savez(
            folder / "corpus" / f"{split}-0000.npz", rows=np.array(rows),
            mel=draw.integers(0, 256, (len(TEXTS) * 40, BINS), np.uint8), mel_starts=40 * np.arange(len(TEXTS) + 1),
            labels=np.zeros(0, np.uint8), label_starts=np.zeros(len(TEXTS) + 1, int),
            phones=np.zeros(0, np.uint8), phone_starts=np.zeros(len(TEXTS) + 1, int),
        )  # fmt: skip
        ids = [np.full(12, SPOKEN) if row % 2 and split == "train" else said[row] for row in range(len(TEXTS))]
        np.savez(
            folder / "heard" / f"{split}.npz", posteriors=np.eye(len(INVENTORY), dtype=np.float16)[np.concatenate(ids)],
            starts=12 * np.arange(len(TEXTS) + 1), utterance=np.arange(len(TEXTS)),
        )  # fmt: skip
    np.save(folder / "heard" / "confusions.npy", written.generic_confusions())
    (folder / "teacher" / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS))
    np.save(folder / "teacher" / "vectors.npy", np.zeros((len(TEXTS), DIM), np.float16))
    np.savez(
        folder / "words" / "sentences.npz", phones=np.concatenate(said).astype(np.uint8),
        starts=12 * np.arange(len(TEXTS) + 1), answer=np.arange(len(TEXTS)), english=np.ones(len(TEXTS), bool),
    )  # fmt: skip
    encoder = WordEncoder(**TABLE, dim=DIM)
    encoder.keys.copy_(run_keys(torch.from_numpy(np.stack(said))).flatten().unique()[-TABLE["runs"] :])
    torch.save({"words": encoder.state_dict()}, folder / "words" / "checkpoint.pt")
    (folder / "brown.zip").touch()
    text_encoder.save(str(folder / "text"))
    return folder


def arguments(inputs: Path, out: Path, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    ablate.add_arguments(parser)
    stages = [part for name in ("corpus", "heard", "words", "teacher", "text") for part in (f"--{name}", inputs / name)]
    options = ["--data", inputs, *stages, "--out", out, "--steps", "3", "--batch", "4", *more]
    return parser.parse_args([str(option) for option in options])


def test_the_table_has_every_recipe_and_goes_on_where_it_was_interrupted(
    inputs: Path, tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablate, "SAVE_EVERY", 1)
    chosen = tuple(row for row in ablate.RECIPES if row[0] in ("backbone", "text-only training"))
    monkeypatch.setattr(ablate, "RECIPES", chosen)
    options = ("--model", str(tiny_folder))
    ablate.run(arguments(inputs, tmp_path / "whole", *options))
    whole = json.loads((tmp_path / "whole" / "ablations.json").read_text())
    assert set(whole["recipes"]) == {ablate.name_of(recipe) for _, _, recipe in chosen}
    assert [float(weight) for weight in whole["weights"]] == list(ablate.WEIGHTS)
    for figures in [*whole["recipes"].values(), *whole["weights"].values()]:
        assert {name: found["queries"] for name, found in figures.items()} == {
            "synthetic English": 4, "real English": 4, "real, all languages": 4,
        }  # fmt: skip
        assert all(found["pool"] == len(TEXTS) for found in figures.values())
    assert len({json.dumps(found) for found in whole["recipes"].values()}) > 1  # recipes do differ
    shown = (tmp_path / "whole" / "ablations.md").read_text()
    assert shown.count("\n| ") == 1 + 1 + len(chosen) + len(ablate.WEIGHTS)
    assert f"{whole['weights']['0.5']['real English']['mrr']:.3f}" in shown

    descend, calls = meaning.descend, []

    def power_cut(*rest: object) -> float:
        calls.append(rest)
        if len(calls) == 8:  # within the third recipe
            raise KeyboardInterrupt
        return descend(*rest)

    monkeypatch.setattr(meaning, "descend", power_cut)
    with pytest.raises(KeyboardInterrupt):
        ablate.run(arguments(inputs, tmp_path / "parts", *options))
    assert len(json.loads((tmp_path / "parts" / "ablations.json").read_text())["recipes"]) == 2
    monkeypatch.setattr(meaning, "descend", descend)
    ablate.run(arguments(inputs, tmp_path / "parts", *options))
    assert json.loads((tmp_path / "parts" / "ablations.json").read_text()) == whole
    with pytest.raises(DataError, match="another budget"):
        ablate.run(arguments(inputs, tmp_path / "parts", *options, "--seed", "1"))


@pytest.mark.parametrize("real", [True, False])
def test_without_real_speech_no_recording_is_drawn(inputs: Path, tmp_path: Path, real: bool) -> None:
    args = arguments(inputs, tmp_path, "--batch", "8")
    recipe = Recipe(real=real, written=False)
    head, heard = meaning.initialise(recipe, args.words), []
    head.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    list(meaning.train(head, recipe, meaning.load(args), args))
    recorded = torch.cat([(batch[:, 0] == SPOKEN).all(1) for batch in heard])
    assert len(recorded) == 3 * 8  # and no written sentence either
    assert recorded.any() == real


def test_word_encoders_from_scratch_share_the_table_of_runs_alone(inputs: Path) -> None:
    trained, scratch = (meaning.initialise(Recipe(pretrained=it), inputs / "words").words for it in (True, False))
    torch.testing.assert_close(trained.keys, scratch.keys)
    assert (trained.embedding.weight != scratch.embedding.weight).any()


@pytest.mark.parametrize("kind", meaning.KINDS)
def test_heads_listen_to_what_their_kind_says(kind: str) -> None:
    torch.manual_seed(0)
    head = meaning.MeaningHead(kind).eval()
    head.words.keys.copy_(torch.arange(TABLE["runs"]))
    if kind == "concat":
        torch.nn.init.normal_(head.fusion.mix[-1].weight)
    head.words.embedding.weight.data.normal_()
    phones, images = torch.tensor([[[1, 0, 0]], [[2, 2, 0]]]), torch.rand(2, 40, 96)
    head.words.keys[-1] = run_keys(phones[:, 0])[1, 1, 0]
    _, fused = head(phones, torch.tensor([1, 2]), images)
    assert fused.shape == (2, DIM)
    _, other_sight = head(phones, torch.tensor([1, 2]), torch.rand(2, 40, 96))
    _, other_words = head(phones.flip(0), torch.tensor([2, 1]), images)
    assert torch.equal(fused, other_sight) == (kind == "words")
    assert torch.equal(fused, other_words) == (kind == "spectrogram")


def test_losses_are_contrast_and_distance() -> None:
    draw = torch.Generator().manual_seed(0)
    bank = torch.nn.functional.normalize(torch.randn(30, 384, generator=draw), dim=1)
    vectors, answers, scale = torch.randn(5, 384, generator=draw), np.array([3, 3, 9, 1, 0]), torch.tensor(20.0)
    both, contrastive, distance = (
        contrast.meaning_loss(vectors, bank, answers, scale, np.random.default_rng(0), kind) for kind in contrast.LOSSES
    )
    rows = torch.nn.functional.normalize(vectors, dim=1)
    cosines = (rows * bank[torch.from_numpy(answers)]).sum(1)
    torch.testing.assert_close(distance, 2 * (1 - cosines).mean())  # no coordinate is further off than 0.6
    every = torch.nn.functional.cross_entropy(20 * rows @ bank.T, torch.from_numpy(answers))
    torch.testing.assert_close(contrastive, every)  # 4,096 draws of 30 rows meet them all
    torch.testing.assert_close(both, contrastive + distance)
    far = contrast.huber(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]]))
    assert far.item() == pytest.approx(0.6 * (2 - 0.3))


def test_figures_agree_with_counting(inputs: Path) -> None:
    speech = shards.load(inputs / "corpus", "validation")
    draw, rows = np.random.default_rng(0), np.array([4, 1, 0, 3])
    spoken, texts = draw.normal(size=(4, 3)), draw.normal(size=(len(TEXTS), 3))
    found = ablate.figures(spoken, texts, speech, rows)
    for name, odd in (("synthetic English", 0), ("real English", 1)):
        places = [
            1 + sum(spoken[query] @ other > spoken[query] @ texts[row] for other in texts)
            for query, row in enumerate(rows)
            if row % 2 == odd
        ]
        assert found[name]["queries"] == len(places)
        assert found[name]["hits@1"] == np.mean([place == 1 for place in places])
        assert found[name]["mrr"] == pytest.approx(np.mean([1 / place for place in places]))


def test_the_model_hears_spectrograms_as_it_hears_waveforms(
    tiny: Clasp, utterances: list[Waveform], monkeypatch: pytest.MonkeyPatch
) -> None:
    mels = [quantise(log_mel(waveform.samples)) for waveform in utterances[:3]]
    none = np.zeros(0, np.uint8)
    speech = shards.Utterances(
        np.concatenate(mels), np.concatenate([[0], np.cumsum([len(mel) for mel in mels])]),
        none, none, none, none, np.array([["", "", "en", "espeak", ""]] * 3),
    )  # fmt: skip
    heard = iter(mels)
    monkeypatch.setattr(speech_encoder, "log_mel", lambda *_: torch.from_numpy(next(heard)).float() / 255)
    expected = np.concatenate([tiny.encode_speech([waveform]) for waveform in utterances[:3]])
    got = tiny.reweight(ablate.listen(tiny, speech, np.arange(3)), 0.5)
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_what_was_heard_is_kept_in_several_readings(inputs: Path, tmp_path: Path) -> None:
    material = meaning.load(arguments(inputs, tmp_path))
    heard = hearing.load(inputs / "heard", "train")
    assert len(material.phones) == len(heard)
    for place, ids in enumerate(material.phones):
        np.testing.assert_array_equal(ids, readings(heard[place], meaning.READINGS))
    np.testing.assert_array_equal(material.bank[material.answer], material.bank[: len(TEXTS)])
