"""Chunked ranks against a naive full-matrix implementation, and the cases where the two could disagree."""

import numpy as np
import pytest

from clasp.evaluation.metrics import ranks, summary


def naive_rank(scores: np.ndarray, gold: str, labels: list[str], ties: str) -> int:
    """Rank of the best correct candidate by sorting one row, wrong ones first among equals if pessimistic."""
    worse_first = ties == "pessimistic"
    order = sorted(
        range(len(labels)),
        key=lambda i: (
            -round(float(scores[i]), 9),
            (labels[i] == gold) if worse_first else (labels[i] != gold),
        ),
    )
    return 1 + [labels[index] == gold for index in order].index(True)


@pytest.mark.parametrize("ties", ["pessimistic", "optimistic"])
@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_equals_the_full_matrix(ties: str, chunk: int) -> None:
    random = np.random.default_rng(0)
    labels = [f"text {random.integers(40)}" for _ in range(60)]  # many equal texts
    candidates = random.normal(size=(60, 16)).astype(np.float32)
    candidates[30:40] = candidates[20:30]  # equal vectors under different labels: real ties
    query_labels = [labels[i] for i in random.permutation(60)[:50]] + [labels[i] for i in range(20, 40)]
    queries = np.concatenate([random.normal(size=(50, 16)).astype(np.float32), candidates[20:40]])
    scores = queries.astype(np.float64) @ candidates.T.astype(np.float64)
    expected = [naive_rank(row, gold, labels, ties) for row, gold in zip(scores, query_labels, strict=True)]

    found = ranks(queries, candidates, query_labels, labels, ties=ties, chunk=chunk)

    assert found.tolist() == expected
    assert found.min() == 1 < found.max()


def test_ties_are_counted_against_an_encoder_that_says_nothing() -> None:
    same = np.ones((20, 8), dtype=np.float32) / np.sqrt(8, dtype=np.float32)
    labels = [str(i) for i in range(20)]
    assert ranks(same, same, labels, labels).tolist() == [20] * 20
    assert ranks(same, same, labels, labels, ties="optimistic").tolist() == [1] * 20


def test_any_candidate_with_the_same_text_is_right() -> None:
    candidates = np.eye(3, dtype=np.float32)
    query = np.array([[0.1, 0.9, 0.2]], dtype=np.float32)
    assert ranks(query, candidates, ["a"], ["a", "b", "a"]).tolist() == [2]
    assert ranks(query, candidates, ["a"], ["a", "a", "b"]).tolist() == [1]


def test_refuses_queries_without_an_answer_and_labels_that_do_not_fit() -> None:
    vectors = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match="no correct candidate, for example 'd'"):
        ranks(vectors, vectors, ["a", "b", "d"], ["a", "b", "c"])
    with pytest.raises(ValueError, match="3 queries with 2 labels"):
        ranks(vectors, vectors, ["a", "b"], ["a", "b", "c"])


def test_summary_of_known_ranks() -> None:
    assert summary(np.array([1, 1, 2, 6, 20])) == pytest.approx(
        {
            "hits@1": 0.4,
            "recall@5": 0.6,
            "recall@10": 0.8,
            "mrr": (2 + 1 / 2 + 1 / 6 + 1 / 20) / 5,
            "mean_rank": 6.0,
        }
    )
