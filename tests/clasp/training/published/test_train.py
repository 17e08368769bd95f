"""Training of the published architecture, end to end on tiny random backbones and clips of the demo library."""

import argparse
import csv
import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel

import clasp
from clasp import files
from clasp.errors import DataError, ModelError
from clasp.model import BUNDLED, Clasp
from clasp.published import efficientnet
from clasp.speech.fusion import build
from clasp.training import feature_cache
from clasp.training.data import readers
from clasp.training.losses import PUBLISHED, Temperature
from clasp.training.published import fusion, train
from tests.clasp.published.test_efficientnet import SMALL, Reference

LIBRARY = BUNDLED.parent / "library"
CLIPS = {"train": 10, "validation": 3, "test": 3}


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory, tiny_published: Clasp, text_encoder) -> Path:
    """Folders `speech`, `image` and `text`, as people have them from the hub."""
    folder, config = tmp_path_factory.mktemp("backbones"), tiny_published.config["speech_encoder"]
    torch.manual_seed(3)
    for name, settings in (("speech", config["speech"]["backbone"]), ("image", config["spectrogram"]["backbone"])):
        AutoModel.from_config(AutoConfig.for_model(**settings)).save_pretrained(folder / name)
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


def options(*stated: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return parser.parse_args(stated)


def arguments(backbones: Path, recordings: Path, out: Path, *more: str) -> argparse.Namespace:
    where = {"data": recordings, "out": out, **{name: backbones / name for name in ("speech", "image", "text")}}
    stated = [str(part) for name, value in where.items() for part in (f"--{name}", value)]
    return options(*stated, "--size", "64", "--epochs", "2", "--batch", "6", *more)


def shards(folder: Path) -> dict[str, int]:
    """The shards of a folder of features, and when each was written."""
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.glob("*/*.npy")}


def written(out: Path) -> dict[str, bytes]:
    """Every file of the model."""
    files = (path for path in (out / "model").rglob("*") if path.is_file())
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def ranked(spoken: np.ndarray, written: np.ndarray) -> np.ndarray:
    """The rank of every clip's own text."""
    scores = spoken @ written.T
    return 1 + (scores > scores.diagonal()[:, None]).sum(1)


@pytest.fixture(scope="module")
def trained(backbones: Path, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_cache, "SHARD", 6)
        train.run(arguments(backbones, recordings, out))
    return out


def test_what_was_trained_is_a_model_that_encodes_both(trained: Path, recordings: Path, backbones: Path) -> None:
    model = clasp.load(trained / "model", device="cpu")
    clips = readers.read(recordings).clips
    assert len(clips) == sum(CLIPS.values())
    chosen = [place for place, clip in enumerate(clips) if clip.split == "test"]
    spoken = model.encode_speech([clasp.decode(clips[place].audio()) for place in chosen])
    assert model.encode_text([clips[0].text]).shape == (1, model.dim)
    frozen = AutoModel.from_pretrained(backbones / "speech").state_dict()
    for name, weight in model.speech.speech.state_dict().items():
        torch.testing.assert_close(weight, frozen[name], atol=1e-3, rtol=1e-3)
    card = json.loads((trained / "model" / "card.json").read_text())
    assert card["clips"] == {str(recordings): CLIPS}
    assert card["skipped"] == 1
    assert card["options"]["batch"] == 6
    written = model.encode_text([clips[place].text for place in chosen])
    found = ranked(spoken, written)
    for figures in (card["test"]["speech→text"], card["test"]["speech→text by corpus"][str(recordings)]):
        assert figures["hits@1"] == pytest.approx((found == 1).mean())
        assert figures["mrr"] == pytest.approx((1 / found).mean())
        assert figures["mean_rank"] == pytest.approx(found.mean())
    assert card["test"]["speech→text"]["pool"] == CLIPS["test"]


