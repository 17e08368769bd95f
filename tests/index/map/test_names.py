import numpy as np

from index.map.names import NAME_WORDS, keywords, name_regions, words

SHIP = [f"The captain of ship number {n} never saw the reef in the storm." for n in range(9)]
SCHIFF = [f"Der Kapitän von Schiff Nummer {n} hat das Riff im Sturm nie gesehen." for n in range(20)]
BROT = [f"Der Bäcker hat den Teig für Brot Nummer {n} nie geknetet." for n in range(20)]


def test_words_of_any_script():
    assert words("“Lentils,” she said: LENTILS (24 of them)!") == {"lentils", "she", "said", "them"}
    assert words("हिन्दी में, नमस्ते।") == {"हिन्दी", "में", "नमस्ते"}
    assert words("مرحبا، بالعالم!") == {"مرحبا", "بالعالم"}
    assert words("don't re-use it — ever") == {"don't", "re-use", "ever"}
    assert words("東京の港へ") == {"東京"}  # の, 港 and へ are single letters
    assert words("望远镜") == {"望远", "远镜", "望远镜"}
    assert words(" … 12 ?") == set()


def test_keywords_tell_a_class_from_the_others():
    ferries = [f"um the ferry to island {n} um sailed" for n in range(10)]
    bakers = [f"um the baker of street {n} um sold bread" for n in range(10)]
    found = keywords([ferries, bakers], [*ferries, *bakers, *(f"um the weather number {n}" for n in range(200))])
    assert set(found[0]) == {"ferry", "island", "sailed"} and set(found[1]) <= {"baker", "street", "sold", "bread"}
    assert keywords([ferries[:2]], ferries) == [[]]  # too few to tell
    chinese = [f"望远镜里的星云{n}" for n in "甲乙丙丁戊己"], [f"船长在风暴中{n}" for n in "甲乙丙丁戊己"]
    found = keywords(chinese, [*chinese[0], *chinese[1]])
    assert "望远镜里" in found[0] and all(len(one) <= NAME_WORDS for one in found)


def test_a_region_speaks_its_own_language_and_english():
    """The English transcripts near to a region name it, too, wherever they are drawn; there, many lie apart."""
    texts = [*SCHIFF, *BROT, *SHIP]
    languages = ["de"] * 40 + ["en-GB"] * 9
    vectors = np.eye(3, dtype=np.float32)[[0] * 20 + [1] * 20 + [0] * 9]
    ship, bread = name_regions([np.arange(20), np.arange(20, 40)], vectors, texts, [""] * 49, languages)
    assert ship.kind == "words" and set(ship.name.split(", ")) <= {"kapitän", "schiff", "riff", "sturm", "gesehen"}
    assert set(ship.english.split(", ")) <= {"captain", "ship", "reef", "storm"} and ship.english
    assert set(bread.name.split(", ")) <= {"bäcker", "teig", "brot", "geknetet"} and bread.english == ""
    (english,) = name_regions([np.arange(40, 49)], vectors, texts, [""] * 49, languages)
    assert english.english == ""  # its name is English


def test_without_transcripts_a_category_or_languages():
    vectors = np.ones((60, 1), np.float32)
    members = [np.arange(20), np.arange(20, 40)]
    categories, languages = ["news"] * 20 + [""] * 40, ["en"] * 20 + ["de"] * 20 + ["en"] * 20
    found = name_regions(members, vectors, [""] * 60, categories, languages)
    assert [(one.name, one.kind) for one in found] == [("news", "category"), ("de", "language")]
    (nothing,) = name_regions([np.arange(60)], vectors, [""] * 60, [""] * 60, [""] * 60)
    assert (nothing.name, nothing.kind) == ("", "")
