"""Searches as addresses."""

from dataclasses import replace

import pytest

from clasp.errors import ClaspError
from index.filters import Filter
from ui.links import FILTERS, SearchRequest, SearchSettings, read, write

SET = SearchSettings("my talks", "news", "pt-BR", "Anna & Bert", "a/b", "sea, #1", "1962", "1965-02", 0.8, True)


@pytest.mark.parametrize(
    "link",
    [
        SearchRequest(SearchSettings()),
        SearchRequest(SearchSettings(), "der Baum & “mehr”?"),
        SearchRequest(SearchSettings("interviews"), like=17),
        SearchRequest(SET, "قطار #1"),
        SearchRequest(SET),
        SearchRequest(SearchSettings(), "chat", language="fr"),
    ],
)
def test_an_address_is_read_as_it_was_written(link: SearchRequest) -> None:
    assert read(write(link)) == link


def test_only_what_is_set_is_in_the_address() -> None:
    assert write(SearchRequest(SearchSettings())) == ""
    assert write(SearchRequest(SearchSettings(since=" 1962 "), "a storm")) == "?q=a+storm&from=1962"


def test_other_parameters_are_passed_over() -> None:
    assert read("?__theme=dark&q=storm&view=api") == SearchRequest(SearchSettings(), "storm")


@pytest.mark.parametrize(
    "address", ["?meaning=much", "?meaning=2", "?meaning=nan", "?sort=length", "?like=x", "?like=-1"]
)
def test_a_malformed_address_gets_one_sentence(address: str) -> None:
    with pytest.raises(ClaspError, match="This link"):
        read(address)


def test_settings_as_a_search_takes_them() -> None:
    assert SET.filter == Filter(("news",), ("pt-BR",), ("Anna & Bert",), ("a/b",), ("sea, #1",), "1962", "1965-02")
    assert SET.weight == 0.8 and SearchSettings().weight is None
    assert not SearchSettings().filter
    assert SET.without("speaker", "since") == replace(SET, speaker="", since="")
    assert not SET.without(*FILTERS.values()).filter
    assert SearchSettings(*[None] * 10) == SearchSettings()  # the page has not filled its components yet
