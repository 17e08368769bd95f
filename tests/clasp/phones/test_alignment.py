"""Phones laid side by side, against a naive alignment."""

from functools import cache

import numpy as np
import pytest

from clasp.phones import inventory
from clasp.phones.alignment import GAP_EXTEND, GAP_OPEN, TOP_PHONES, UNLIKELY, Aligner, pack
from clasp.phones.inventory import INVENTORY

SIZE = len(INVENTORY)


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def tables(draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    confusions = draw.dirichlet(np.full(SIZE, 0.05), SIZE) + 3 * np.eye(SIZE)
    return confusions, draw.uniform(0.2, 1, SIZE)


def distributions(draw: np.random.Generator, count: int) -> np.ndarray:
    rows = draw.dirichlet(np.full(SIZE, 0.03), count)
    rows[:, 0] = 0
    return (rows / rows.sum(1, keepdims=True)).astype(np.float32)


def one_hot(*ids: int) -> np.ndarray:
    return np.eye(SIZE, dtype=np.float32)[list(ids)]


def naive(query: np.ndarray, candidate: np.ndarray, table: np.ndarray) -> float:
    """The best alignment by trying every pairing, phone by phone."""

    def skip(length: int) -> float:
        return GAP_OPEN + GAP_EXTEND * (length - 1) if length else 0

    @cache
    def best(row: int, column: int) -> float:
        """Of the first phones of both; the candidate's last ones may have been skipped together."""
        return max(paired(row, before) + skip(column - before) for before in range(column + 1))

    @cache
    def paired(row: int, column: int) -> float:
        if row == 0:
            return 0 if column == 0 else -np.inf
        left_out = best(row - 1, column) + GAP_OPEN
        if column == 0:
            return left_out
        share = {int(i): p / 255 for i, p in candidate[column - 1]}
        ratio = sum(query[row - 1, a] * share[b] * table[a, b] for a in range(SIZE) for b in share)
        return max(left_out, best(row - 1, column - 1) + np.log(max(ratio, UNLIKELY)))

    return best(len(query), len(candidate))


@pytest.mark.parametrize(("query_from_speech", "candidates_from_speech"), [(False, True), (True, False), (True, True)])
def test_agreement_is_that_of_the_best_alignment_with_any_stretch(
    tables, draw, query_from_speech, candidates_from_speech
):
    aligner = Aligner(*tables)
    query = distributions(draw, 4) if query_from_speech else one_hot(*draw.integers(1, SIZE, 4))
    others = [pack(distributions(draw, count)) for count in (1, 5, 8)]
    found = aligner.score(
        query, others, query_from_speech=query_from_speech, candidates_from_speech=candidates_from_speech
    )
    table = aligner._tables[query_from_speech, candidates_from_speech]
    for score, other in zip(found, others, strict=True):
        stretches = [other[i:j] for i in range(len(other)) for j in range(i + 1, len(other) + 1)]
        best = max(naive(query, one, table) for one in stretches)
        assert score == pytest.approx(max(best, len(query) * GAP_OPEN) / len(query), abs=1e-3)


def test_a_candidate_does_not_change_with_its_company(tables, draw):
    aligner, query = Aligner(*tables), one_hot(*draw.integers(1, SIZE, 8))
    others = [pack(distributions(draw, count)) for count in (3, 20, 8)]
    together = aligner.score(query, others)
    assert together == pytest.approx([aligner.score(query, [other])[0] for other in others], abs=1e-5)


def test_the_same_words_agree_most(tables, draw):
    said = draw.integers(1, SIZE, 12)
    near = said.copy()
    near[3] = near[3] % (SIZE - 1) + 1
    candidates = [pack(one_hot(*ids)) for ids in (draw.integers(1, SIZE, 12), near, said, said[:6])]
    found = Aligner(*tables).score(one_hot(*said), candidates)
    assert list(np.argsort(-found)[:2]) == [2, 1]
    assert found[0] < 0 < found[2]


def test_heard_and_written_may_change_places(tables, draw):
    aligner = Aligner(*tables)
    written, heard = one_hot(*draw.integers(1, SIZE, 7)), one_hot(*draw.integers(1, SIZE, 7))
    one_way = aligner.score(written[:1], [pack(heard[:1])])
    other_way = aligner.score(heard[:1], [pack(written[:1])], query_from_speech=True, candidates_from_speech=False)
    assert one_way == pytest.approx(other_way, abs=1e-4)


def test_a_part_agrees_with_the_whole_but_not_the_whole_with_a_part(tables, draw):
    aligner, said = Aligner(*tables), one_hot(*draw.integers(1, SIZE, 24))
    part, other = said[8:18], one_hot(*draw.integers(1, SIZE, 24))
    in_whole, in_other = aligner.score(part, [pack(said), pack(other)])
    assert in_whole > 0.5 and in_other < 0
    assert aligner.score(said, [pack(part)])[0] < in_whole - 0.5


def test_where_nothing_is_said_nothing_agrees(tables):
    nothing, something = np.zeros((0, SIZE), np.float32), one_hot(3, 4)
    aligner = Aligner(*tables)
    assert aligner.score(nothing, [pack(something)]).tolist() == [GAP_OPEN]
    assert aligner.score(something, [pack(nothing)]).tolist() == [GAP_OPEN]
    assert aligner.score(something, []).shape == (0,)


def test_packing_keeps_the_likeliest(draw):
    heard = distributions(draw, 5)
    packed = pack(heard)
    assert packed.shape == (5, TOP_PHONES, 2) and packed.dtype == np.uint8
    assert (packed[:, 0, 0] == heard.argmax(1)).all()
    assert packed[..., 1].astype(int).sum(1) == pytest.approx(255, abs=2)


def test_readings_begin_with_the_likeliest_and_change_only_where_in_doubt(draw):
    heard = distributions(draw, 30)
    sure = np.flatnonzero(heard.max(1) > 0.99)
    heard[sure] = np.eye(SIZE)[heard[sure].argmax(1)]
    read = inventory.readings(heard, 8)
    assert read.shape == (8, 30)
    assert (read[0] == heard.argmax(1)).all()
    assert (read[:, sure] == read[0, sure]).all()
    assert len(np.unique(read, axis=0)) > 2
    sharpened = heard**inventory.SHARPENED
    share = (sharpened / sharpened.sum(1, keepdims=True)).max(1)
    assert (read == read[0]).mean(0) == pytest.approx(share, abs=0.26)
