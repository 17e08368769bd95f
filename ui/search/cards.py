"""Answers as HTML: what was found and what can be done with it, what went wrong, and a first page that teaches."""

from collections.abc import Callable
from dataclasses import replace
from html import escape
from itertools import count

from index.guests import lifetime
from index.hit import Hit
from index.moments import Moment, RecordingHits, by_recording
from index.search import Answer
from ui import labels
from ui.links import Link, Settings, write
from ui.search import moments
from ui.search.moments import Place
from ui.service import DEMO, VISIT

NEAREST = 10  # of the less likely, so many are shown
NUMBERS = count(1)

WELCOME = """
<section class="welcome">
  <h2>Ask for a sentence, and hear it</h2>
  <dl>
    <div><dt>Type it</dt><dd>In your own words, in your own language. What is found says the same;
      it need not share a word with the query.</dd></div>
    <div><dt>Say it</dt><dd>Record a sentence, or drop a recording. Speech is compared with speech:
      nothing is written down on the way.</dd></div>
    <div><dt>Choose what counts</dt><dd>Meaning finds paraphrases, translations and answers.
      Sound finds names, rare words and the very same sentence.</dd></div>
  </dl>
  {where}
</section>
"""
START = "<p>Not sure where to start? Press one of the examples above.</p>"  # they are about the library that ships

LINK = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 '
    '0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1-1"/></svg>'
)
SAVE = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 4v11m-4.5-4 4.5 4.5L16.5 11M5 19.5h14"/></svg>'
EXPORTS = {"csv": "Table (CSV)", "json": "JSON", "zip": "Sound clips (ZIP)"}


def answer(found: Answer, link: Link, place: Place, chips: list[tuple[str, str]]) -> str:
    """All that is shown of an answer to what `link` asks; `chips` are the filters that are set, see ask.py."""
    groups = by_recording(place.library, found.hits, by_time=link.settings.by_time)
    strong = _where(groups, lambda moment: moment.strong)
    possible = _nearest(_where(groups, lambda moment: not moment.strong))
    more = ""
    if possible:
        size = sum(len(group.moments) for group in possible)
        label = f"{size} less likely" if strong else f"Show the nearest {size} anyway"
        more = f'<details class="more"><summary>{label}</summary>{moments.items(possible, place)}</details>'
    parts = [
        _asked(found, place),
        _chips(chips),
        f'<div class="toolbar">{_count(strong)}{_tools(link, len(found.hits) > 1)}</div>' if groups else "",
        "" if strong else _nothing(found.hits),
        moments.items(strong, place),
        more,
        _timings(found, len(place.library)),
    ]
    return _new("".join(parts), link)


def exported(found: Answer) -> Answer:
    """The part of an answer that is downloaded: the strong matches, or, without any, the nearest."""
    return replace(found, hits=[hit for hit in found.hits if hit.strong] or found.hits[:NEAREST])


def notice(sentence: str) -> str:
    """One sentence on what went wrong."""
    return _new(f'<p class="notice" role="alert">{escape(sentence)}</p>')


def working(sentence: str) -> str:
    """What the page is busy with, and the shape of the hits to come."""
    return _new(f'<p class="working" role="status">{escape(sentence)}</p><div class="bones" aria-hidden="true"></div>')


def welcome(settings: Settings) -> str:
    """What is shown before anything was asked."""
    return _new(WELCOME.format(where=START if settings.library == DEMO else ""), Link(settings))


def empty(settings: Settings) -> str:
    """What is shown of a library in which there is nothing."""
    whose = (
        f"Only you can search what you add, and it is deleted after {lifetime()}."
        if settings.library == VISIT
        else "Files and folders, sound and video: what is said in them can be found a moment later."
    )
    teach = f"<p>Add recordings in the Library tab. {whose}</p>"
    return _new(f'<section class="welcome" role="status"><h2>Nothing here yet</h2>{teach}</section>', Link(settings))


def _new(content: str, link: Link | None = None) -> str:
    """Never twice the same: the page is to notice an answer even if it repeats the last one. `link` is its address."""
    facts = ""
    if link is not None:
        order = "time" if link.settings.by_time else "likelihood"
        facts = f' data-address="{escape(write(link))}" data-order="{order}"'
        facts += " data-private" if link.settings.library == VISIT else ""
    return f'<div data-number="{next(NUMBERS)}"{facts}>{content}</div>'


