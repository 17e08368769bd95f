"""The filters that a library offers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from index.library import Library
from tests.index.conftest import Identity, one_each, random_units
from ui import filters
from ui.filters import Offer
from ui.links import SearchSettings


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[..., Library]:
    """Makes a library of recordings in these languages."""

    def make(*languages: str) -> Library:
        recordings, segments = one_each(len(languages))
        recordings = [replace(one, language=tag) for one, tag in zip(recordings, languages, strict=True)]
        segments = [replace(one, language=tag) for one, tag in zip(segments, languages, strict=True)]
        library = Library.create(tmp_path / "library", Identity())
        library.add(recordings, segments, random_units(len(languages), 32))
        return library

    return make


def test_a_language_is_offered_once_and_its_variants_where_there_are_several(spoken: Callable[..., Library]) -> None:
    offers = filters.offers(spoken("en-US", "en-GB", "de-AT", "de-AT", ""), SearchSettings())["language"]
    assert offers == Offer(
        [
            ("English", "en"),
            ("English (United Kingdom)", "en-GB"),
            ("English (United States)", "en-US"),
            ("German", "de"),
        ],
        True,
    )


def test_one_language_is_no_choice_unless_some_recordings_have_none(spoken: Callable[..., Library]) -> None:
    offers = filters.offers(spoken("pt-BR", "pt-BR"), SearchSettings())
    assert offers["language"] == Offer([("Portuguese", "pt")], False)


def test_those_who_speak_in_a_part_of_a_recording_can_be_chosen(tmp_path: Path) -> None:
    recordings, segments = one_each(1)
    library = Library.create(tmp_path, Identity())
    library.add([replace(recordings[0], speaker="")], [replace(segments[0], speaker="Anna")], random_units(1, 32))
    assert filters.offers(library, SearchSettings())["speaker"] == Offer([("Anna", "Anna")], True)


def test_each_tag_can_be_chosen(spoken: Callable[..., Library]) -> None:
    library = spoken("en", "en", "en")
    assert filters.offers(library, SearchSettings())["tag"] == Offer([], False)
    library.edit("recording 0", tags="sea, Oral history")
    library.edit("recording 1", tags="oral history")
    found = filters.offers(library, SearchSettings())["tag"]
    assert found.is_choice and [value for _, value in found.choices] == ["oral history", "sea"]
    for number in range(3):
        library.edit(f"recording {number}", tags="sea")
    assert filters.offers(library, SearchSettings())["tag"] == Offer([("sea", "sea")], False)


def test_a_filter_that_means_nothing_elsewhere_is_dropped(spoken: Callable[..., Library]) -> None:
    offers = filters.offers(spoken("en-US", "de"), SearchSettings())
    assert filters.applicable(SearchSettings(language="en"), offers).language == "en"
    assert filters.applicable(SearchSettings(language="fr"), offers).language == ""
