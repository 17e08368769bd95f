"""What people would ask of real recordings: held-out clips of every corpus, and the queries that should find them.

    for asked in own_words(data):
        print(asked.name, len(asked.queries), "queries,", len(asked.pool), "recordings")

The texts in `texts/*.tsv` were written for this project. They name clips by corpus and clip id; what is said in a clip
stays with the data. Only held-out clips are asked for (see `training.corpora`): of the test split wherever it suffices;
Italian and Russian, of which little is held out, with the validation split. Every other recording of a pool is only
there to be mistaken. Recordings of equal sentences are all correct.

Nobody has validated the Persian recordings; the ones that are asked for in writing were checked to be what they say.
"""

import csv
import functools
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from clasp.errors import DataError
from clasp.evaluation.distortions import Babble, Distorted, Distortion, SecondVoice, Telephone, WhiteNoise, voices
from clasp.evaluation.query_sets import Contrast, ContrastSet, Floor, Query, QuerySet, Text
from clasp.evaluation.utterances import Utterance, label
from clasp.training.data import corpora
from clasp.training.data.clips import Clip

TEXTS = Path(__file__).parent / "texts"
VALIDATION_TOPICS = Path(__file__).parent / "validation_topics.tsv"
SPLITS = ("test", "validation", "train")
EVERY = 10_000  # more recordings than a corpus has
POOLS: dict[str, tuple[tuple[str, ...], int]] = {  # language: corpora, recordings of distinct sentences
    "en": (("en-commonvoice13", "en-speechocean", "en-ljspeech", "en-kathleen"), 1000),
    "fr": (("fr-commonvoice17",), 500),
    "de": (("de-kerstin",), 200),
    "nl": (("nl-nathalie",), 200),
    "it": (("it-asterisk-sounds",), EVERY),
    "ru": (("ru-asterisk-sounds",), EVERY),
    "zh": (("zh-aishell-sample",), 380),
    "fa": (("fa-commonvoice", "fa-commonvoice-unvalidated"), 500),
    "uz": (("uz-commonvoice",), EVERY),
}
TRANSLATED = ("fr", "de", "nl", "fa", "zh", "it", "ru")  # languages whose recordings are asked for in English
SWITCHED = ("en", "fr", "de", "nl")  # languages of the pool that is asked in two languages at once
FEW = 40  # queries below which the validation split asks as well
SHORT = 40  # queries of one, of two and of three words
NAMES = 60  # queries that are names
EXCERPTS = 80  # queries of each of three lengths
LETTERS = 4  # of a name, and of the words with which a short query begins and ends, at least
COMMON = 5  # recordings in which a word is said with which a short query begins or ends, at most
DISTORTED = 300  # recordings that are distorted
VOICES = 48  # speakers of whom babble and second voices are made
SAME_SENTENCE = 300  # recordings among which the same sentence in another voice is looked for
SUREST = ("en", "fr", "de", "nl")  # languages of which every recording should be found by its words


@functools.cache
def recordings(data: Path, language: str) -> tuple[Utterance, ...]:
    """The pool of a language: recordings of distinct sentences, those of the test split first, then those of the
    validation split, then others; in each, those that a text names before the others, in the order of hashes."""
    names, count = POOLS[language]

    def order(clip: Clip) -> tuple[int, bool, bytes]:
        key = f"{clip.corpus}/{clip.id}"
        return SPLITS.index(clip.split), key not in _named(), hashlib.sha256(key.encode()).digest()

    distinct: dict[str, Clip] = {}
    for clip in sorted(corpora.clips(data, names), key=order):
        distinct.setdefault(label(clip.text), clip)
    return tuple(Utterance(clip.text, clip.language, clip) for clip in list(distinct.values())[:count])


def own_words(data: Path) -> list[QuerySet]:
    """Every held-out recording is asked for by what is said in it."""
    return [
        QuerySet(
            f"real-own-words-{language}", f"own words, {language}", _own_words(pool), pool,
            {"search": (0.99 if language in SUREST else 0.95, None)}, grouped=True, own_words=True,
        )
        for language in POOLS
        if (pool := recordings(data, language))
    ]  # fmt: skip


def paraphrases(data: Path) -> list[QuerySet]:
    """English recordings are asked for in other words."""
    pool = recordings(data, "en")
    queries = _written(data, "paraphrases.tsv", pool)
    floors = {"direct": (0.40, 0.70), "fused": (0.75, 0.92), "search": (0.75, 0.92)}
    return [QuerySet("real-paraphrases", "English in other words", queries, pool, floors)]


