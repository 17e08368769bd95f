"""Find what says the same as a text or a recording, in your library or, before you have one, in the demo library.

    python -m clasp search "the ship was lost in the storm"
    python -m clasp search "Wann fährt der letzte Zug?" --language en
    python -m clasp search --speech question.wav -k 3
    python -m clasp search "a recipe with lentils" --category hobbies --meaning 1
    python -m clasp search "the ship was lost in the storm" --library demo
    python -m clasp search "the council voted" --json | jq -r '.hits[0].file'

Exit codes: 0 a strong match was found; 1 none was (the nearest are listed); 2 an error (one line on stderr).
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from clasp.audio.decode import decode
from index.filters import Filter
from index.search import Answer, encode, search

EMPTY = "The library has no recordings yet. Add some with `clasp add FOLDER`, or search those that ship: --library demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp search`."""
    query = parser.add_mutually_exclusive_group(required=True)
    query.add_argument("text", nargs="?", help="what to look for, in any of the model's languages")
    query.add_argument("--speech", type=Path, metavar="FILE", help="a recording of what to look for")
    parser.add_argument("--query-language", default="", metavar="TAG",
                        help="what the text is written in (default: what it seems to be)")  # fmt: skip
    parser.add_argument("-k", type=_positive, default=10, metavar="N", help="how many hits (default: 10)")
    kinds = {"category": "NAME", "language": "TAG", "speaker": "NAME", "recording": "ID", "tag": "NAME"}
    for name, kind in kinds.items():
        summary = f"only this {name}; repeatable"
        parser.add_argument(f"--{name}", action="append", default=[], metavar=kind, help=summary)
    for name, which in {"since": "from this date on", "until": "up to this date"}.items():
        parser.add_argument(f"--{name}", default="", metavar="DATE", help=f"only recordings {which}, such as 1962-05")
    parser.add_argument(
        "--meaning", type=_weight, metavar="0..1",
        help="rank by what was said (0), by what was meant (1), or in between (default: by probability)",
    )  # fmt: skip
    parser.add_argument(
        "--library", nargs="?", const="", metavar="NAME|FOLDER",
        help="search this library; without a name: your own (default: yours, or the demo if you have none)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def run(args: argparse.Namespace) -> int:
    """Search, print the answer. Returns 0 if it holds a strong match, otherwise 1."""
    waveform = None if args.speech is None else decode(args.speech)  # before the model: errors come at once

    import clasp
    from index.paths import open_library, usual_library

    model = clasp.load()
    library = open_library(model, usual_library() if args.library is None else args.library or None)
    query = encode(model, text=args.text, waveform=waveform, language=args.query_language)
    answer = search(
        library, model, query,
        k=args.k, meaning=args.meaning, filters=Filter(
            tuple(args.category), tuple(args.language), tuple(args.speaker), tuple(args.recording), tuple(args.tag),
            args.since, args.until,
        ),
    )  # fmt: skip
    if args.json:
        found = answer.as_dict()
        for facts, hit in zip(found["hits"], answer.hits, strict=True):
            facts["file"] = str(hit.recording.path)
        print(as_json(found))
    elif len(library) == 0:
        print(EMPTY)
    else:
        print(as_text(answer))
    return 0 if answer.strong else 1


def as_json(found: dict[str, Any]) -> str:
    """JSON that can be printed here: where the console lacks a letter, the letters beyond ASCII are escaped."""
    text = json.dumps(found, ensure_ascii=False, indent=2)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(found, indent=2)
    return text


def as_text(answer: Answer) -> str:
    """The answer for reading: a line of facts and one of text per hit."""
    lines = []
    if not answer.strong:
        lines = [_without_strong(answer)]
    for hit in answer.hits:
        segment = hit.segment
        span = f" {segment.start:.1f}-{segment.end:.1f} s" if segment.start > 0 else ""
        where = (segment.language, segment.category, segment.speaker, segment.recording + span)
        facts = ", ".join(filter(None, where))
        transcript = segment.transcript or "(not written down)"
        if segment.transcript_source == "machine":
            transcript += f" (transcribed by machine, {segment.confidence:.0%} sure)"
        lines += [f"{hit.probability:4.0%}  {transcript}", f"      {facts}"]
    timings = f"encoded in {1000 * answer.query.encode_seconds:.0f} ms, searched in"
    lines.append(f"{timings} {1000 * answer.search_seconds:.0f} ms on {answer.device}")
    return "\n".join([*lines, answer.note] if answer.note else lines)


def _without_strong(answer: Answer) -> str:
    if not answer.hits:
        return "No utterance passes the filters."
    return "Possible matches:" if answer.possible else "Nothing in this library seems to say that. The nearest:"


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, not {text!r}")
    return int(text)


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1:
        raise argparse.ArgumentTypeError(f"expected a number from 0 to 1, not {text!r}")
    return weight
