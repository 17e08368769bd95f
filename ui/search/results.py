"""What the Search tab shows below the form: an answer, an error, or an introduction before the first search."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from operator import itemgetter
from typing import Any

from clasp.text.words import words
from index.guests import lifetime
from index.hit import Hit
from index.library import Library
from index.moments import Moment, RecordingHits, by_recording
from index.search import Answer
from ui import labels
from ui.links import SearchRequest, SearchSettings, write
from ui.service import DEMO, VISIT
from ui.templates import render
from ui.words import pieces

BEST = 10  # moments that an answer has, however unlikely
WHY = {"meaning": "Same meaning", "sound": "Sounds alike", "words": "Same words"}
LONG = 20.0  # seconds; a longer recording is shown with its waveform even for a single moment
NUMBERS = count(1)


@dataclass(frozen=True)
class SearchedLibrary:
    """The library that was searched, as its hits are shown."""

    library: Library
    name: str
    key: str  # stands for it in URLs
    colours: dict[str, int]  # number of each category's colour


def answer(
    found: Answer,
    request: SearchRequest,
    searched: SearchedLibrary,
    languages: Iterable[str] = (),
    *,
    savable: bool = False,
    saved: str = "",
    transcribing: bool = False,
) -> str:
    """The answer to a search: strong matches, then possible ones, then the nearest others, up to ten in all or all
    strong ones; and what can be done with them.

    Args:
        languages: in which a typed query may be said to be written.
        savable: whether the search may be saved.
        saved: the name under which it is saved already.
        transcribing: whether what was added last is still being transcribed.
    """
    library, source = searched.library, found.query.segment
    groups = by_recording(library, found.hits, by_time=request.settings.by_time)
    segment = None if source is None else library.segment(source)
    others = _best(_select(groups, lambda moment: not moment.strong), BEST)
    return _results(
        "search/answer.html",
        request,
        answer=found,
        searched=searched,
        strong=_select(groups, lambda moment: moment.strong),
        possible=_select(others, lambda moment: moment.possible),
        weaker=_select(others, lambda moment: not moment.possible),
        pieces=lambda one: pieces(one.transcript, library.transcripts.words([one.id]).get(one.id, ()), found.telling),
        source=segment,  # that the search is for what is similar to
        source_recording=segment and library.recording(segment.recording),
        filtered=bool(request.settings.filter),
        written=_written(found.query.language, languages),
        linkable=bool(request.text or request.like is not None) and request.settings.library != VISIT,
        savable=savable,
        saved=saved,
        transcribing=transcribing,
        LONG=LONG,
        why=lambda hit: _why(hit, found.telling),
    )


def _written(language: str | None, languages: Iterable[str]) -> list[tuple[str, str]]:
    """Tags and names of the languages that a query in `language` may be in, by name; none for a spoken one."""
    return (
        sorted(((tag, labels.language(tag)) for tag in {language, *languages}), key=itemgetter(1)) if language else []
    )


def _why(hit: Hit, asked: frozenset[str]) -> str:
    """Why a hit was found; where none of the words asked for is said in it, where they stand."""
    if hit.witness == "words" and asked.isdisjoint(words(hit.segment.transcript)):
        for place, names in (("In the title", hit.recording.title), ("Name of the speaker", hit.segment.speaker)):
            if not asked.isdisjoint(words(names)):
                return place
    return WHY[hit.witness]


def exported(found: Answer) -> list[Hit]:
    """The hits of an answer that are downloaded: the strong and possible ones or, without any, the nearest."""
    return [hit for hit in found.hits if hit.possible] or found.hits[:BEST]


def error(message: str) -> str:
    """What went wrong."""
    return _results("search/error.html", message=message)


def working(message: str) -> str:
    """What the page is busy with, and the shape of the hits to come."""
    return _results("search/working.html", message=message)


def welcome(settings: SearchSettings) -> str:
    """What is shown before anything was searched for."""
    return _results("search/welcome.html", SearchRequest(settings), demo=settings.library == DEMO)


def empty(settings: SearchSettings) -> str:
    """What is shown of an empty library."""
    guest = settings.library == VISIT
    return _results("search/empty.html", SearchRequest(settings), guest=guest, lifetime=lifetime())


def _results(template: str, request: SearchRequest | None = None, **values: Any) -> str:
    """Never the same twice, so that the page notices an answer even if it repeats the last one."""
    link = request and {
        "address": write(request),
        "order": "time" if request.settings.by_time else "likelihood",
        "private": request.settings.library == VISIT,
    }
    return render(template, number=next(NUMBERS), link=link, **values)


def _best(groups: list[RecordingHits], count: int) -> list[RecordingHits]:
    """The best moments of all groups."""
    every = sorted((one for group in groups for one in group.moments), key=lambda one: -one.hit.score)
    best = {one.hit.segment.id for one in every[:count]}
    return _select(groups, lambda one: one.hit.segment.id in best)


def _select(groups: list[RecordingHits], wanted: Callable[[Moment], bool]) -> list[RecordingHits]:
    """The groups with the moments that are wanted."""
    parts = [RecordingHits(group.recording, [one for one in group.moments if wanted(one)]) for group in groups]
    return [group for group in parts if group.moments]