def questions(data: Path) -> list[QuerySet]:
    """Questions that are answered in an English recording."""
    pool = recordings(data, "en")
    return [QuerySet("real-questions", "questions and answers", _written(data, "questions.tsv", pool), pool)]


def topics(data: Path) -> list[QuerySet]:
    """Two or three words for what an English recording is about, hardly any of them said in it."""
    pool = recordings(data, "en")
    return [QuerySet("real-topics", "a topic in two or three words", _written(data, "topics.tsv", pool), pool)]


def validation_topics(data: Path, pool: Sequence[Utterance]) -> tuple[Query, ...]:
    """The same for recordings of the validation split, which a pool must hold: to calibrate by, not to measure."""
    return _written(data, VALIDATION_TOPICS, pool)


def translations(data: Path) -> list[QuerySet]:
    """Recordings in other languages are asked for in English."""
    found = []
    for language in TRANSLATED:
        pool = recordings(data, language)
        queries = _written(data, "translations.tsv", pool, POOLS[language][0])
        direct, fused = (0.25, 0.40) if language == "fa" else (0.40, 0.80)
        floors: dict[str, Floor] = {"direct": (direct, None), "fused": (fused, None), "search": (fused, None)}
        title = f"English text → {language} speech"
        found.append(QuerySet(f"real-translations-{language}", title, queries, pool, floors))
    return found


def code_switched(data: Path) -> list[QuerySet]:
    """Queries in two languages at once, asked of recordings in four."""
    pool = tuple(one for language in SWITCHED for one in recordings(data, language))
    return [QuerySet("real-code-switched", "two languages at once", _written(data, "code_switched.tsv", pool), pool)]


def names(data: Path) -> list[QuerySet]:
    """Names that are said in exactly one English recording."""
    pool = recordings(data, "en")
    queries = tuple(Query(Text(text, "en"), frozenset([place])) for text, place in unique_names(pool, NAMES))
    return [QuerySet("real-names", "names", queries, pool, {"search": (None, 0.80)})]


def short_queries(data: Path) -> list[QuerySet]:
    """One to three words that are said in exactly one English recording."""
    return [
        _phrases(data, f"real-short-{words}", f"{words} word{'s' * (words > 1)} of one recording", words, SHORT,
                 {"search": (None, 0.80)})
        for words in (1, 2, 3)
    ]  # fmt: skip


def excerpts(data: Path) -> list[QuerySet]:
    """Four to eight words out of English recordings that say more, each said in exactly one."""
    return [
        _phrases(data, f"real-excerpts-{words}", f"{words} words out of one recording", words, EXCERPTS, {})
        for words in (4, 6, 8)
    ]


def _phrases(data: Path, name: str, title: str, words: int, count: int, floors: dict[str, Floor]) -> QuerySet:
    """So many words at a time, each of another English recording."""
    pool = recordings(data, "en")
    found = unique_phrases(pool, words, count)
    queries = tuple(Query(Text(text, "en"), frozenset([place])) for text, place in found)
    return QuerySet(name, title, queries, pool, floors)


def contrasts(data: Path) -> list[ContrastSet]:
    """Pairs of texts of which one contradicts what is said, by a negation or by a number."""
    place = _places(recordings(data, "en"))
    found: dict[str, list[Contrast]] = defaultdict(list)
    for row, clips in _rows(data, "contrasts.tsv"):
        utterance = recordings(data, "en")[place[_key(clips[0])][0]]
        right, wrong = (Text(row[column], row["language"]) for column in ("right", "wrong"))
        found[row["kind"]].append(Contrast(utterance, right, wrong))
    floors = dict.fromkeys(("search", "fused"), (0.80, None))
    return [
        ContrastSet(f"real-contrasts-{kind}", f"right before wrong: {kind}", tuple(chosen), floors)
        for kind, chosen in found.items()
    ]


def same_sentence(data: Path) -> list[QuerySet]:
    """Persian sentences, spoken, find the same sentence in another voice; the only corpora that have many of these.

    What is found may be of a training speaker; those recordings are left out of training for their sentence.
    """
    every = [clip for name in POOLS["fa"][0] for clip in corpora.packed(data / "speech" / f"{name}.zip")]
    readings: dict[str, list[Clip]] = defaultdict(list)
    for clip in every:
        readings[label(clip.text)].append(clip)
    asked, pool = [], []
    for clips in readings.values():
        query = next((clip for clip in clips if clip.split == "test"), None)
        others = [clip for clip in clips if query is not None and clip.speaker != query.speaker]
        if query is not None and others:
            asked.append(query)
            pool.append(others[0])
    known = {label(clip.text) for clip in pool}
    pool += [_recorded(one) for one in recordings(data, "fa") if label(one.text) not in known]
    pool = pool[:SAME_SENTENCE]
    queries = tuple(
        Query(Utterance(clip.text, clip.language, clip), frozenset([place])) for place, clip in enumerate(asked)
    )
    chosen = tuple(Utterance(clip.text, clip.language, clip) for clip in pool)
    return [QuerySet("real-same-sentence", "fa speech → the same in another voice", queries, chosen)]


