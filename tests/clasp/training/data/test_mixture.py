"""Several corpora together: how many clips of each, and no sentence on both sides."""

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.errors import DataError
from clasp.training.data import mixture
from clasp.training.data.clips import Clip

WORDS = ("red", "green", "blue", "white", "black")
TEXTS = [" ".join(words) for words in itertools.permutations(WORDS, 2)]  # 20


def corpus(folder: Path, texts: list[str], splits: list[str]) -> Path:
    folder.mkdir()
    draw = np.random.default_rng(len(folder.name))
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "text", "split"])
        for number, (text, split) in enumerate(zip(texts, splits, strict=True)):
            soundfile.write(folder / f"{number}.wav", draw.normal(0, 0.1, 16_000), 16_000)
            rows.writerow([f"{number}.wav", text, split])
    return folder


def counts(clips: list[Clip]) -> tuple[int, ...]:
    return tuple(sum(clip.split == split for clip in clips) for split in ("train", "validation", "test"))


def test_no_sentence_is_learned_that_another_corpus_holds_out(tmp_path: Path) -> None:
    first = corpus(tmp_path / "first", TEXTS[:6], ["train"] * 4 + ["validation", "test"])
    second = corpus(tmp_path / "second", [TEXTS[5].upper(), *TEXTS[4:8]], ["train"] * 4 + ["test"])
    corpora, skipped = mixture.read([first, second])
    assert [counts(clips) for clips in corpora] == [(4, 1, 1), (1, 0, 1)]
    assert [row.place for row in skipped] == [f"metadata.csv line {line}" for line in (2, 3, 4)]
    assert [list(span) for span in mixture.spans(corpora)] == [list(range(6)), [6, 7]]


def test_so_many_clips_are_taken_as_are_asked_for(tmp_path: Path) -> None:
    splits = ["train"] * 10 + ["validation"] * 6 + ["test"] * 4
    folder = corpus(tmp_path / "one", TEXTS, splits)
    (everything,), _ = mixture.read([folder])
    original = {clip.id: clip.split for clip in everything}

    def taken(train: int, test: int) -> list[Clip]:
        (clips,), _ = mixture.read([folder], [train], [test])
        assert [clip.id for clip in clips] == [one.id for one in everything if one.id in {clip.id for clip in clips}]
        return clips

    assert counts(taken(10, 4)) == (10, 6, 4)
    few = taken(3, 2)
    assert counts(few) == (3, 6, 2)
    assert {clip.id for clip in few} < {clip.id for clip in taken(5, 3)}
    assert [clip.id for clip in few] != [clip.id for clip in everything][: len(few)]
    more = taken(100, 7)  # more than there are: three of validation
    assert counts(more) == (10, 3, 7)
    assert all(clip.split == original[clip.id] or (original[clip.id], clip.split) == ("validation", "test")
               for clip in more)  # fmt: skip
    assert counts(taken(1, 99)) == (1, 0, 10)


def test_a_number_is_needed_for_each(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There are 1 numbers of test clips for 2 corpora"):
        mixture.read([tmp_path, tmp_path], [1, 2], [3])
