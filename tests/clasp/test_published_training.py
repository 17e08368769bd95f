"""Training of the published architecture, end to end on tiny random backbones and clips of the demo library."""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel

import clasp
from clasp.errors import DataError, ModelError
from clasp.model import BUNDLED, Clasp
from clasp.training import features, published, readers
from clasp.training.contrast import PUBLISHED, Temperature

LIBRARY = BUNDLED.parent / "library"
CLIPS = {"train": 10, "validation": 3, "test": 3}


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory, tiny_published: Clasp, text_encoder) -> Path:
    """Folders `speech`, `image` and `text`, as people have them from the hub."""
    folder, config = tmp_path_factory.mktemp("backbones"), tiny_published.config["speech_encoder"]
    torch.manual_seed(3)
    for name, settings in (("speech", config["speech"]["backbone"]), ("image", config["spectrogram"]["backbone"])):
        backbone = AutoModel.from_config(AutoConfig.for_model(**settings))
        backbone.save_pretrained(folder / name)
    text_encoder.save(str(folder / "text"))
    return folder


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table of short clips; two of the training split say the same."""
    with (LIBRARY / "metadata.tsv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["language"] == "en"]
    rows = sorted((row for row in rows if row["kind"] == "sentence"), key=lambda row: float(row["duration"]))
    splits = [split for split, count in CLIPS.items() for _ in range(count)]
    folder = tmp_path_factory.mktemp("recordings")
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "text", "split"])
        for number, (row, split) in enumerate(zip(rows, splits, strict=False)):
            table.writerow([LIBRARY / row["file"], rows[0]["text"] if number == 1 else row["text"], split])
        table.writerow([folder / "missing.wav", "Nobody said this.", "train"])
    return folder


def arguments(backbones: Path, recordings: Path, out: Path, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    published.add_arguments(parser)
    where = {"data": recordings, "out": out, **{name: backbones / name for name in ("speech", "image", "text")}}
    options = [str(part) for name, value in where.items() for part in (f"--{name}", value)]
    return parser.parse_args([*options, "--size", "64", "--steps", "4", "--batch", "6", *more])


@pytest.fixture(scope="module")
def trained(backbones: Path, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "SHARD", 6)
        patch.setattr(published, "EVERY", 1)
        published.run(arguments(backbones, recordings, out))
    return out


def test_what_was_trained_is_a_model_that_encodes_both(trained: Path, recordings: Path, backbones: Path) -> None:
    model = clasp.load(trained / "model", device="cpu")
    clips = readers.read(recordings).clips
    assert len(clips) == sum(CLIPS.values())
    chosen = [place for place, clip in enumerate(clips) if clip.split == "test"]
    spoken = model.encode_speech([clasp.decode(clips[place].audio()) for place in chosen])
    assert model.encode_text([clips[0].text]).shape == (1, model.dim)
    # the model hears what the fusion was trained on: the kept features lead to the same vectors
    shards = [np.load(path) for path in sorted((trained / "features").glob("shard-*.npy"))]
    assert [len(shard) for shard in shards] == [6, 6, 4]
    kept = torch.from_numpy(np.concatenate(shards)[chosen]).float()
    with torch.inference_mode():
        fused = model.speech.fusion(*kept.tensor_split([model.speech.speech.config.hidden_size], 1))
    fused = torch.nn.functional.normalize(fused, dim=1).numpy()
    assert ((fused * spoken).sum(1) > 0.999).all()
    frozen = AutoModel.from_pretrained(backbones / "speech").state_dict()
    for name, weight in model.speech.speech.state_dict().items():
        torch.testing.assert_close(weight, frozen[name], atol=1e-3, rtol=1e-3)
    report = json.loads((trained / "figures.json").read_text())
    assert report["clips"] == CLIPS
    assert report["left_out"] == 1
    written = model.encode_text([clips[place].text for place in chosen])
    found = (spoken @ written.T).argmax(1) == np.arange(len(chosen))
    assert report["test"]["speech→text"]["hits@1"] == pytest.approx(found.mean())
    assert report["test"]["speech→text"]["pool"] == CLIPS["test"]


@pytest.mark.parametrize("cut", ["features", "training"])
def test_interrupted_work_goes_on_where_it_was(
    cut: str, trained: Path, backbones: Path, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "SHARD", 6)
    monkeypatch.setattr(published, "EVERY", 1)
    module, name = (features, "_write") if cut == "features" else (published, "descend")
    done, calls = getattr(module, name), []

    def power_cut(*rest: object) -> object:
        calls.append(rest)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return done(*rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, name, power_cut)
        published.run(arguments(backbones, recordings, tmp_path))
    left = {path: path.stat().st_mtime_ns for path in (tmp_path / "features").glob("shard-*.npy")}
    assert len(left) == (2 if cut == "features" else 3)
    published.run(arguments(backbones, recordings, tmp_path))
    assert all(path.stat().st_mtime_ns == written for path, written in left.items())
    whole, parts = (torch.load(out / "checkpoint.pt", weights_only=True) for out in (trained, tmp_path))
    assert whole["step"] == parts["step"] == 4
    for weight, expected in zip(parts["head"].values(), whole["head"].values(), strict=True):
        torch.testing.assert_close(weight, expected, rtol=0, atol=0)
    assert (tmp_path / "figures.json").read_text() == (trained / "figures.json").read_text()


def test_features_of_other_backbones_are_not_taken(trained: Path, backbones: Path, recordings: Path) -> None:
    with pytest.raises(DataError, match="other clips or backbones"):
        published.run(arguments(backbones, recordings, trained, "--size", "32"))


def test_training_brings_clips_to_their_texts(trained: Path, backbones: Path, recordings: Path, tmp_path: Path) -> None:
    args = arguments(backbones, recordings, tmp_path, "--steps", "120", "--rate", "0.01", "--fusion", "gating")
    clips = readers.read(recordings).clips
    torch.manual_seed(3)
    encoder = published.assemble(args.speech, args.image, args.size, args.fusion, 24)
    kept = features.extract(encoder, clips, tmp_path / "features", {})
    draw = torch.Generator().manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(len(clips), 24, generator=draw), dim=1)
    places = np.arange(len(clips))
    pairs = published.Pairs(kept, vectors, places, places.astype(str))
    before = published.figures(encoder.fusion, pairs, places[:10])["speech→text"]["mrr"]
    list(published.train(encoder.fusion, pairs, places[:10], args))
    after = published.figures(encoder.fusion, pairs, places[:10])["speech→text"]["mrr"]
    assert after > max(before, 0.7)


@pytest.mark.parametrize(("option", "other"), [("speech", "image"), ("image", "speech"), ("speech", "nowhere")])
def test_a_wrong_backbone_is_named(option: str, other: str, backbones: Path) -> None:
    chosen = {"speech": str(backbones / "speech"), "image": str(backbones / "image")}
    with pytest.raises(ModelError, match=other):
        published.assemble(**chosen | {option: str(backbones / other)}, size=64, kind="concat", dim=24)


def test_losses_know_equal_texts_and_the_published_temperature() -> None:
    rows = torch.nn.functional.normalize(torch.randn(3, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    texts, groups = rows[[0, 1, 1]], torch.tensor([0, 1, 1])
    learned, fixed = Temperature(), Temperature(PUBLISHED)
    assert learned().item() == pytest.approx(1 / 0.07, rel=1e-5)
    assert fixed().item() == pytest.approx(0.07)
    assert not fixed().requires_grad
    logits = fixed() * rows @ texts.T
    target = torch.tensor([[1, 0, 0], [0, 0.5, 0.5], [0, 0.5, 0.5]])
    both_ways = [-(target * scores.log_softmax(1)).sum(1).mean() for scores in (logits, logits.T)]
    contrast = published.pair_loss(3 * rows, texts, groups, fixed(), "contrastive")
    torch.testing.assert_close(contrast, sum(both_ways) / 2)
    distance = published.pair_loss(rows, texts, groups, fixed(), "huber")
    torch.testing.assert_close(published.pair_loss(rows, texts, groups, fixed(), "both"), contrast + distance)
    assert published.pair_loss(texts, texts, groups, fixed(), "huber").item() == pytest.approx(0, abs=1e-6)
