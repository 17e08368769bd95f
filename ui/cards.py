"""Answers as HTML: a card per hit, one sentence for what went wrong, and a first page that teaches."""

from html import escape
from itertools import count

from index.search import Answer, Match

from . import labels, sound
from .service import DEMO

PLAY = (
    '<svg class="ring" viewBox="0 0 44 44" aria-hidden="true">'
    '<circle cx="22" cy="22" r="20.5" pathLength="1"/></svg>'
    '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">'
    '<path class="play" d="M8 5.2v13.6L19 12z"/><path class="stop" d="M7 7h10v10H7z"/></svg>'
)

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
  <p>Not sure where to start? Press one of the examples above.</p>
</section>
"""


def answer(found: Answer, colours: dict[str, int], size: int) -> str:
    """All that is shown of an answer. `colours` numbers the categories, `size` counts what was searched."""
    good = [match for match in found.matches if match.good]
    rest = [match for match in found.matches if not match.good]
    more = ""
    if rest:
        label = f"{len(rest)} less likely" if good else f"Show the nearest {len(rest)} anyway"
        more = f'<details class="more"><summary>{label}</summary>{_cards(rest, colours)}</details>'
    return _new(_heading(good, rest) + _cards(good, colours) + more + _timings(found, size))


def notice(sentence: str) -> str:
    """One sentence on what went wrong."""
    return _new(f'<p class="notice" role="alert">{escape(sentence)}</p>')


def working(sentence: str) -> str:
    """What the page is busy with."""
    return _new(f'<p class="working" role="status">{escape(sentence)}</p>')


def _new(content: str) -> str:
    """Never twice the same: the page is to notice an answer even if it repeats the last one."""
    return f'<div data-number="{next(NUMBERS)}">{content}</div>'


def _heading(good: list[Match], rest: list[Match]) -> str:
    if good:
        count = f"{len(good)} good match" + ("es" if len(good) > 1 else "")
        return f'<div role="status"><h2 class="count">{count}</h2></div>'
    if rest:
        nearest = max(match.probability for match in rest)
        chance = f"{100 * nearest:.0f} %" if nearest >= 0.01 else "less than 1 %"
        tail = f"The nearest utterance is {chance} likely to mean it."
    else:
        tail = "No utterance passes these filters."
    return (
        '<div class="nothing" role="status"><h2>No good match</h2>'
        f"<p>Nothing in this library says that with any confidence. {tail}</p></div>"
    )


def _cards(matches: list[Match], colours: dict[str, int]) -> str:
    cards = "".join(_card(match, colours) for match in matches)
    return f'<ol class="hits">{cards}</ol>' if matches else ""


def _card(match: Match, colours: dict[str, int]) -> str:
    segment = match.segment
    if segment.text:
        said = f'<p class="said" dir="auto" lang="{escape(segment.language)}">{escape(segment.text)}</p>'
    else:
        said = '<p class="said unknown">Not written down: press play to hear it</p>'
    dot = f'<i style="background:var(--category-{colours.get(segment.category, 0)})"></i>'
    facts = [dot + escape(labels.category(segment.category)), escape(labels.language(segment.language))]
    facts += [escape(labels.voice(segment.voice))] if segment.voice else []
    facts += [f"from {labels.clock(segment.start)} in a recording"] if segment.start > 0 else []
    percent = round(100 * match.probability)
    return f"""
<li class="hit" data-segment="{segment.id}">
  {_play_button(match)}
  <div class="what">{said}<p class="facts">{"".join(f"<span>{fact}</span>" for fact in facts)}</p></div>
  <div class="sure" role="meter" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}"
    aria-label="Likely to say the same" title="{percent} % likely to say the same">
    <b>{percent}<small>%</small></b><span class="bar"><span style="width:{percent}%"></span></span>
  </div>
</li>"""


def _play_button(match: Match) -> str:
    """The button that plays a segment; page.js listens to it."""
    segment = match.segment
    label = escape(f"Play: {segment.text}" if segment.text else "Play")
    return (
        f'<button type="button" class="play-button" data-play="{segment.id}" aria-pressed="false" '
        f'data-src="{audio_address(segment.recording)}" data-start="{segment.start:.3f}" '
        f'data-end="{segment.end:.3f}" aria-label="{label}">{PLAY}</button>'
    )


def audio_address(recording: str) -> str:
    """Where a recording is heard (see routes.py), relative to the page."""
    return sound.address(DEMO, recording)


def _timings(found: Answer, size: int) -> str:
    return (
        '<p class="timings">'
        f"<span>encoded in <b>{1000 * found.query.encode_seconds:.0f} ms</b></span>"
        f"<span>{size:,} utterances searched in <b>{1000 * found.search_seconds:.1f} ms</b></span>"
        f"<span>on <b>{escape(found.device)}</b></span></p>"
    )