def spoken_translations(data: Path) -> list[QuerySet]:
    """Spoken Italian finds spoken Russian that says the same, and the reverse."""
    found: dict[str, list[Query]] = defaultdict(list)
    for row, clips in _rows(data, "spoken_translations.tsv"):
        other = row["other_corpus"]
        place = _places(recordings(data, other[:2]))
        right = [_clip(data, other, clip, row) for clip in row["other_clips"].split()]
        query = Utterance(clips[0].text, clips[0].language, clips[0])
        found[f"{row['corpus'][:2]}-{other[:2]}"].append(Query(query, _answers(place, right)))
    return [
        QuerySet(
            f"real-spoken-translations-{pair}", f"{pair[:2]} speech → {pair[3:]} speech", tuple(queries),
            recordings(data, pair[3:]),
        )
        for pair, queries in found.items()
    ]  # fmt: skip


def distorted(data: Path) -> list[QuerySet]:
    """English recordings that are hard to hear, asked for by their words and in other words; and the same, clean."""
    others = voices(corpora.clips(data, POOLS["en"][0]), VOICES)
    kinds: dict[str, tuple[str, Distortion | None]] = {
        "clean": ("clean", None),
        "white-10": ("white noise, 10 dB", WhiteNoise(10)),
        "white-0": ("white noise, 0 dB", WhiteNoise(0)),
        "babble-10": ("babble, 10 dB", Babble(10, others)),
        "babble-0": ("babble, 0 dB", Babble(0, others)),
        "telephone": ("telephone", Telephone()),
        "two-voices": ("two voices, 5 dB", SecondVoice(5, others)),
    }
    pool = recordings(data, "en")
    reworded = {min(query.answers): query for query in _written(data, "paraphrases.tsv", pool)}
    rest = [place for place, one in enumerate(pool) if place not in reworded and _recorded(one).split == "test"]
    chosen = [*reworded, *rest][:DISTORTED]
    clean = tuple(pool[place] for place in chosen)
    in_other_words = tuple(
        Query(reworded[place].asked, frozenset([number])) for number, place in enumerate(chosen) if place in reworded
    )
    found = []
    for name, (title, distortion) in kinds.items():
        utterances = clean
        if distortion is not None:
            utterances = tuple(replace(one, source=Distorted(_recorded(one), distortion)) for one in clean)
        found += [
            QuerySet(f"real-distorted-{name}", f"{title}: own words", _own_words(clean), utterances),
            QuerySet(f"real-distorted-{name}-paraphrases", f"{title}: in other words", in_other_words, utterances),
        ]
    return found


FAMILIES: dict[str, Callable[[Path], Sequence[QuerySet | ContrastSet]]] = {
    "real-own-words": own_words,
    "real-paraphrases": paraphrases,
    "real-questions": questions,
    "real-topics": topics,
    "real-names": names,
    "real-short": short_queries,
    "real-excerpts": excerpts,
    "real-contrasts": contrasts,
    "real-translations": translations,
    "real-code-switched": code_switched,
    "real-same-sentence": same_sentence,
    "real-spoken-translations": spoken_translations,
    "real-distorted": distorted,
}


def unique_phrases(pool: Sequence[Utterance], words: int, count: int) -> list[tuple[str, int]]:
    """`count` runs of so many words that are said in one recording of the pool alone, each of another held-out one.

    They begin and end with words of LETTERS letters or more that are said in few recordings; which are chosen is fixed
    by a seed.
    """
    spoken = [label(one.text).split() for one in pool]
    spread = Counter(word for one in spoken for word in set(one))

    def tells(run: list[str]) -> bool:
        ends = run[0], run[-1]
        return all(map(str.isalpha, run)) and all(len(word) >= LETTERS and spread[word] <= COMMON for word in ends)

    runs = [{" ".join(one[start : start + words]) for start in range(len(one) - words + 1)} for one in spoken]
    found = Counter(run for each in runs for run in each)
    whole = {" ".join(one) for one in spoken}
    eligible = [
        sorted(
            run for run in each
            if found[run] == 1 and run not in whole and tells(run.split()) and run in one.text.lower()  # no "isn t"
        )
        for one, each in zip(pool, runs, strict=True)
    ]  # fmt: skip
    return _drawn(pool, eligible, count)


