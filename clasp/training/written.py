"""Written sentences as the recogniser might hear them: phones by rule, with its measured confusions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import phones
from ..errors import ClaspError
from ..phones import INVENTORY
from ..word_encoder import ORDERS
from .distil import texts_of
from .parallel import key


@dataclass(frozen=True)
class Sentences:
    """Phones of written sentences, uint8, delimited by `starts` (n + 1,); `answer` (n,) is the row of the bank
    whose vector each one means, `english` (n,) whether it is the English sentence itself."""

    phones: np.ndarray
    starts: np.ndarray
    answer: np.ndarray
    english: np.ndarray

    def __len__(self) -> int:
        return len(self.answer)


def sentences(bank: list[str], data: Path, cache: Path) -> Sentences:
    """Every English text of the bank and every translation of one, as phones; kept in `cache`."""
    if cache.exists():
        with np.load(cache) as arrays:
            return Sentences(**dict(arrays))
    pairs = texts_of(data)[0]
    rows = {key(text): row for row, text in enumerate(bank)}
    wanted = [(text, "en", row) for row, text in enumerate(bank)]
    wanted += [
        (pair.other, pair.language, rows[key(pair.english)]) for pair in pairs if key(pair.english) in rows
    ]
    spelled, answers, english = [], [], []
    for text, language, row in wanted:
        try:
            spoken = phones.from_text(text, language)
        except ClaspError:
            continue
        if 4 <= len(spoken) <= 250:
            spelled.append(spoken.astype(np.uint8))
            answers.append(row)
            english.append(language == "en")
    made = Sentences(
        np.concatenate(spelled), np.concatenate([[0], np.cumsum([len(part) for part in spelled])]),
        np.array(answers), np.array(english),
    )  # fmt: skip
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, **vars(made))
    return made


def frequent_runs(made: Sentences, most: int, seed: int = 0) -> np.ndarray:
    """Keys (as `word_encoder.run_keys` makes them) of the runs of phones that occur most often, sorted int64.

    English counts threefold: it has most of the speech.
    """
    import torch

    from ..word_encoder import run_keys

    draw = np.random.default_rng(seed)
    counts: dict[int, int] = {}
    rows = draw.permutation(len(made))[:150_000]
    weights = np.where(made.english, 3, 1)
    for weight in (1, 3):
        chosen = [
            made.phones[made.starts[row] : made.starts[row + 1]] for row in rows if weights[row] == weight
        ]
        joined = np.concatenate([np.append(part, 0) for part in chosen]).astype(
            np.int64
        )  # 0 parts the sentences
        found, times = np.unique(run_keys(torch.from_numpy(joined)[None]).numpy(), return_counts=True)
        for run, count in zip(found[times > 2].tolist(), times[times > 2].tolist(), strict=True):
            counts[run] = counts.get(run, 0) + weight * count
    counts.pop(-1, None)
    # a longer run tells more: it may be rarer by its length
    length = {run: 1 + sum(run >> (7 * order) > 0 for order in ORDERS[:-1]) for run in counts}
    best = sorted(counts, key=lambda run: -counts[run] * length[run])[:most]
    return np.sort(np.array(best, np.int64))


def generic_confusions() -> np.ndarray:
    """Confusions before any are measured: a phone is lost (10 %) or taken for any other (15 %) alike, and one is
    imagined at one place in twenty."""
    count = len(INVENTORY)
    matrix = np.full((count, count), 0.15 / (count - 2))
    np.fill_diagonal(matrix, 0.75)
    matrix[:, 0] = 0.10
    matrix[0] = 0.05 / (count - 1)
    matrix[0, 0] = 0.95
    return matrix.astype(np.float32)


def misheard(parts: list[np.ndarray], confusions: np.ndarray, draw: np.random.Generator) -> list[np.ndarray]:
    """Phones (uint8) as they might be heard, each sentence with a severity of its own from 0 (as written) to 1 (as
    often confused as measured)."""
    lengths = np.array([len(part) for part in parts])
    written = np.concatenate(parts).astype(np.int64)
    severity = np.repeat(draw.uniform(0, 1, len(parts)), lengths)
    cumulative = confusions.cumsum(1)
    replaced = (cumulative[written] < draw.random(len(written))[:, None]).sum(1).clip(max=len(confusions) - 1)
    kept = np.where(draw.random(len(written)) < severity, replaced, written)
    silent = np.zeros(len(written), np.int64)
    imagined = (cumulative[silent] < draw.random(len(written))[:, None]).sum(1).clip(max=len(confusions) - 1)
    imagined = np.where(draw.random(len(written)) < severity, imagined, 0)
    slots = np.stack([kept, imagined], 1).ravel()  # after every phone there is room for an imagined one
    bounds = 2 * np.cumsum(lengths)[:-1]
    return [part[part > 0] for part in np.split(slots, bounds)]
