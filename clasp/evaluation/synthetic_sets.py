"""What is asked of synthetic speech: held-out sentences, said by voices of the training and by others, in 60 languages.

The choice of sentences is fixed by hashes, so that a set is the same on every machine.
"""

import csv
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from clasp.evaluation.query_sets import Floor, Query, QuerySet, Text
from clasp.evaluation.utterances import Utterance, distinct, spoken
from clasp.training.data import corpora, parallel
from clasp.training.data.items import SPOKEN_LANGUAGES
from clasp.training.data.synthesis import HELD_OUT_VOICES, TRAINING_VOICES, Voice, espeak_voice

PARAPHRASES = Path(__file__).parent / "paraphrases.tsv"
WORDS = range(5, 31)  # length of a Brown or FLORES sentence in an evaluation
POOL = 1000  # Brown sentences
FLORES = 500  # English FLORES sentences
FOREIGN = 300  # FLORES sentences of every other language
ASKED_FOR = ("fr", "de", "es", "zh", "fa")  # languages whose texts must find English speech


def training_voices(data: Path) -> list[QuerySet]:
    """Brown sentences in the voices of the training."""
    pool, floors = brown(data, "test", POOL, TRAINING_VOICES), {"search": (0.98, None), "direct": (0.70, None)}
    return [replace(_own_words("training-voices", "English, training voices", pool, floors), grouped=True)]


def new_engine(data: Path) -> list[QuerySet]:
    """Brown sentences by an engine that no training uses, each voice by itself among both."""
    pool = brown(data, "test", POOL, HELD_OUT_VOICES)
    sets = []
    for voice in HELD_OUT_VOICES:
        name, title = f"new-engine-{voice.name}", f"English, new engine, voice {voice.name}"
        whole = _own_words(name, title, pool, {"search": (0.90, None)})
        queries = tuple(query for query in whole.queries if pool[min(query.answers)].source == voice)
        sets.append(replace(whole, queries=queries))
    return sets


def speech_to_speech(data: Path) -> list[QuerySet]:
    """Brown sentences, asked aloud by the new engine, said by the voices of the training."""
    asking, pool = (brown(data, "test", POOL, voices) for voices in (HELD_OUT_VOICES, TRAINING_VOICES))
    queries = tuple(Query(one, frozenset([place])) for place, one in enumerate(asking))
    return [QuerySet("speech-to-speech", "new engine asks training voices", queries, pool)]


def paraphrases(data: Path) -> list[QuerySet]:
    """What the voices of the training say, asked for in other words; held-out Brown sentences fill up the pool."""
    with PARAPHRASES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    voices = [TRAINING_VOICES[number % len(TRAINING_VOICES)] for number in range(len(rows))]
    chosen = [Utterance(row["said"], "en", voice, row["category"]) for row, voice in zip(rows, voices, strict=True)]
    pool = (*chosen, *brown(data, "test", POOL - len(rows), TRAINING_VOICES))
    queries = tuple(Query(Text(row["asked"], "en"), frozenset([place])) for place, row in enumerate(rows))
    floors = dict.fromkeys(("fused", "search"), (None, 0.85))
    return [QuerySet("paraphrases", "hard paraphrases, training voices", queries, pool, floors, grouped=True)]


def texts(data: Path) -> list[QuerySet]:
    """English FLORES sentences in the voices of the training, asked for in every language."""
    complete = [text for text, others in flores(data).items() if len(others) == len(parallel.LANGUAGES)]
    pool = spoken([text for text in complete if len(text.split()) in WORDS], FLORES, TRAINING_VOICES)
    sets = [_own_words("text-en", "FLORES sentences", pool, {})]
    for language in parallel.LANGUAGES:
        queries = tuple(
            Query(Text(flores(data)[one.text][language], language), frozenset([place]))
            for place, one in enumerate(pool)
        )
        floors: dict[str, Floor] = {"direct": (0.40, None)} if language in ASKED_FOR else {}
        sets.append(QuerySet(f"text-{language}", f"{language} text → English speech", queries, pool, floors))
    return sets


def foreign(data: Path) -> list[QuerySet]:
    """FLORES sentences in every language but English, each said by an espeak-ng voice of its own."""
    sets = []
    for language in SPOKEN_LANGUAGES:
        found = {text: others[language] for text, others in flores(data).items() if language in others}
        english = distinct([text for text in found if len(text.split()) in WORDS], FOREIGN, str)
        sentences = distinct([found[text] for text in english], FOREIGN, str)
        pool = tuple(Utterance(text, language, espeak_voice(language, text)) for text in sentences)
        sets.append(_own_words(f"spoken-{language}", f"{language} synthetic speech", pool, {}))
    return sets


FAMILIES: dict[str, Callable[[Path], list[QuerySet]]] = {
    "training-voices": training_voices,
    "new-engine": new_engine,
    "speech-to-speech": speech_to_speech,
    "paraphrases": paraphrases,
    "text": texts,
    "spoken": foreign,
}


def brown(data: Path, split: str, count: int, voices: Sequence[Voice]) -> tuple[Utterance, ...]:
    """`count` Brown sentences of a split, the voices taking turns."""
    eligible = [one for one in corpora.brown(data) if one.split == split and len(one.text.split()) in WORDS]
    category = {sentence.text: sentence.category for sentence in eligible}
    return tuple(replace(one, category=category[one.text]) for one in spoken(category, count, voices))


@functools.cache
def flores(data: Path) -> dict[str, dict[str, str]]:
    """The English FLORES sentences, each with its translations: language -> text. Some lack a language."""
    found: dict[str, dict[str, str]] = {}
    for pair in parallel.read(data / "parallel", parallel.FLORES, parallel.LANGUAGES):
        found.setdefault(pair.english, {})[pair.language] = pair.other
    return found


def _own_words(name: str, title: str, pool: tuple[Utterance, ...], floors: Mapping[str, Floor]) -> QuerySet:
    """Every utterance, asked for by what is said in it."""
    queries = tuple(Query(Text(one.text, one.language), frozenset([place])) for place, one in enumerate(pool))
    return QuerySet(name, title, queries, pool, floors, own_words=True)
