"""What the page of a recording shows: its facts, a player, and its transcript by utterance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clasp.errors import ClaspError
from index.exports.formats import FORMATS
from index.filters import Filter
from index.hit import Hit
from index.metadata import tags
from index.search import Query, encode, like, search
from ui import labels, links
from ui.links import SearchRequest, SearchSettings
from ui.recording import picture
from ui.recording.recurrences import recurrences
from ui.script import ROOT
from ui.service import VISIT, Service
from ui.templates import render
from ui.theme import DRESS, PALETTE, sheet
from ui.words import is_unsure

if TYPE_CHECKING:
    from clasp.speech.transcript import Word
    from index.library import Library, Recording, Segment

HITS = 50  # that are marked, at most
SHEETS = (
    "common/frame", "search/results", "search/moments", "recording/recording", "recording/editing", "recording/notes",
    "recording/speakers", "recording/recurrences",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """An utterance as the page shows it."""

    segment: "Segment"
    speaker: str  # the name, where somebody else goes on; otherwise ""
    colour: int | None  # number of the speaker's; None where only one person speaks
    percent: int | None  # how likely it matches the query; None if it is no hit


def html(service: Service, key: str, name: str, asked: SearchRequest) -> str:
    """The page of a recording; `key` stands for its library in URLs, `asked` is the search whose hits are marked.

    Raises:
        LibraryError: if there is no such library or recording.
    """
    library = service.library_of_key(key)
    recording = library.recording(name)
    hits, problem = _hits(service, library, recording, asked)
    segments = library.segments_of(recording.id)
    notes = library.notes.of(recording.id)
    private = service.opened().guests.has(key)
    settings = SearchSettings(VISIT if private else key)
    categories = library.categories()
    return render(
        "recording/recording.html",
        **_frame(),
        key=key,
        recording=recording,
        colour=categories.index(recording.category) % len(PALETTE) if recording.category in categories else 0,
        facts=_facts(recording, segments),
        there=recording.path.is_file(),
        picture=picture.size(recording),
        lines=lines(segments, hits),
        mixed=len({one.transcript_source for one in segments} - {""}) > 1,
        timed=any(one.machine_text for one in segments),
        notes=notes,
        annotated={one.segment for one in notes},
        may_change=service.may_change(service.name_of_key(key)),
        recurrences=recurrences(library, recording),
        hits=sorted(hits, key=lambda hit: hit.segment.start),
        asked=asked.text,
        problem=problem,
        searched=bool(asked.text) or asked.like is not None,
        citation=_citation(recording),
        private=private,
        names=library.speakers(),
        back=links.write(SearchRequest(settings, asked.text, asked.like)),
        formats=FORMATS,
    )


def missing(message: str) -> str:
    """The page in place of one that there is not."""
    return render("recording/missing.html", message=message, **_frame())


def _frame() -> dict[str, str]:
    """What is around the page: its style sheet, and where its script is."""
    return {"style": sheet(*SHEETS), "dress": DRESS, "scripts": ROOT}


def lines(segments: "Sequence[Segment]", hits: Sequence[Hit]) -> list[Line]:
    """Utterances, given in the order of time, as they are shown."""
    percents = {hit.segment.id: round(100 * hit.probability) for hit in hits}
    speakers = list(dict.fromkeys(one.speaker for one in segments if one.speaker))
    shown, last = [], ""
    for segment in segments:
        changed = (len(speakers) > 1 or segment.speaker_guessed) and segment.speaker != last
        last = segment.speaker
        colour = speakers.index(last) % len(PALETTE) if len(speakers) > 1 and last else None
        shown.append(Line(segment, last if changed else "", colour, percents.get(segment.id)))
    return shown


def word_times(library: "Library", name: str) -> dict[int, list[tuple[str, float, bool]]]:
    """Of each utterance the times of whose words are known, by id: see `timed`.

    Raises:
        LibraryError: if there is no such recording.
    """
    segments = library.segments_of(library.recording(name).id)
    return {number: timed(words) for number, words in library.transcripts.words([one.id for one in segments]).items()}


def timed(words: "Sequence[Word]") -> list[tuple[str, float, bool]]:
    """Words, when each begins, in seconds of the recording, and whether it is unsure."""
    return [(word.text, round(word.start, 2), is_unsure(word)) for word in words]


def _hits(service: Service, library: "Library", recording: "Recording", asked: SearchRequest) -> tuple[list[Hit], str]:
    """The hits in a recording, and what was wrong with the query."""
    try:
        query = _query(service, library, asked)
        if query is None:
            return [], ""
        model, only = service.opened().model, Filter(recordings=(recording.id,))
        hits = search(library, model, query, k=HITS, filters=only).hits
    except ClaspError as error:
        return [], str(error)
    return [hit for hit in hits if hit.possible], ""


def _query(service: Service, library: "Library", asked: SearchRequest) -> Query | None:
    if asked.like is not None:
        return like(library, asked.like)
    return encode(service.opened().model, text=asked.text) if asked.text else None


def _citation(recording: "Recording") -> str:
    """Speaker, title and date; the page adds the moment and the address."""
    return ", ".join(filter(None, (recording.speaker, f"“{recording.title}”", recording.date)))


def _facts(recording: "Recording", segments: "Sequence[Segment]") -> list[str]:
    """What is known of a recording besides what is known of its segments, too."""
    named = (one.speaker for one in segments if not one.speaker_guessed)
    speakers = [] if recording.speaker else dict.fromkeys(named)
    return [
        ", ".join(filter(None, speakers)),
        recording.date,
        labels.clock(recording.duration),
        labels.count(len(segments), "utterance"),
        _transcript_source(segments),
        *(f"#{tag}" for tag in tags(recording.tags)),
    ]


def _transcript_source(segments: "Sequence[Segment]") -> str:
    sources = {one.transcript_source for one in segments} - {""}
    if not sources:
        return "No transcript"
    if sources == {"corrected"}:
        return "Transcript corrected"
    corrected = ", partly corrected" if "corrected" in sources else ""
    if {"machine", "supplied"} <= sources:
        return f"Transcript partly automatic{corrected}"
    return ("Automatic transcript" if "machine" in sources else "Transcript supplied") + corrected
