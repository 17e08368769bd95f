"""The sentence encoder: its vocabulary, its folder, and its tuning, which resumes and keeps English where it was."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from transformers import BertConfig, BertModel

from clasp.errors import DataError
from clasp.text.sentence_encoder import WORDS, load, save
from clasp.training.data.parallel import Pair
from clasp.training.sentence import train, tuning
from clasp.training.sentence.assembly import assemble
from clasp.training.sentence.e5 import END, PAD, START, UNKNOWN, Pretrained
from clasp.training.sentence.pairs import sentence_pairs, wordings
from clasp.training.sentence.tuning import Batches, Tuner, embed, groups_of, tuning_loss
from clasp.training.sentence.vocabulary import choose_pieces, count_pieces, prune
from clasp.weights import folder_checksum

LETTERS = "abcdefghijklmnopqrstuvwxyzäöü船在暴风雨中猫椅子上睡面包哪里她唱歌很好0123456789:?.'"
PIECES = [(special, 0.0) for special in (START, PAD, END, UNKNOWN)]
PIECES += [("▁", -3.0), *((letter, -6.0) for letter in LETTERS)]
PIECES += [(f"▁{word}", -4.0 - place / 100) for place, word in enumerate((
    "query", "the", "ship", "storm", "in", "was", "lost", "cat", "sleeps", "chair", "das", "schiff", "sturm", "katze",
    "schläft", "stuhl", "ист", "never",
))]  # fmt: skip
PIECES += [("<mask>", 0.0)]
ENGLISH = ["the ship was lost in the storm", "a cat sleeps on the chair", "where is the bread?", "she sings well"]
GERMAN = ["das schiff ging im sturm unter", "eine katze schläft auf dem stuhl", "wo ist das brot?", "sie singt gut"]
CHINESE = ["船在暴风雨中", "猫在椅子上睡", "面包在哪里?", "她唱歌很好"]
PAIRS = [
    Pair(english, other, language, "xquad")
    for language, others in (("de", GERMAN), ("zh", CHINESE))
    for english, other in zip(ENGLISH, others, strict=True)
]
DIM = 32


@pytest.fixture
def pretrained() -> Pretrained:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(PIECES), hidden_size=DIM, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    model = BertModel(config)
    for name, weight in model.named_parameters():
        if weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.0 if "pooler" in name else 0.2)
    return Pretrained(config, model.state_dict(), PIECES)


@pytest.fixture
def encoder(pretrained: Pretrained) -> SentenceTransformer:
    mean = torch.full((DIM,), 0.05)
    return assemble(pretrained.model(), pretrained.tokenizer(), mean)


def test_the_vocabulary_keeps_what_is_used_and_every_single_character(pretrained):
    counts = count_pieces(pretrained.tokenizer(), {"en": ENGLISH, "de": GERMAN})
    assert counts["en"][[piece for piece, _ in PIECES].index("▁ship")] == 1
    needed = 5 + len(LETTERS)
    kept = choose_pieces(PIECES, counts, needed + 15)
    pieces = [PIECES[row][0] for row in kept]
    assert pieces[:4] == [START, PAD, END, UNKNOWN] and len(pieces) == needed + 15
    assert set(LETTERS) <= set(pieces) and {"▁the", "▁ship", "▁katze"} <= set(pieces)
    assert "▁never" not in pieces and "<mask>" not in pieces
    assert len(choose_pieces(PIECES, counts, 10)) == needed


def test_a_pruned_encoder_gives_the_same_vectors_where_no_piece_is_missing(pretrained):
    counts = count_pieces(pretrained.tokenizer(), {"en": ENGLISH, "zh": CHINESE})
    smaller = prune(pretrained, choose_pieces(PIECES, counts, len(PIECES) - 4))
    assert len(smaller.pieces) == smaller.config.vocab_size == len(PIECES) - 4
    whole, cut = (assemble(one.model(), one.tokenizer()) for one in (pretrained, smaller))
    assert np.allclose(whole.encode(ENGLISH + CHINESE), cut.encode(ENGLISH + CHINESE), atol=1e-6)


def test_the_folder_needs_nothing_but_sentence_transformers(encoder, tmp_path):
    save(encoder, tmp_path / "text", in_8_bits=True)
    plain = SentenceTransformer(str(tmp_path / "text"), device="cpu")
    texts = [*ENGLISH, *CHINESE, "ship"]
    vectors = plain.encode(texts)
    assert {weight.dtype for weight in plain.parameters()} == {torch.float32}
    cosines = (vectors * encoder.encode(texts)).sum(1)
    assert cosines.min() > 0.999 and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    unprefixed = plain.encode(["ship"], prompt="")
    assert np.allclose(plain.encode(["ship"]), plain.encode(["query: ship"], prompt=""), atol=1e-6)
    assert not np.allclose(plain.encode(["ship"]), unprefixed, atol=1e-3)
    assert np.allclose(load(tmp_path / "text").encode(texts), vectors, atol=1e-6)


def test_what_is_saved_again_stays_the_same(encoder, tmp_path):
    save(encoder, tmp_path / "once", in_8_bits=True)
    save(load(tmp_path / "once"), tmp_path / "twice")
    assert folder_checksum(tmp_path / "once") == folder_checksum(tmp_path / "twice")


def test_without_being_asked_for_8_bits_nothing_is_lost(encoder, tmp_path):
    save(encoder, tmp_path / "text")
    assert load_file(tmp_path / "text" / "model.safetensors")[WORDS].dtype == torch.float16
    again = SentenceTransformer(str(tmp_path / "text"), device="cpu")
    assert (again.encode(ENGLISH) * encoder.encode(ENGLISH)).sum(1).min() > 0.99999


def test_the_mean_is_taken_off(pretrained):
    plain = assemble(pretrained.model(), pretrained.tokenizer())
    texts = {"en": ENGLISH, "de": GERMAN, "zh": CHINESE}
    mean = train.mean_vector(plain, texts)
    by_hand = [torch.from_numpy(plain.encode(some)).mean(0) for some in texts.values()]
    assert torch.allclose(mean, by_hand[0] / 2 + (by_hand[1] + by_hand[2]) / 4, atol=2e-2)
    centred = assemble(pretrained.model(), pretrained.tokenizer(), mean).encode(ENGLISH)
    expected = torch.nn.functional.normalize(torch.from_numpy(plain.encode(ENGLISH)) - mean, dim=1)
    assert np.allclose(centred, expected, atol=1e-4)


def test_the_loss_is_least_where_all_is_in_its_place():
    torch.manual_seed(0)
    anchors, alike = (torch.nn.functional.normalize(torch.randn(count, 16), dim=1) for count in (3, 2))
    groups = torch.arange(3)
    best = tuning_loss(torch.cat([anchors, anchors, anchors, alike]), anchors, groups)
    moved = torch.nn.functional.normalize(anchors + 0.3 * torch.randn(3, 16), dim=1)
    for place in range(3):
        parts = [anchors, anchors, anchors, alike]
        parts[place] = moved
        assert tuning_loss(torch.cat(parts), anchors, groups) > best
    assert tuning_loss(torch.cat([anchors, anchors, anchors, anchors[:2]]), anchors, groups) > best  # a look-alike
    same = torch.cat([anchors[:1], anchors[:1]])
    apart = tuning_loss(torch.cat([same, same, same]), same, torch.tensor([0, 1]))
    assert tuning_loss(torch.cat([same, same, same]), same, torch.tensor([0, 0])) == pytest.approx(float(apart))


def test_equal_sentences_are_one_group():
    assert groups_of(["The ship.", "a cat", "the ship"]).tolist().count(groups_of(["x"]).item()) == 1
    first, second, third = groups_of(["The ship.", "a cat", "the ship"]).tolist()
    assert first == third != second


def test_batches_depend_on_the_step_alone_and_mix_languages():
    batches = Batches(PAIRS, seed=1)
    assert batches.draw(5, 6) == Batches(PAIRS, seed=1).draw(5, 6)
    drawn = [pair for step in range(8) for pair in batches.draw(step, 6)]
    assert {pair.language for pair in drawn} == {"de", "zh"}
    assert drawn != [pair for step in range(8) for pair in Batches(PAIRS, seed=2).draw(step, 6)]


def test_interrupted_tuning_goes_on_exactly_learns_and_keeps_english(pretrained, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "CHECK_EVERY", 10)
    monkeypatch.setattr(tuning, "WARM_UP", 5)

    def tuner(folder: str) -> Tuner:
        encoder = assemble(pretrained.model(), pretrained.tokenizer(), torch.full((DIM,), 0.05))
        return Tuner(encoder, PAIRS, tmp_path / folder, seed=1)

    whole, cut = tuner("whole"), tuner("cut")
    before = whole.check(PAIRS)
    assert before["cosine_to_before"] == pytest.approx(1, abs=1e-3)
    whole.train(30, 8, 2e-3, PAIRS)
    after = whole.check(PAIRS)
    assert after["hits@1"] > before["hits@1"] and after["hits@1"] > 0.6 and after["cosine_to_before"] > 0.9
    assert len((tmp_path / "whole" / "log.jsonl").read_text().splitlines()) == 3

    plain = cut.loss
    steps = iter(range(100))
    monkeypatch.setattr(cut, "loss", lambda *batch: 1 / 0 if next(steps) == 13 else plain(*batch))
    with pytest.raises(ZeroDivisionError):
        cut.train(30, 8, 2e-3, PAIRS)
    again = tuner("cut")
    again.train(30, 8, 2e-3, PAIRS)
    with torch.no_grad():
        assert torch.equal(embed(again.encoder, ENGLISH), embed(whole.encoder, ENGLISH))
    words = whole.encoder[0].auto_model.state_dict()[WORDS]
    assert torch.equal(words, pretrained.weights[WORDS])


def test_development_pairs_share_nothing_with_the_others(data):
    train, development = sentence_pairs(data, ("en", "de", "fr"))
    assert development and train
    assert not {pair.english for pair in train} & {pair.english for pair in development}
    assert not {pair.other for pair in train} & {pair.other for pair in development}
    assert {pair.language for pair in train} == {"de", "fr", "en"}
    assert not any("tatoeba" in pair.source or "flores" in pair.english for pair in (*train, *development))


def test_other_wordings_are_pairs_of_english():
    pairs = [
        Pair("a ship", "ein Schiff", "de", ""),
        Pair("one ship", "Ein Schiff!", "de", ""),
        Pair("a", "b", "de", ""),
    ]
    assert wordings(pairs) == [Pair("a ship", "one ship", "en", "wordings")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Training data in little: parallel text, FLORES, and no speech."""
    folder = tmp_path / "data"
    (folder / "parallel").mkdir(parents=True)
    with zipfile.ZipFile(folder / "brown.zip", "w") as archive:
        archive.writestr("brown/cats.txt", "")
    count = 600
    lines = {
        "xquad/de": [f"the ship number {n}\tdas schiff {n}" for n in range(count)]
        + [f"ship {n} it was\tdas schiff {n}" for n in range(0, count, 2)],
        "xquad/fr": [f"the ship number {n}\tle navire {n}" for n in range(count)],
        "tatoeba_pivot/de": ["not this\tnicht dies"],
        "flores_devtest/de": [f"flores {n}\tflores auf deutsch {n}" for n in range(5)],
    }
    for source in {name.split("/")[0] for name in lines}:
        with tarfile.open(folder / "parallel" / f"{source}.tar.xz", "w:xz") as archive:
            for name, rows in lines.items():
                if name.startswith(f"{source}/"):
                    content = "".join(f"{row}\n" for row in rows).encode()
                    member = tarfile.TarInfo(f"{name}.tsv")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return folder