def _nearest(groups: list[RecordingHits]) -> list[RecordingHits]:
    """The likeliest moments of all groups, up to NEAREST."""
    every = sorted((one for group in groups for one in group.moments), key=lambda one: -one.hit.score)
    nearest = {one.hit.segment.id for one in every[:NEAREST]}
    return _where(groups, lambda one: one.hit.segment.id in nearest)


def _where(groups: list[RecordingHits], wanted: Callable[[Moment], bool]) -> list[RecordingHits]:
    """The groups with the moments that are wanted."""
    parts = [RecordingHits(group.recording, [one for one in group.moments if wanted(one)]) for group in groups]
    return [group for group in parts if group.moments]


def _asked(found: Answer, place: Place) -> str:
    """The hit that was searched by, if one was."""
    if found.query.segment is None:
        return ""
    segment = place.library.segment(found.query.segment)
    recording = place.library.recording(segment.recording)
    where = f"{escape(recording.title)}, {labels.clock(segment.start)}"
    return (
        f'<div class="asked"><p class="facts"><span>Like this, from {where}</span></p>'
        f"{moments.play_button(segment, recording, place)}{moments.transcript(segment, 'words')}</div>"
    )


def _chips(chips: list[tuple[str, str]]) -> str:
    """The filters that are set, each of which can be taken off."""
    listed = "".join(
        f'<li><button type="button" data-drop="{name}" aria-label="Remove the filter {escape(label)}">'
        f'<span dir="auto">{escape(label)}</span><i aria-hidden="true">×</i></button></li>'
        for name, label in chips
    )
    reset = '<li><button type="button" data-drop="" class="plain">Reset</button></li>' if len(chips) > 1 else ""
    return f'<ul class="chips" aria-label="Filters">{listed}{reset}</ul>' if chips else ""


def _count(groups: list[RecordingHits]) -> str:
    if not groups:
        return "<span></span>"
    size = sum(len(group.moments) for group in groups)
    count = f"{size} strong match" + ("es" if size > 1 else "")
    where = f" in {len(groups)} recording" + ("s" if len(groups) > 1 else "") if size > len(groups) else ""
    return f'<div role="status"><h2 class="count" tabindex="-1">{count}{where}</h2></div>'


def _tools(link: Link, sortable: bool) -> str:
    """What can be done with the hits: sorted, shared, downloaded."""
    sort = """<label class="sort"><span>Sort</span><select data-sort aria-label="Sort">
  <option value="likelihood">by likelihood</option><option value="time">by time</option></select></label>"""
    copy = (
        f'<button type="button" data-copy title="Copy a link to this search">{LINK}<span>Copy link</span></button>'
        if (link.text or link.like is not None) and link.settings.library != VISIT
        else ""
    )
    kinds = "".join(
        f'<li><button type="button" data-export="{kind}">{label}</button></li>' for kind, label in EXPORTS.items()
    )
    save = (
        f'<details class="menu"><summary title="Download these hits">{SAVE}<span>Download</span></summary>'
        f"<ul>{kinds}</ul></details>"
    )
    return f'<div class="tools">{sort if sortable else ""}{copy}{save}</div>'


def _nothing(hits: list[Hit]) -> str:
    if hits:
        nearest = max(hit.probability for hit in hits)
        chance = f"{100 * nearest:.0f} %" if nearest >= 0.01 else "less than 1 %"
        tail = f"The nearest utterance is {chance} likely to mean it."
    else:
        tail = "No utterance passes these filters."
    return (
        '<div class="nothing" role="status"><h2 tabindex="-1">No strong match</h2>'
        f"<p>Nothing in this library says that with any confidence. {tail}</p></div>"
    )


def _timings(found: Answer, size: int) -> str:
    encoded = f"<span>encoded in <b>{1000 * found.query.encode_seconds:.0f} ms</b></span>"
    encoded = encoded if found.query.segment is None else ""
    return (
        '<p class="timings">'
        f"{encoded}"
        f"<span>{size:,} utterances searched in <b>{1000 * found.search_seconds:.1f} ms</b></span>"
        f"<span>on <b>{escape(found.device)}</b></span></p>"
    )