def test_the_model_hears_what_its_fusion_was_trained_on(
    trained: Path, backbones: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The cached features, as they are read again, lead to the vectors of the model."""
    monkeypatch.setattr(feature_cache, "SHARD", 6)
    monkeypatch.setattr(fusion, "descend", lambda *rest: pytest.fail("it was trained again"))
    seen = []
    monkeypatch.setattr(train, "report", lambda head, pairs, rows, corpora: seen.append((head, pairs, rows)))
    before = shards(trained / "features")
    shutil.copytree(trained, tmp_path / "again", copy_function=shutil.copy2)
    train.run(arguments(backbones, recordings, tmp_path / "again"))
    assert shards(tmp_path / "again" / "features") == before
    head, pairs, rows = seen[0]
    assert len(pairs.features) == sum(CLIPS.values())
    with torch.no_grad():
        fused = torch.nn.functional.normalize(fusion.fuse(head.eval(), pairs, rows), dim=1).numpy()
    clips = readers.read(recordings).clips
    model = clasp.load(trained / "model", device="cpu")
    spoken = model.encode_speech([clasp.decode(clips[row].audio()) for row in rows])
    assert ((fused * spoken).sum(1) > 0.999).all()
    written = model.encode_text([clips[row].text for row in rows])
    assert ((pairs.texts[pairs.text_of[rows]].numpy() * written).sum(1) > 0.999).all()


@pytest.mark.parametrize(("module", "name", "call"), [
    (feature_cache, "whole_file", 2),  # between two shards of recordings
    (feature_cache, "whole_file", 5),  # of texts
    (files.os, "replace", 3),  # in a shard
    (fusion, "descend", 3),  # within an epoch
    (train, "report", 1),
    (Clasp, "save", 1),
])  # fmt: skip
def test_interrupted_work_goes_on_where_it_was(  # and two runs have the same weights, to the last bit
    module: object, name: str, call: int, trained: Path, backbones: Path, recordings: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(feature_cache, "SHARD", 6)
    done, calls = getattr(module, name), []

    def power_cut(*rest: object) -> object:
        calls.append(rest)
        if len(calls) == call:
            raise KeyboardInterrupt
        return done(*rest)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, name, power_cut)
        train.run(arguments(backbones, recordings, tmp_path))
    left = shards(tmp_path / "features")
    assert len(left) < 6 or module not in (feature_cache, files.os)
    assert not (tmp_path / "model").exists()
    train.run(arguments(backbones, recordings, tmp_path))
    whole = shards(tmp_path / "features")
    assert whole.items() >= left.items()
    assert whole.keys() == shards(trained / "features").keys()
    for path in whole:
        assert (tmp_path / "features" / path).read_bytes() == (trained / "features" / path).read_bytes()
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".") or path.suffix == ".part"]
    assert written(tmp_path) == written(trained)


def test_features_of_other_backbones_clips_and_texts_are_not_taken(
    trained: Path, backbones: Path, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_cache, "SHARD", 6)
    shutil.copytree(trained / "features", tmp_path / "features")
    known = shards(tmp_path / "features")
    groups = {Path(path).parent for path in known}

    def added(data: Path, *more: str) -> list[Path]:
        before = shards(tmp_path / "features")
        out = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
        train.run(arguments(backbones, data, out, "--features", str(tmp_path / "features"), *more))
        after = shards(tmp_path / "features")
        assert before.items() <= after.items()
        return [Path(path) for path in sorted(after.keys() - before.keys())]

    assert added(recordings, "--fusion", "gating") == []
    moved = tmp_path / "moved"
    shutil.copytree(backbones / "speech", moved)
    assert added(recordings, "--speech", str(moved)) == []  # the same backbone in another place
    bigger = added(recordings, "--size", "32")
    assert len(bigger) == 3
    assert {path.parent for path in bigger}.isdisjoint(groups)
    network = AutoModel.from_pretrained(moved)
    with torch.no_grad():
        next(network.parameters())[0] += 0.1
    network.save_pretrained(moved)
    other = added(recordings, "--speech", str(moved))
    assert len(other) == 3
    assert {path.parent for path in other}.isdisjoint(groups | {path.parent for path in bigger})
    # the same recordings elsewhere, two of them exchanged; then one more of them
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    header, *rows = (recordings / "metadata.csv").read_text("utf-8").splitlines()[:-1]
    files = [Path(row.partition(",")[0]) for row in rows]
    files[13], files[14] = files[14], files[13]
    for number, file in enumerate(files):
        shutil.copy(file, elsewhere / f"{number}{file.suffix}")
        rows[number] = f"{number}{file.suffix},{rows[number].partition(',')[2]}"
    (elsewhere / "metadata.csv").write_text("\n".join([header, *rows, ""]), "utf-8")
    new = added(elsewhere)
    assert len(new) == 1
    assert new[0].parent in groups
    shutil.copy(files[-1], elsewhere / f"last{files[-1].suffix}")
    rows.append(f"last{files[-1].suffix},So they say.,test")
    (elsewhere / "metadata.csv").write_text("\n".join([header, *rows, ""]), "utf-8")
    new = added(elsewhere)
    assert len({path.parent for path in new}) == len(new) == 2
    assert {path.parent for path in new} <= groups


def test_another_training_does_not_go_on_in_the_same_folder(trained: Path, backbones: Path, recordings: Path) -> None:
    before = written(trained)
    for other in (["--rate", "0.1"], ["--size", "32"]):
        with pytest.raises(DataError, match="holds a training of other clips, by other backbones or with other"):
            train.run(arguments(backbones, recordings, trained, *other))
    assert written(trained) == before


def test_the_paper_s_way_is_a_model_too(
    backbones: Path, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(Reference(0.5, 1.2, 640, 10).state_dict(), weights := tmp_path / "efficientnet.pth")
    monkeypatch.setattr(efficientnet, "read", partial(efficientnet.read, config=SMALL))
    paper = ["--image", str(weights), "--picture", "figure", "--fusion", "gating", "--loss", "both",
             "--temperature", "published", "--schedule", "published", "--rate", "5e-6", "--decay", "0"]  # fmt: skip
    train.run(arguments(backbones, recordings, tmp_path, *paper))
    model = clasp.load(tmp_path / "model", device="cpu")
    assert model.speech.spectrogram.dim == 10
    assert model.config["speech_encoder"]["unit_inputs"]
    rows = [clip for clip in readers.read(recordings).clips if clip.split == "test"]
    spoken = model.encode_speech([clasp.decode(clip.audio()) for clip in rows])
    written = model.encode_text([clip.text for clip in rows])
    found = ranked(spoken, written)
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["test"]["speech→text"]["mean_rank"] == pytest.approx(found.mean())


def test_training_brings_clips_to_their_texts_and_keeps_the_best(tmp_path: Path) -> None:
    draw = torch.Generator().manual_seed(0)
    features = torch.randn(40, 30, generator=draw).numpy().astype(np.float16)
    vectors = torch.nn.functional.normalize(torch.randn(40, 24, generator=draw), dim=1)
    places = np.arange(40)
    pairs = fusion.Pairs(features, 20, False, vectors, places, places.astype(str))
    args = options("--out", str(tmp_path), "--batch", "16", "--rate", "0.01", "--epochs", "60")
    torch.manual_seed(3)
    head = build("gating", 20, 10, 24)
    before = fusion.metrics(head, pairs, places[:32])["speech→text"]["mrr"]
    epochs = list(fusion.train(head, pairs, places[:32], places[:32], args))
    after = fusion.metrics(head, pairs, places[:32])["speech→text"]["mrr"]
    assert after > max(before, 0.7)
    assert after == max(epoch.metrics["speech→text"]["mrr"] for epoch in epochs)
    assert len(epochs) <= 60


def test_it_ends_when_nothing_better_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.3, 0.9])
    monkeypatch.setattr(fusion, "metrics", lambda *rest: {"both": {"mrr": next(scores)}})
    draw, places = torch.Generator().manual_seed(0), np.arange(8)
    features = torch.randn(8, 6, generator=draw).numpy()
    vectors = torch.nn.functional.normalize(torch.randn(8, 24, generator=draw), dim=1)
    pairs = fusion.Pairs(features, 4, True, vectors, places, places.astype(str))
    args = options("--out", str(tmp_path), "--patience", "3")
    torch.manual_seed(0)
    head = build("concat", 4, 2, 24)
    seen = [
        (epoch.number, {name: value.clone() for name, value in head.state_dict().items()})
        for epoch in fusion.train(head, pairs, places, places, args)
    ]
    assert [number for number, _ in seen] == [1, 2, 3, 4, 5]
    assert all(torch.equal(value, seen[1][1][name]) for name, value in head.state_dict().items())
    # once more, after it has ended
    assert not list(fusion.train(head, pairs, places, places, args))
    assert all(torch.equal(value, seen[1][1][name]) for name, value in head.state_dict().items())


@pytest.mark.parametrize("wrong", ["--batch=3", "--epochs=0", "--patience=0"])
def test_sizes_without_sense_are_refused(wrong: str, backbones: Path, recordings: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="A batch is of 4 clips or more; epochs and patience are 1 or more"):
        train.run(arguments(backbones, recordings, tmp_path, wrong))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("option", "other"), [("speech", "image"), ("image", "speech"), ("speech", "nowhere")])
def test_a_wrong_backbone_is_named(option: str, other: str, backbones: Path, recordings: Path, tmp_path: Path) -> None:
    args = arguments(backbones, recordings, tmp_path, f"--{option}", str(backbones / other))
    with pytest.raises(ModelError, match=other):
        train.assemble(args, 24)


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
    contrast = fusion.pair_loss(3 * rows, texts, groups, fixed(), "contrastive")
    torch.testing.assert_close(contrast, sum(both_ways) / 2)
    distance = fusion.pair_loss(rows, texts, groups, fixed(), "huber")
    torch.testing.assert_close(fusion.pair_loss(rows, texts, groups, fixed(), "both"), contrast + distance)
    assert fusion.pair_loss(texts, texts, groups, fixed(), "huber").item() == pytest.approx(0, abs=1e-6)
