"""The gate learns whom to believe: by how sure the recognizer is, and by the language."""

import io

import numpy as np
import pytest
from rich.console import Console

from clasp.speech.gate import Gate, evidence, stacked
from clasp.speech.transcript import NO_TRANSCRIPT, Transcript
from clasp.training.gate import Witnesses, fit, hits, table, unseen

DIM = 16


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def found() -> Witnesses:
    """German transcripts are good, Persian ones bad; sure Dutch ones are good, doubtful ones bad; four are missing."""
    draw = np.random.default_rng(0)
    languages = np.repeat(["de", "fa", "nl"], 80)
    sure = np.where(languages == "nl", np.tile([True, False], 120), True)
    truth = unit(draw.standard_normal((240, DIM)))
    noise = draw.standard_normal((2, 240, DIM)) / np.sqrt(DIM)
    good = (languages == "de") | ((languages == "nl") & sure)
    direct = unit(truth + 1.5 * noise[0])
    transcript = unit(truth + np.where(good, 0.2, 4.0)[:, None] * noise[1])
    transcript[:4] = 0
    phones = np.full((5, 4), 0.25)
    transcripts = [
        Transcript("some words of it", str(language), log_probability=-0.2 if one else -1.5)
        for language, one in zip(languages, sure, strict=True)
    ]
    transcripts[:4] = [NO_TRANSCRIPT] * 4
    return Witnesses(direct, transcript, truth, stacked([evidence(one, phones) for one in transcripts]), languages)


def test_the_better_witness_is_believed_by_language_and_by_evidence(found: Witnesses) -> None:
    trust = fit(found).transcript_weight(found.evidence)
    doubtful = found.languages == "nl"
    doubtful[160::2] = False
    assert trust[4:80].mean() > 0.8 and trust[80:160].mean() < 0.5
    assert trust[160::2].mean() > trust[doubtful].mean() + 0.3
    default = Gate.default().transcript_weight(found.evidence)
    assert default[80:160].mean() - trust[80:160].mean() > 0.1


def test_both_together_are_nearer_the_truth_than_either_on_what_was_not_learned_from(found: Witnesses) -> None:
    def cosine(vectors: np.ndarray) -> float:
        return float((vectors * found.truth).sum(1).mean())

    fused = unseen(found)
    np.testing.assert_allclose(np.linalg.norm(fused, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(fused[:4], found.direct[:4], atol=1e-5)  # where there is no transcript
    assert cosine(fused) > max(cosine(found.direct), cosine(found.transcript)) + 0.05


def test_the_table_says_it_by_language(found: Witnesses) -> None:
    console = Console(width=120, file=io.StringIO())
    made = table(found)
    console.print(made.rich())
    assert [row[:2] for row in made.rows] == [("de", "80"), ("fa", "80"), ("nl", "80"), ("all", "240")]
    assert "…" not in console.file.getvalue()
    assert hits(found.truth, found.truth) == 1
    assert hits(np.concatenate([found.truth[:120], -found.truth[120:]]), found.truth) == pytest.approx(0.5, abs=0.05)
