"""What the page says and allows follows the settings."""

import pytest

from clasp.errors import LibraryError
from index.guests import GuestLibraries
from tests.index.conftest import Identity
from ui import page
from ui.about import tab
from ui.library import layout
from ui.links import Settings
from ui.search import cards
from ui.service import VISIT, Service


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """Of a page for everybody, nothing opened yet."""
    monkeypatch.setenv("CLASP_READ_ONLY", "1")
    return Service()


def configured(service: Service) -> list[dict]:
    """The properties of every component of the page, as the browser gets them."""
    return [one["props"] for one in page.build(service).get_config_file()["components"]]


def test_the_longest_query_is_the_one_that_is_set(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for characters in (1_000, 77):
        monkeypatch.setenv("CLASP_QUERY_CHARACTERS", str(characters))
        properties = configured(service)
        (text,) = (one for one in properties if one.get("elem_id") == "text")
        (drawn,) = (one for one in properties if one.get("elem_id") == "explore")
        assert text["max_length"] == characters
        assert f'name="find" maxlength="{characters}"' in drawn["html_template"]


@pytest.mark.parametrize(("minutes", "words"), [("60", "60 minutes"), ("5", "5 minutes"), ("1", "1 minute")])
def test_every_text_says_how_long_a_visitors_recordings_are_kept(
    minutes: str, words: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASP_GUEST_MINUTES", minutes)
    said = f"deleted after {words}."
    assert said in cards.empty(Settings(library=VISIT))
    assert said in tab.page(service, "", "")
    guests = GuestLibraries(Identity())
    with pytest.raises(LibraryError, match=said):
        guests.library(guests.issue())
    assert said in layout.visitor()
