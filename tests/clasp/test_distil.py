"""The text encoder: its tokenizer, its network, its folder, and training that resumes exactly."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from clasp.training import distil
from clasp.training.distil import Stage, Trainer, Views, distillation_loss
from clasp.training.parallel import Pair
from clasp.training.student import Student, new_tokenizer, save, train_tokenizer

ENGLISH = [
    "the ship was lost in the storm",
    "a cat sleeps on the chair",
    "where is the bread?",
    "she sings well",
]
GERMAN = [
    "das schiff ging im sturm verloren",
    "eine katze schläft auf dem stuhl",
    "wo ist das brot?",
    "sie singt gut",
]
CHINESE = ["船在暴风雨中沉没了", "一只猫睡在椅子上", "面包在哪里?", "她唱得很好"]
TRAIN = [Pair(english, other, language, "") for language, others in (("de", GERMAN), ("zh", CHINESE))
         for english, other in zip(ENGLISH, others, strict=True)]  # fmt: skip
ROWS = {text: row for row, text in enumerate(ENGLISH)}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer((ENGLISH + GERMAN + CHINESE) * 4, 400)


@pytest.fixture
def views(tokenizer: Tokenizer) -> Views:
    return Views(tokenizer, TRAIN, ENGLISH, ROWS)


def random_vectors(count: int) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(count, 384))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


@pytest.mark.parametrize(("text", "plain"), [
    ("“L’été,” dit-elle…", "l été dit elle"),
    ("ﬁne?!", "fine ?"),
    ("İSTANBUL", "istanbul"),
    ("هل هو كِتاب؟", "هل هو کتاب ?"),
    ("नमस्ते।", "नमस्ते"),
    ("...", ""),
])  # fmt: skip
def test_spelling_that_speech_does_not_have_is_dropped(text, plain):
    assert new_tokenizer().normalizer.normalize_str(text) == plain


def test_every_text_has_a_token_and_known_words_are_known(tokenizer):
    assert tokenizer.encode("").tokens == ["<s>"]
    for text in ENGLISH + GERMAN + CHINESE:
        assert tokenizer.token_to_id("<unk>") not in tokenizer.encode(text).ids
    assert tokenizer.token_to_id("<unk>") in tokenizer.encode("жук").ids


def test_layers_start_as_the_identity_and_padding_changes_nothing(tokenizer):
    torch.manual_seed(0)
    student = Student(tokenizer.get_vocab_size()).eval()
    ids = torch.tensor([tokenizer.encode(ENGLISH[0]).ids])
    with torch.no_grad():
        assert torch.allclose(student(ids), student(ids, deep=False), atol=1e-6)
        for weight in student.backbone.layers.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
        deep = student(ids)
        padded = student(torch.nn.functional.pad(ids, (0, 9)))
    assert not torch.allclose(deep, student(ids, deep=False), atol=1e-2)
    assert torch.allclose(deep, padded, atol=1e-5)
    assert deep.norm() == pytest.approx(1, abs=1e-5)


def test_the_saved_folder_gives_the_vectors_that_were_trained(tokenizer, tmp_path):
    from sentence_transformers import SentenceTransformer

    torch.manual_seed(0)
    student = Student(tokenizer.get_vocab_size()).eval()
    torch.nn.init.normal_(student.backbone.layers[1].mlp.Wo.weight, std=0.1)
    save(student, tokenizer, tmp_path / "text")
    model = SentenceTransformer(str(tmp_path / "text"), device="cpu")
    texts = [ENGLISH[0], CHINESE[1], ""]
    vectors = model.encode(texts)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    with torch.no_grad():
        expected = torch.cat([student(torch.tensor([tokenizer.encode(text).ids])) for text in texts])
    assert vectors.shape == (3, 384)
    assert np.abs(vectors - expected.numpy()).max() < 2e-3  # weights are kept as float16


def test_views_carry_the_vector_of_their_english_and_come_in_batches_of_like_length(tokenizer, views):
    stage = Stage(deep=False, batch=6, negatives=0, peak=0)
    seen, spans = set(), []
    for step in range(distil.CHUNK):
        batch = views.batch(7, step, stage)
        assert np.array_equal(batch, views.batch(7, step, stage))
        ids = views.ids(batch)
        spans.append(int((ids != 0).sum(1).max() - (ids != 0).sum(1).min()))
        for line, view in zip(ids.tolist(), batch, strict=True):
            seen.add((tokenizer.decode([token for token in line if token]), int(views.targets[view])))
    rows = {tokenizer.decode(tokenizer.encode(text).ids): row for texts in (ENGLISH, GERMAN, CHINESE)
            for row, text in enumerate(texts)}  # fmt: skip
    assert seen == set(rows.items())
    assert np.mean(spans) < views.lengths.max() - views.lengths.min()
    assert not np.array_equal(views.batch(7, 0, stage), views.batch(8, 0, stage))


def test_the_loss_is_the_cross_entropy_with_the_teacher_and_least_at_its_vector():
    torch.manual_seed(0)
    vectors, targets, negatives = (torch.nn.functional.normalize(torch.randn(n, 8), dim=1) for n in (3, 3, 5))
    bank = torch.cat([targets, negatives])
    naive = 0.0
    for mine, target in zip(vectors, targets, strict=True):
        label = torch.exp(bank @ target / distil.TEMPERATURE)
        guess = torch.exp(bank @ mine / distil.TEMPERATURE)
        naive -= float((label / label.sum() * torch.log(guess / guess.sum())).sum()) / 3
        naive += distil.DIRECTION * (1 - float(mine @ target)) / 3
    assert float(distillation_loss(vectors, targets, negatives)) == pytest.approx(naive, rel=1e-4)
    assert distillation_loss(targets, targets, negatives) < distillation_loss(vectors, targets, negatives)


def test_interrupted_training_goes_on_exactly_and_learns(tokenizer, views, tmp_path, monkeypatch):
    monkeypatch.setattr(distil, "BAG", Stage(deep=False, batch=8, negatives=4, peak=1e-2))
    monkeypatch.setattr(distil, "LAYERS", Stage(deep=True, batch=8, negatives=4, peak=1e-3))
    monkeypatch.setattr(distil, "CHECK_EVERY", 10)
    checks = {"de": [(text, row) for row, text in enumerate(GERMAN)]}

    def trained(folder: Path, stop: int | None = None) -> Trainer:
        args = argparse.Namespace(work=folder, out=folder / "text", seed=1, bag_steps=30, steps=20)
        trainer = Trainer(args, tokenizer, views, random_vectors(len(ENGLISH)))
        plain = trainer.step
        if stop is not None:
            monkeypatch.setattr(trainer, "step", lambda step: 1 / 0 if step == stop else plain(step))
            with pytest.raises(ZeroDivisionError):
                trainer.train(checks)
        else:
            trainer.train(checks)
        return trainer

    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    whole = trained(tmp_path / "whole")
    trained(tmp_path / "cut", stop=15)
    trained(tmp_path / "cut", stop=38)
    cut = trained(tmp_path / "cut")
    for one, other in zip(whole.average.parameters(), cut.average.parameters(), strict=True):
        assert torch.equal(one, other)
    vectors = whole.student(views.ids(np.arange(len(views.targets))))
    assert (vectors @ whole.bank.float().T).argmax(1).tolist() == views.targets.tolist()
