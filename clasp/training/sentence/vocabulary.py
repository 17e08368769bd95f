"""A vocabulary cut to the pieces that the texts of some languages need.

    counts = count_pieces(pretrained.tokenizer(), {"de": german_texts, "en": english_texts})
    rows = choose_pieces(pretrained.pieces, counts, size=84_000)
    smaller = prune(pretrained, rows)

A piece matters by its share of the pieces of each language (all alike, English more) and by the probability that the
tokenizer itself gives it, among all pieces and among those of its script: that speaks for languages of which there is
little text or none. Special pieces and all single characters stay, so that whatever could be spelled still can be, if
in more pieces.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from tokenizers import Tokenizer

from clasp.training.data.corpora import batched
from clasp.training.sentence.e5 import Pretrained

SPECIAL = 4  # pieces at the head of the vocabulary
WORD_START, MASK = "▁", "<mask>"
ENGLISH = 10.0  # languages that English is worth
PRIOR_COUNT = 10_000  # pieces of a language that count as much as the tokenizer's own probabilities
PRIOR_LANGUAGES = 20.0  # languages that those probabilities stand for besides


def count_pieces(tokenizer: Tokenizer, texts: Mapping[str, Iterable[str]]) -> dict[str, np.ndarray]:
    """How often each piece occurs in the texts of each language: int64 (pieces,)."""
    size = tokenizer.get_vocab_size()
    counts = {}
    for language, some in texts.items():
        found: Counter[int] = Counter()
        for part in batched(list(some), 10_000):
            for encoded in tokenizer.encode_batch_fast(part, add_special_tokens=False):
                found.update(encoded.ids)
        counts[language] = np.bincount(list(found), list(found.values()), size).astype(np.int64)
    return counts


def choose_pieces(pieces: list[tuple[str, float]], counts: Mapping[str, np.ndarray], size: int) -> np.ndarray:
    """Rows of the `size` pieces that matter most, sorted int64; more if the single characters are more."""
    needed = np.array([row < SPECIAL or len(piece.lstrip(WORD_START)) <= 1 for row, (piece, _) in enumerate(pieces)])
    masks = np.array([piece == MASK for piece, _ in pieces])
    prior = np.exp([score for _, score in pieces])  # (pieces,)
    prior[:SPECIAL], prior[masks] = 0, 0
    prior /= prior.sum()
    scripts = np.unique([script_of(piece) for piece, _ in pieces], return_inverse=True)[1]
    worth = PRIOR_LANGUAGES * prior + prior / np.maximum(np.bincount(scripts, prior)[scripts], np.finfo(float).tiny)
    for language, found in counts.items():
        worth += (ENGLISH if language == "en" else 1) * (found + PRIOR_COUNT * prior) / (found.sum() + PRIOR_COUNT)
    worth[needed] = np.inf
    worth[masks] = -np.inf
    ranked = np.argsort(-worth, kind="stable")
    return np.sort(ranked[: max(size, int(needed.sum()))])


def prune(pretrained: Pretrained, rows: np.ndarray) -> Pretrained:
    """The encoder with only the pieces of some rows, sorted, which must begin with the special ones."""
    name = "embeddings.word_embeddings.weight"
    config = type(pretrained.config).from_dict(pretrained.config.to_dict() | {"vocab_size": len(rows)})
    embeddings = pretrained.weights[name][torch.from_numpy(rows)]
    pieces = [pretrained.pieces[row] for row in rows]
    return replace(pretrained, config=config, weights=pretrained.weights | {name: embeddings}, pieces=pieces)


def script_of(piece: str) -> str:
    """The script that most of a piece is written in, as the first word of its characters' names: "LATIN"."""
    names = Counter(unicodedata.name(character, "").split(" ")[0] for character in piece.lstrip(WORD_START))
    return names.most_common(1)[0][0] if names else ""
