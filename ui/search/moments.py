"""Hits as HTML: a card per moment, recordings with their waveform, what was said before and after."""

from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from index.hit import Hit
from index.library import Library, Recording, Segment
from index.moments import Moment, RecordingHits
from ui import labels, sound

LONG = 20.0  # seconds from which a recording is shown with its waveform, even for a single moment
PLAY = (
    '<svg class="ring" viewBox="0 0 44 44" aria-hidden="true">'
    '<circle cx="22" cy="22" r="20.5" pathLength="1"/></svg>'
    '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">'
    '<path class="play" d="M8 5.2v13.6L19 12z"/><path class="stop" d="M7 7h10v10H7z"/></svg>'
)


@dataclass(frozen=True)
class Place:
    """Where the hits are: a library, its name, and what stands for it in addresses."""

    library: Library
    name: str
    key: str
    colours: dict[str, int]  # number of each category


def items(groups: list[RecordingHits], place: Place) -> str:
    """The hits of some recordings."""
    listed = "".join(_group(group, place) for group in groups)
    return f'<ol class="hits">{listed}</ol>' if groups else ""


def _group(group: RecordingHits, place: Place) -> str:
    """A recording with its moments; of a short one just its card."""
    recording, moments = group.recording, group.moments
    if len(moments) == 1 and recording.duration <= LONG:
        return _card(moments[0], recording, place, facts=_facts(recording, place), alone=True)
    facts = [*_facts(recording, place), *([escape(recording.date)] if recording.date else [])]
    facts += [labels.clock(recording.duration)]
    facts += [f"{len(moments)} moments"] if len(moments) > 1 else []
    cards = "".join(_card(moment, recording, place) for moment in moments)
    return (
        f'<li class="recording"><h3 dir="auto">{escape(recording.title)}</h3>{_line(facts)}'
        f'{_strip(moments, recording, place)}<ol class="moments">{cards}</ol></li>'
    )


def _facts(recording: Recording, place: Place) -> list[str]:
    facts = []
    if recording.category:
        dot = f'<i style="background:var(--category-{place.colours.get(recording.category, 0)})"></i>'
        facts.append(dot + escape(labels.category(recording.category)))
    facts += [escape(labels.language(recording.language))] if recording.language else []
    facts += [escape(labels.speaker(recording.speaker))] if recording.speaker else []
    return facts


def _line(facts: list[str]) -> str:
    return f'<p class="facts">{"".join(f"<span>{fact}</span>" for fact in facts)}</p>' if facts else ""


def _strip(moments: list[Moment], recording: Recording, place: Place) -> str:
    """The waveform, which strips.js draws, and a mark where each moment is."""
    marks = []
    for moment in sorted(moments, key=lambda moment: moment.hit.segment.start):
        segment, percent = moment.hit.segment, round(100 * moment.hit.probability)
        start, length = (100 * part / recording.duration for part in (segment.start, segment.end - segment.start))
        label = f"Play from {labels.clock(segment.start)}, {percent} % likely"
        marks.append(
            f'<button type="button" class="mark" {_sound(segment, recording, place)} aria-label="{label}" '
            f'title="{label}" style="--at:{start:.3f}%;--wide:{length:.3f}%;--sure:{percent}%"></button>'
        )
    address = f"{quote(place.key, safe='')}/{quote(recording.id, safe='')}"
    length = labels.clock(recording.duration)
    return (
        f'<div class="strip" dir="ltr" data-envelope="envelope/{address}" data-src="audio/{address}" '
        f'data-duration="{recording.duration:.3f}"><div class="wave"></div>'
        f'<div class="seek" role="slider" tabindex="0" aria-label="Play {escape(recording.title)} from" '
        f'aria-valuemin="0" aria-valuemax="{int(recording.duration)}" aria-valuenow="0" '
        f'aria-valuetext="0:00 of {length}"></div>{"".join(marks)}<div class="head"></div></div>'
    )


