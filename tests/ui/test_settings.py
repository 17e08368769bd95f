"""What the page says and allows follows the settings."""

import pytest

from clasp.errors import LibraryError
from index.guests import GuestLibraries, lifetime
from index.search import LONGEST_QUERY
from tests.index.conftest import Identity
from ui import page
from ui.about import tab
from ui.links import SearchSettings
from ui.search import results
from ui.service import VISIT, Service
from ui.templates import render


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """Of a page for everybody, nothing opened yet."""
    monkeypatch.setenv("CLASP_READ_ONLY", "1")
    return Service()


def configured(service: Service) -> list[dict]:
    """The properties of every component of the page, as the browser gets them."""
    return [one["props"] for one in page.build(service).get_config_file()["components"]]


def test_no_longer_query_can_be_typed_than_is_searched_for(service: Service) -> None:
    properties = configured(service)
    (text,) = (one for one in properties if one.get("elem_id") == "text")
    (drawn,) = (one for one in properties if one.get("elem_id") == "explore")
    assert text["max_length"] == LONGEST_QUERY
    assert f'name="find" maxlength="{LONGEST_QUERY}"' in drawn["html_template"]


@pytest.mark.parametrize(("minutes", "words"), [("60", "60 minutes"), ("5", "5 minutes"), ("1", "1 minute")])
def test_every_text_says_how_long_a_visitors_recordings_are_kept(
    minutes: str, words: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASP_GUEST_MINUTES", minutes)
    said = f"deleted after {words}."
    assert said in results.empty(SearchSettings(library=VISIT))
    assert said in tab.page(service)
    guests = GuestLibraries(Identity())
    with pytest.raises(LibraryError, match=said):
        guests.library(guests.issue())
    assert said in render("library/guest.html", lifetime=lifetime())
