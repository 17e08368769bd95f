"""What the library that ships finds with the model that ships: its examples, and queries that nobody chose for it."""

import csv
from collections.abc import Iterator

import pytest

import clasp
from index.demo import DEMO, open_demo
from index.hit import Hit
from index.library import Library
from index.search import encode, search
from ui.search import examples

PARAPHRASES = {
    "He brought light to the port so that the lad could be rescued from between boat and wall.": "orpheum-027",
    "Whoever paid ten pounds had a place of their own, with a plate to say so.": "orpheum-038",
    "The fishermen financed the new building with part of what they caught.": "orpheum-079",
    "When measuring my body, the man who makes suits let out two disappointed breaths.": "humor-33",
    "In somebody's luggage there were hundreds of turtles.": "news-38",
    "Good behaviour takes a young dog far longer than learning what it is called.": "hobbies-31",
    "Let us have parking below ground and the children's equipment above it.": "meeting-15",
    "The pet was wrongly suspected of having taken the dentures.": "lost_property-13",
    "A volcanic eruption has left a black layer in the ice.": "glacier-07",
    "The lodger froze so much that he made his bed in the washroom.": "fiction-38",
}
TRANSLATIONS = {  # what is asked in one language and said in another
    "Der Filmvorführer schleppte die Bogenlampe zum Hafen hinunter.": "orpheum-027",
    "My grandfather always lost at cards.": "guitar-10",
    "It was a shot, and it came in from the back.": "guitar-12",
    "A Swiss customs officer found the bird asleep in his cap.": "night_train-09",
    "Une enfant est née pendant la scène du mariage.": "orpheum-063",
    "Pongan los coches debajo y los columpios encima.": "meeting-15",
    "An elephant walked into the village school and drank up all the water.": "zh-19",
    "Il cuoco è caduto in un crepaccio fino alle ascelle.": "glacier-13",
    "Soak the rice in salted water for a few hours before you cook it.": "fa-16",
    "Whoever hangs up laundry between Christmas and Epiphany will catch bad luck.": "de-22",
}


@pytest.fixture(scope="module")
def library(bundled: clasp.Clasp) -> Iterator[Library]:
    with open_demo(bundled) as library:
        yield library


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    """The id of each utterance in texts.tsv, by the name that a library gives it."""
    with (DEMO / "segments.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {f"{row['recording']}@{float(row['start']):.2f}": row["id"] for row in rows}


def found(library: Library, bundled: clasp.Clasp, names: dict[str, str], **query: object) -> list[tuple[str, Hit]]:
    """The hits of a query, with the ids that they have in texts.tsv."""
    hits = search(library, bundled, encode(bundled, **query), k=10).hits
    return [(names.get(hit.segment.name, hit.recording.id), hit) for hit in hits]


def test_the_first_answer_of_every_example_on_the_page_is_right_and_strong(library, bundled, names) -> None:
    with (DEMO / "examples.tsv").open(encoding="utf-8", newline="") as file:
        expected = [row["expected"].split() for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    shown = examples.read()
    assert len(shown) == examples.COUNT
    for example, right in zip(shown, expected, strict=False):
        query = {"waveform": clasp.decode(example.file)} if example.file else {"text": example.query}
        name, hit = found(library, bundled, names, **query)[0]
        assert name == right[0] and hit.strong, (example, name, hit.probability)


@pytest.mark.parametrize(
    ("queries", "least"), [(PARAPHRASES, 7), (TRANSLATIONS, 8)], ids=["in other words", "in another language"]
)
def test_what_was_meant_is_possible_and_among_the_first_three(library, bundled, names, queries, least) -> None:
    first = {query: found(library, bundled, names, text=query)[:3] for query in queries}
    right = [
        query for query, hits in first.items() if (queries[query], True) in [(one, hit.possible) for one, hit in hits]
    ]
    assert len(right) >= least, queries.keys() - right


def test_five_words_out_of_a_long_sentence_find_it_surely(library, bundled, names) -> None:
    with (DEMO / "segments.tsv").open(encoding="utf-8", newline="") as file:
        said = {row["id"]: row["text"].split() for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    quotes = {" ".join(text[5:10]): name for name, text in said.items() if len(text) >= 15}
    first = {quote: found(library, bundled, names, text=quote)[0] for quote in quotes}
    missed = [quote for quote, (name, hit) in first.items() if name != quotes[quote] or not hit.strong]
    assert len(quotes) >= 30 and len(missed) <= 0.05 * len(quotes), missed
