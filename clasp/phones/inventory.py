"""Phones: the one inventory of sounds that text and speech of every language share.

Letters become phones by espeak-ng's rules; speech becomes phones by the speech backbone. A phone is one IPA
base letter: stress, length, tone and diacritics are dropped, near-identical letters are folded, a letter
twice in a row counts once.
"""

import re
import unicodedata

import numpy as np

from clasp.errors import ModelError
from clasp.text import espeak

BLANK = 0
INVENTORY = (
    "",
    *"aɑæɐʌəɚɜɛeɪiɨyʏɯuʊoɔɒøœ",  # vowels
    *"pbtdʈɖcɟkɡqʔmnɳɲŋ",  # stops and nasals
    *"fvθðszʃʒʂʐɕʑçxɣχʁħʕhβ",  # fricatives
    *"lɹɾrɽʎjwʋ",  # liquids and glides
)
"""Phone of each id; id 0 is silence, and the blank of the recognizer."""

SHARPENED = 1.67  # power of the probabilities from which readings are drawn

_FOLDED = {
    "ɭ": "l",
    "ɫ": "l",
    "ᵻ": "ɪ",
    "ɵ": "ø",
    "ɴ": "ŋ",
    "ɸ": "f",
    "ʝ": "j",
    "g": "ɡ",
    "ɝ": "ɚ",
    "ɬ": "l",
    "ʍ": "w",
}
_IDS = {phone: number for number, phone in enumerate(INVENTORY)} | {
    letter: INVENTORY.index(phone) for letter, phone in _FOLDED.items()
}
_SWITCHED = re.compile(r"\([a-z-]+\)")  # a change of language


def from_text(text: str, language: str) -> np.ndarray:
    """Phone ids, int64 (n,), of `text` read in `language` (a BCP-47 tag); empty where nothing can be pronounced.

    Raises:
        ModelError: if espeak-ng does not speak the language.
    """
    try:
        clauses = espeak.phonemes(text, language)
    except ValueError:
        raise ModelError(
            f"No letter-to-sound rules for language {language!r}: give one that espeak-ng speaks."
        ) from None
    return collapse(ids(_SWITCHED.sub(" ", " ".join(clauses))))


def ids(ipa: str) -> tuple[int, ...]:
    """Phone ids of an IPA string, letter by letter; what is not in the inventory is dropped."""
    return tuple(_IDS[letter] for letter in unicodedata.normalize("NFD", ipa) if letter in _IDS)


def collapse(phones: tuple[int, ...] | list[int] | np.ndarray) -> np.ndarray:
    """`phones` without immediate repeats, int64."""
    array = np.asarray(phones, np.int64)
    return array[np.concatenate([[True], array[1:] != array[:-1]])] if len(array) else array


def to_ipa(phones: np.ndarray) -> str:
    """The IPA letters of phone ids."""
    return "".join(INVENTORY[phone] for phone in phones)


def readings(phones: np.ndarray, count: int) -> np.ndarray:
    """Plausible readings of recognized phones: the likeliest one, and others in which doubtful phones change.

    Args:
        phones: float (phones, len(INVENTORY)), as `collapse_posteriors` gives it.

    Returns:
        int64 (count, phones), the same for the same input.
    """
    sharpened = phones.astype(np.float32) ** SHARPENED  # doubt among recognized phones is overstated
    order = np.argsort(-sharpened, axis=1, kind="stable")  # (phones, inventory)
    shares = np.take_along_axis(sharpened, order, axis=1)
    reach = np.cumsum(shares / shares.sum(axis=1, keepdims=True).clip(1e-9), axis=1)
    offsets = np.arange(len(phones)) * 0.618034  # neighbouring phones change in different readings
    levels = (np.arange(count)[:, None] + offsets % 1) / count  # (count, phones), evenly over [0, 1)
    levels[:1] = 0
    chosen = (levels[..., None] >= reach).sum(-1).clip(max=phones.shape[1] - 1)  # (count, phones)
    return order[np.arange(len(phones)), chosen]


def collapse_posteriors(posteriors: np.ndarray) -> np.ndarray:
    """Recognized phones of one utterance as distributions, one row per phone.

    Args:
        posteriors: float (frames, len(INVENTORY)), the recognizer's probabilities.

    Returns:
        float32 (phones, len(INVENTORY)): the mean of each run of frames with the same best phone, silence
        dropped and the rest renormalised. Its row-wise argmax is the recognized phone sequence.
    """
    best = posteriors.argmax(-1)
    if not len(best):
        return np.zeros((0, len(INVENTORY)), np.float32)
    starts = np.flatnonzero(np.concatenate([[True], best[1:] != best[:-1]]))
    lengths = np.diff(np.append(starts, len(best)))
    means = np.add.reduceat(posteriors.astype(np.float32), starts, 0) / lengths[:, None]
    means = means[best[starts] != BLANK]
    means[:, BLANK] = 0
    return (means / means.sum(-1, keepdims=True).clip(1e-6)).astype(np.float32)
