"""Chunked metrics against naive full-matrix implementations, and the cases where the two could disagree."""

import subprocess
import sys

import numpy as np
import pytest

from clasp.evaluation.metrics import SOFT, THRESHOLD, bootstrap, interval, published, ranks, summary


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


def naive_published(scores: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    """The published protocol over the full matrix, pair by pair, but for the random soft test."""
    kept, counts = [], {(truth, called): 0 for truth in (0, 1) for called in (0, 1)}
    for row, mine in zip(scores.round(9), gold, strict=True):
        if int(np.argmax(row)) == mine or row[mine] < row.max():
            kept.append(1 + int((row > row[mine]).sum()))
        for column, score in enumerate(row):
            counts[int(column == mine), int(score >= THRESHOLD)] += 1
    missed = counts[0, 1] + counts[1, 0]
    f1 = [2 * counts[kind] / (2 * counts[kind] + missed) for kind in ((1, 1), (0, 0))]
    return {
        "queries": len(kept),
        "hits@1": float(np.mean([rank == 1 for rank in kept])),
        "mrr": float(np.mean([1 / rank for rank in kept])),
        "mean_rank": float(np.mean(kept)),
        "macro_f1": float(np.mean(f1)),
        "accuracy": counts[1, 1] / len(gold),
    }


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


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


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_published_protocol_equals_the_full_matrix(chunk: int) -> None:
    random = np.random.default_rng(1)
    candidates = unit(random.normal(size=(120, 6)))
    candidates[40:60] = candidates[20:40]  # duplicates, before and after
    gold = np.concatenate([np.arange(80), random.integers(120, size=20)])
    noise = np.where(random.random(100) < 0.3, 0, 0.4)[:, None]  # some queries equal their candidates
    queries = unit(candidates[gold] + noise * random.normal(size=(100, 6)))
    expected = naive_published(queries.astype(np.float64) @ candidates.T.astype(np.float64), gold)

    found = published(queries, candidates, gold, chunk=chunk)

    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert expected["queries"] < len(gold)  # duplicates were there to be removed
    assert 0 < expected["accuracy"] < 1 and expected["hits@1"] < 1
    assert found == published(queries, candidates, gold, chunk=chunk)


def test_duplicates_are_removed_but_for_the_first() -> None:
    """Three equal candidates: by the published protocol the first counts as a hit and the others do not count."""
    candidates = unit(np.array([[1, 0], [1, 0], [1, 0], [0, 1]]))
    found = published(candidates, candidates, np.arange(4))
    assert (found["queries"], found["hits@1"], found["mean_rank"]) == (2, 1, 1)
    found = published(candidates[1:3], candidates, np.array([1, 2]))
    assert (found["queries"], found["hits@1"], found["mean_rank"]) == (0, 0, 4)


def test_the_soft_test_draws_from_wrong_candidates_only() -> None:
    """A right candidate that scores lower than any other is never first; one that ties with all always is."""
    candidates = unit(np.eye(SOFT + 1))
    gold = np.arange(SOFT + 1)
    assert published(1 - candidates, candidates, gold)["hits@1_of_100"] == 0
    assert published(np.ones_like(candidates), candidates, gold)["hits@1_of_100"] == 1
    assert published(candidates[:5], candidates[:5], gold[:5])["hits@1_of_100"] == 1  # a pool under 100


def test_the_soft_test_is_as_hard_as_its_size_says() -> None:
    """Ten of 1,000 wrong candidates beat the right one: none is drawn with probability C(990, 99) / C(1000, 99)."""
    candidates = np.zeros((1001, 1), np.float32)
    candidates[0], candidates[1:11] = 0.5, 1
    soft = published(np.ones((2000, 1), np.float32), candidates, np.zeros(2000, int))["hits@1_of_100"]
    expected = np.prod([(901 - i) / (1000 - i) for i in range(10)])
    assert soft == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 2000))


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
    with pytest.raises(ValueError, match="each needs one"):
        published(vectors, vectors, np.arange(2))


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


def test_intervals_are_those_of_queries_drawn_again() -> None:
    found = np.array([1] * 60 + [5] * 20 + [100] * 20)
    random = np.random.default_rng(5)
    drawn = random.choice(found, (4000, len(found)))
    expected = {"hits@1": drawn == 1, "recall@10": drawn <= 10, "mrr": 1 / drawn}
    samples = bootstrap(found)
    for name, values in expected.items():
        assert interval(samples[name]) == pytest.approx(np.percentile(values.mean(1), [2.5, 97.5]), abs=0.015)
        np.testing.assert_array_equal(samples[name], bootstrap(found)[name])
    assert interval(bootstrap(np.ones(10, int))["recall@10"]) == [1, 1]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_pool_of_50_000_stays_under_2_gb() -> None:
    """Peak memory of a process that ranks 50,000 queries over 50,000 candidates by both protocols."""
    program = """
import resource
import numpy as np
from clasp.evaluation.metrics import published, ranks
random = np.random.default_rng(0)
pool = random.standard_normal((50_000, 768), np.float32)
pool /= np.linalg.norm(pool, axis=1, keepdims=True)
queries = pool + random.standard_normal(pool.shape, np.float32) / 14
labels = [f"sentence {number}" for number in range(len(pool))]
assert (ranks(queries, pool, labels, labels) == 1).mean() > 0.5
assert published(queries, pool, np.arange(len(pool)))["queries"] == len(pool)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 2e9