def unique_names(pool: Sequence[Utterance], count: int) -> list[tuple[str, int]]:
    """`count` names of one or two words that occur in one recording of the pool alone, each of another held-out one.

    A name is what is capitalised within a sentence, and nowhere written small.
    """
    texts = [f" {label(one.text)} " for one in pool]
    small = {word for one in pool for word in re.findall(r"\b[a-z]+\b", one.text)}
    eligible = []
    for one in pool:
        inside = re.findall(r"(?<=[a-z,] )[A-Z][a-z]+(?: [A-Z][a-z]+)*", one.text)
        usual = [name for name in inside if len(name.split()) <= 2 and len(name) >= LETTERS]
        usual = [name for name in usual if not {word.lower() for word in name.split()} & small]
        eligible.append([name for name in usual if sum(f" {label(name)} " in text for text in texts) == 1])
    return _drawn(pool, eligible, count)


def _drawn(pool: Sequence[Utterance], eligible: Sequence[Sequence[str]], count: int) -> list[tuple[str, int]]:
    """One of the eligible texts of each of `count` test recordings, and the recording's place."""
    draw = np.random.default_rng(0)
    places = [place for place in draw.permutation(len(pool)).tolist() if _recorded(pool[place]).split == "test"]
    chosen = [place for place in places if eligible[place]][:count]
    return [(eligible[place][int(draw.integers(len(eligible[place])))], place) for place in chosen]


def _recorded(one: Utterance) -> Clip:
    """The recording that an utterance of a real set is."""
    assert isinstance(one.source, Clip)
    return one.source


def _own_words(pool: Sequence[Utterance]) -> tuple[Query, ...]:
    """Every recording of the test split by its words; of the validation split too, where the former are few."""
    for held_out in (("test",), ("test", "validation")):
        asked = [place for place, one in enumerate(pool) if _recorded(one).split in held_out]
        if len(asked) >= FEW:
            break
    return tuple(Query(Text(pool[place].text, pool[place].language), frozenset([place])) for place in asked)


def _written(
    data: Path, name: str | Path, pool: Sequence[Utterance], names: Sequence[str] | None = None
) -> tuple[Query, ...]:
    """Queries of a file, of the named corpora or of all."""
    place = _places(pool)
    rows = [(row, clips) for row, clips in _rows(data, name) if names is None or row["corpus"] in names]
    return tuple(
        Query(Text(row["text"], None if row["language"] == "mul" else row["language"]), _answers(place, clips))
        for row, clips in rows
    )


def _rows(data: Path, name: str | Path) -> list[tuple[dict[str, str], list[Clip]]]:
    """The rows of a file, each with the clips that it names: the first is held out, the others say the same.

    Raises:
        DataError: if a clip is not there, or the first not held out.
    """
    with (TEXTS / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = [(row, [_clip(data, row["corpus"], clip, row) for clip in row["clip"].split()]) for row in rows]
    for row, (first, *_) in found:
        if first.split == "train":
            raise DataError(f"{name}: {row['corpus']} {first.id} is in the training split: name a held-out clip.")
    return found


def _clip(data: Path, corpus: str, name: str, row: dict[str, str]) -> Clip:
    clip = _clips(data, corpus).get(name)
    if clip is None:
        raise DataError(f"There is no clip {name} in {corpus} (asked for by {row}): name one of its metadata.tsv.")
    return clip


@functools.cache
def _clips(data: Path, corpus: str) -> dict[str, Clip]:
    return {clip.id: clip for clip in corpora.packed(data / "speech" / f"{corpus}.zip")}


@functools.cache
def _named() -> frozenset[str]:
    """Corpus and id of every clip that a text names."""
    found: set[str] = set()
    for path in TEXTS.glob("*.tsv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                found.update(f"{row['corpus']}/{clip}" for clip in row["clip"].split())
    return frozenset(found)


def _places(pool: Sequence[Utterance]) -> dict[tuple[str, str], list[int]]:
    """Where in a pool a sentence is said."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, one in enumerate(pool):
        found[one.language, label(one.text)].append(place)
    return found


def _key(clip: Clip) -> tuple[str, str]:
    return clip.language, label(clip.text)


def _answers(places: dict[tuple[str, str], list[int]], clips: Iterable[Clip]) -> frozenset[int]:
    return frozenset(place for clip in clips for place in places[_key(clip)])
