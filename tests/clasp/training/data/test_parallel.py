"""Reading parallel text: what is kept, what is dropped, what is refused."""

import io
import tarfile
from pathlib import Path

import pytest

from clasp.errors import DataError
from clasp.training.data.parallel import english_sentences, flores, key, read, training_pairs


def pack(folder: Path, source: str, files: dict[str, str]) -> None:
    with tarfile.open(folder / f"{source}.tar.xz", "w:xz") as tar:
        for language, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(f"{source}/{language}.tsv")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pack(tmp_path, "xcopa", {"de": "A cat sleeps.\tEine Katze schläft.\nno second column\nA dog.\tEin Hund.\n"})
    pack(tmp_path, "tico19", {"prs": "Wash your hands.\tدستان خود را بشویید\n", "am": "Wash.\tታጠቡ\n"})
    pack(tmp_path, "flores_devtest", {"de": "The river rose.\tDer Fluss stieg.\n"})
    stories = "a cat sleeps\tEine Katze schläft!\nThe river rose!\tDer Fluss schwoll an.\nIt rose.\tDer Fluss stieg\n"
    pack(tmp_path, "storybooks_ccby", {"de": stories})
    return tmp_path


def test_read_keeps_only_whole_pairs_of_the_languages_asked_for(folder):
    assert [pair[:3] for pair in read(folder, "xcopa", {"de"})] == [
        ("A cat sleeps.", "Eine Katze schläft.", "de"),
        ("A dog.", "Ein Hund.", "de"),
    ]
    assert list(read(folder, "xcopa", {"fr"})) == []


def test_training_pairs_are_distinct_and_free_of_test_sentences(folder):
    pairs = training_pairs(folder, {"de", "fa"}, exclude={key("a DOG")})
    assert [(pair.english, pair.language) for pair in pairs] == [
        ("Wash your hands.", "fa"),  # Dari counts as Persian
        ("A cat sleeps.", "de"),  # once, though two sources have it
    ]


def test_english_sentences_drop_flores_and_put_the_most_translated_first(folder):
    assert english_sentences(folder) == ["A cat sleeps.", "Wash your hands.", "Wash.", "A dog.", "It rose."]


def test_flores_is_read_for_evaluation(folder):
    assert [pair.other for pair in flores(folder, "de")] == ["Der Fluss stieg."]


def test_missing_and_damaged_archives_are_refused(folder):
    with pytest.raises(DataError, match="No parallel text"):
        list(read(folder, "bible_open"))
    whole = (folder / "xcopa.tar.xz").read_bytes()
    (folder / "xcopa.tar.xz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be read"):
        list(read(folder, "xcopa"))
