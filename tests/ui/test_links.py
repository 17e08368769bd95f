"""Searches as addresses."""

import pytest

from clasp.errors import ClaspError
from index.filters import Filter
from ui.links import Link, Settings, read, write

SET = Settings("my talks", "news", "pt-BR", "Anna & Bert", "a/b", "1962", "1965-02", 0.8, True)


@pytest.mark.parametrize(
    "link",
    [
        Link(Settings()),
        Link(Settings(), "der Baum & “mehr”?"),
        Link(Settings("interviews"), like=17),
        Link(SET, "قطار #1"),
        Link(SET),
    ],
)
def test_an_address_is_read_as_it_was_written(link: Link) -> None:
    assert read(write(link)) == link


def test_only_what_is_set_is_in_the_address() -> None:
    assert write(Link(Settings())) == ""
    assert write(Link(Settings(since=" 1962 "), "a storm")) == "?q=a+storm&from=1962"


def test_other_parameters_are_passed_over() -> None:
    assert read("?__theme=dark&q=storm&view=api") == Link(Settings(), "storm")


@pytest.mark.parametrize(
    "address", ["?meaning=much", "?meaning=2", "?meaning=nan", "?sort=length", "?like=x", "?like=-1"]
)
def test_a_malformed_address_gets_one_sentence(address: str) -> None:
    with pytest.raises(ClaspError, match="The address"):
        read(address)


def test_settings_as_a_search_takes_them() -> None:
    assert SET.filter == Filter(("news",), ("pt-BR",), ("Anna & Bert",), ("a/b",), "1962", "1965-02")
    assert SET.weight == 0.8 and Settings().weight is None
    assert not Settings().filter
    assert SET.without("speaker", "from") == Settings("my talks", "news", "pt-BR", "", "a/b", "", "1965-02", 0.8, True)
    assert not SET.without().filter
    assert Settings(*[None] * 9) == Settings()  # the page has not filled its components yet
