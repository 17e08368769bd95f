"""Simulated recognition of written sentences: phones by rule, with the measured confusions of the recognizer."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clasp.errors import ClaspError
from clasp.phones import inventory
from clasp.phones.inventory import INVENTORY
from clasp.phones.ngrams import ORDERS, ngram_keys
from clasp.training.data.corpora import clips, data_folder
from clasp.training.data.parallel import Pair, english_sentences, is_development, key, training_pairs

READ_LANGUAGES = (
    "af", "ar", "az", "be", "bg", "bn", "bs", "ca", "cs", "cy", "da", "de", "el", "eo", "es", "et", "eu", "fa",
    "fi", "fr", "ga", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "ka", "kk", "ko", "ku", "la",
    "lt", "lv", "mk", "ml", "mr", "ms", "nb", "ne", "nl", "pa", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr",
    "sv", "sw", "ta", "te", "tr", "tt", "uk", "ur", "uz", "vi", "zh",
)  # fmt: skip
"""Languages beside English whose sentences are read."""

MOST_PAIRS = 14_000  # of a language
SHORTEST, LONGEST = 4, 200  # phones of a sentence


@dataclass(frozen=True)
class Texts:
    """Sentences to learn from: the bank of those whose vectors are answers, and (text, language, row of the answer).
    Pairs that are left out of them: `development`."""

    bank: list[str]
    wanted: list[tuple[str, str, int]]
    development: list[Pair]


@dataclass(frozen=True)
class Sentences:
    """Phones of written sentences, uint8, delimited by `starts` (n + 1,); `answer` (n,) is the row of the bank
    with the vector of each, `language` (n,) what it is read in."""

    phones: np.ndarray
    starts: np.ndarray
    answer: np.ndarray
    language: np.ndarray

    def __len__(self) -> int:
        return len(self.answer)

    def __getitem__(self, row: int) -> np.ndarray:
        return self.phones[self.starts[row] : self.starts[row + 1]]


def texts_of(data: Path | None, most: int) -> Texts:
    """At most `most` English texts, those with translations first, all of their translations, and the texts of the
    training split of real speech. None of them is spoken in a held-out split, or stands in FLORES."""
    folder = data_folder(data)
    speech = clips(folder)
    exclude = {key(clip.text) for clip in speech if clip.split != "train"}
    pairs = training_pairs(folder / "parallel", READ_LANGUAGES, exclude)
    taken: Counter[str] = Counter()
    chosen = []
    for place in np.random.default_rng(0).permutation(len(pairs)):
        pair = pairs[place]
        if taken[pair.language] < MOST_PAIRS:
            taken[pair.language] += 1
            chosen.append(pair)
    development = [pair for pair in chosen if is_development(pair.english)]
    chosen = [pair for pair in chosen if not is_development(pair.english)]
    translated = Counter(pair.english for pair in chosen)
    training = [clip for clip in speech if clip.split == "train"]
    others = [text for text in english_sentences(folder / "parallel", exclude) if not is_development(text)]
    english = list(dict.fromkeys([*(text for text, _ in translated.most_common()), *others]))[:most]
    bank = list(dict.fromkeys([" ".join(text.split()) for text in [*(clip.text for clip in training), *english]]))
    rows = {text: row for row, text in enumerate(bank)}
    wanted = [(clip.text, clip.language, rows[" ".join(clip.text.split())]) for clip in training]
    wanted += [(text, "en", rows[" ".join(text.split())]) for text in english]
    wanted += [
        (pair.other, pair.language, rows[" ".join(pair.english.split())])
        for pair in chosen
        if " ".join(pair.english.split()) in rows
    ]
    return Texts(bank, list(dict.fromkeys(wanted)), development)


def phonetic_sentences(texts: Texts, cache: Path) -> Sentences:
    """The texts as phones; stored in `cache`."""
    if cache.exists():
        with np.load(cache) as arrays:
            return Sentences(**dict(arrays))
    spelled, answers, languages = [], [], []
    for text, language, row in sorted(texts.wanted, key=lambda one: one[1]):  # changing the language takes time
        try:
            phones = inventory.from_text(text, language)
        except ClaspError:
            continue
        if SHORTEST <= len(phones) <= LONGEST:
            spelled.append(phones.astype(np.uint8))
            answers.append(row)
            languages.append(language)
    sentences = Sentences(
        np.concatenate(spelled), np.concatenate([[0], np.cumsum([len(part) for part in spelled])]),
        np.array(answers), np.array(languages),
    )  # fmt: skip
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, **vars(sentences))
    return sentences


def frequent_ngrams(sentences: Sentences, most: int, seed: int = 0) -> np.ndarray:
    """Keys (as `phones.ngrams.ngram_keys` makes them) of the runs of phones that occur most often, sorted int64.

    English counts threefold: it has most of the speech.
    """
    import torch

    counts: dict[int, int] = {}
    rows = np.random.default_rng(seed).permutation(len(sentences))[:300_000]
    english = sentences.language[rows] == "en"
    for weight, chosen in ((1, rows[~english]), (3, rows[english])):
        parts = [sentences[row] for row in chosen]
        if not parts:
            continue
        joined = np.concatenate([np.append(part, 0) for part in parts]).astype(np.int64)  # 0 parts the sentences
        found, times = np.unique(ngram_keys(torch.from_numpy(joined)[None]).numpy(), return_counts=True)
        for run, count in zip(found[times > 2].tolist(), times[times > 2].tolist(), strict=True):
            counts[run] = counts.get(run, 0) + weight * count
    counts.pop(-1, None)
    # a longer run tells more: it may be rarer by its length
    length = {run: 1 + sum(run >> (7 * order) > 0 for order in ORDERS[:-1]) for run in counts}
    best = sorted(counts, key=lambda run: -counts[run] * length[run])[:most]
    return np.sort(np.array(best, np.int64))


def generic_confusions() -> np.ndarray:
    """Confusions before any are measured: a phone is deleted (10 %) or taken for any other (15 %) alike, and one is
    inserted at one place in twenty."""
    count = len(INVENTORY)
    matrix = np.full((count, count), 0.15 / (count - 2))
    np.fill_diagonal(matrix, 0.75)
    matrix[:, 0] = 0.10
    matrix[0] = 0.05 / (count - 1)
    matrix[0, 0] = 0.95
    return matrix.astype(np.float32)


def simulate_asr_errors(parts: list[np.ndarray], confusions: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Phones (uint8) as they might be recognized, each sentence with a severity of its own from 0 (as written) to 1
    (as often confused as measured)."""
    lengths = np.array([len(part) for part in parts])
    written = np.concatenate(parts).astype(np.int64)
    severity = np.repeat(rng.uniform(0, 1, len(parts)), lengths)
    cumulative = confusions.cumsum(1)

    def confused(phones: np.ndarray) -> np.ndarray:
        drawn = (cumulative[phones] < rng.random(len(phones))[:, None]).sum(1).clip(max=len(confusions) - 1)
        return np.where(rng.random(len(phones)) < severity, drawn, phones)

    slots = np.stack([confused(written), confused(np.zeros_like(written))], 1).ravel()  # an insertion after each phone
    bounds = 2 * np.cumsum(lengths)[:-1]
    return [part[part > 0] for part in np.split(slots, bounds)]