def _card(
    moment: Moment, recording: Recording, place: Place, facts: list[str] | None = None, *, alone: bool = False
) -> str:
    """A hit. `alone`: of a recording that is not shown otherwise."""
    hit, segment = moment.hit, moment.hit.segment
    facts = list(facts or [])
    if not alone or segment.start > 0:
        facts.append(f"{labels.clock(segment.start)} – {labels.clock(segment.end)}")
    before, after = place.library.around(segment)
    actions, panels = [f'<button type="button" data-like="{segment.id}">More like this</button>'], ""
    if before or after:
        rows = [
            *(_row(one, recording, place) for one in before),
            _row(segment, recording, place, here=True),
            *(_row(one, recording, place) for one in after),
        ]
        actions.append(_toggle(f"around-{segment.id}", "Before and after"))
        panels += f'<ol class="near" id="around-{segment.id}" hidden>{"".join(rows)}</ol>'
    if moment.duplicates:
        rows = [_same(other, recording, place) for other in moment.duplicates]
        actions.append(_toggle(f"same-{segment.id}", f"and {len(rows)} nearly the same"))
        panels += f'<ol class="near" id="same-{segment.id}" hidden>{"".join(rows)}</ol>'
    percent = round(100 * hit.probability)
    return f"""
<li class="hit" data-segment="{segment.id}">
  {play_button(segment, recording, place)}
  <div class="what">{transcript(segment)}{_line(facts)}<div class="actions">{"".join(actions)}</div></div>
  <div class="sure" role="meter" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}"
    aria-label="Likely to say the same" title="{percent} % likely to say the same">
    <b>{percent}<small>%</small></b><span class="bar"><span style="width:{percent}%"></span></span>
  </div>{panels}
</li>"""


def transcript(segment: Segment, name: str = "transcript") -> str:
    """The words of a segment, and whether a machine wrote them down, or that nobody did."""
    if segment.transcript:
        language, mark = segment.language or segment.detected, ""
        if segment.transcript_source == "machine":
            sure = f"Transcribed by machine, {100 * segment.confidence:.0f} % sure"
            mark = f' <small class="by-machine" title="{sure}" aria-label="{sure}">auto</small>'
        return f'<p class="{name}" dir="auto" lang="{escape(language)}">{escape(segment.transcript)}{mark}</p>'
    return f'<p class="{name} unknown">Not written down: press play to hear it</p>'


def play_button(segment: Segment, recording: Recording, place: Place) -> str:
    """The button that plays a segment; player.js listens to it."""
    words = segment.transcript
    label = escape(f"Play: {words}" if words else f"Play from {labels.clock(segment.start)}")
    sounds = _sound(segment, recording, place)
    return f'<button type="button" class="play-button" {sounds} aria-label="{label}">{PLAY}</button>'


def _sound(segment: Segment, recording: Recording, place: Place) -> str:
    """What player.js must know of a segment."""
    address, start, end = sound.moment(place.key, recording, segment.start, segment.end)
    return (
        f'data-play="{escape(place.name)}/{segment.id}" data-src="{escape(address)}" data-start="{start:.3f}" '
        f'data-end="{end:.3f}" aria-pressed="false"'
    )


def _row(segment: Segment, recording: Recording, place: Place, *, here: bool = False, fact: str = "") -> str:
    """A line of what is near a hit."""
    current = ' aria-current="true"' if here else ""
    time = fact or labels.clock(segment.start)
    button = play_button(segment, recording, place)
    return f'<li{current}>{button}<span class="time">{time}</span>{transcript(segment, "words")}</li>'


def _same(hit: Hit, beside: Recording, place: Place) -> str:
    """A line of what is nearly the same as a moment of the recording `beside`."""
    recording = hit.recording
    facts = [f"{100 * hit.probability:.0f} %"]
    facts += [escape(labels.title(recording.title))] if recording.id != beside.id else []
    facts += [labels.clock(hit.segment.start)] if recording.duration > LONG else []
    return _row(hit.segment, recording, place, fact=" · ".join(facts))


def _toggle(panel: str, label: str) -> str:
    return f'<button type="button" data-toggle aria-controls="{panel}" aria-expanded="false">{label}</button>'