def test_the_command_writes_a_folder_with_its_card(pretrained, data, tmp_path, monkeypatch):
    from index.cli.main import main

    monkeypatch.setattr(train.e5, "weights_file", lambda path: path)
    monkeypatch.setattr(train.e5, "read", lambda path: pretrained)
    (tmp_path / "errors.tsv").write_text("text\ttranscript\nthe ship\tthe sheep\n\tx\n")
    command = [
        "train", "text", "--data", str(data), "--out", str(tmp_path / "text"), "--work", str(tmp_path / "work"),
        "--vocabulary", "80", "--steps", "2", "--batch", "4", "--transcripts", str(tmp_path / "errors.tsv"),
        "--measured", "3",
    ]  # fmt: skip
    assert main(command) == 0
    card = json.loads((tmp_path / "text" / "card.json").read_text())
    assert card["training"]["steps"] == 2 and card["sources"]["xquad"] == "CC BY-SA 4.0"
    assert not any("tatoeba_" in source for source in card["sources"] if source != "laser_tatoeba_v1")
    figures = card["measured"]["flores_devtest_hits@1"]
    assert set(figures["languages"]) == {"de"} and 0 <= figures["median"] <= 1
    assert load(tmp_path / "text").encode(["the ship"]).shape == (1, DIM)
    monkeypatch.setattr(train, "texts_by_language", lambda data: 1 / 0)  # what was chosen is not chosen again
    assert main(command) == 0


def test_texts_are_counted_of_what_may_be_shipped_only(data):
    texts = train.texts_by_language(data)
    assert set(texts) == {"en", "de", "fr"}
    assert not any("flores" in text or "dies" in text for some in texts.values() for text in some)
    assert train.real_errors(None) == []


def test_missing_parallel_text_is_said(data):
    (data / "parallel" / "xquad.tar.xz").unlink()
    with pytest.raises(DataError, match="No parallel text"):
        train.texts_by_language(data)
