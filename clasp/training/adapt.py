"""Adapt a model to how your speakers talk: a folder of recordings and a CSV of what they say.

    python -m clasp train adapt --csv my-recordings.csv --out my-model

The CSV has the columns file and text and, where there are, language, speaker, category and split (every layout that
clasp.training.data.readers knows will do). A fifth of it is held out, by speaker and sentence, and measured before and
after. Only the recognizer of sounds learns; text encoder, meaning and calibration stay. Recordings of the demo
library are repeated in every batch, and another part of it tells whether the model still finds general speech: where
it does not, or does not find yours as well as before, nothing is written and the exit code is 1. Interrupted work
goes on where it was.
"""

import argparse
import copy
import errno
import hashlib
import json
import math
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from clasp.errors import DataError, ModelError
from clasp.files import write_text
from clasp.model import Clasp, load
from clasp.phones.recognizer import PhoneRecognizer
from clasp.speech.phone_speech_encoder import PhoneSpeechEncoder
from clasp.speech.whisper_encoder import FRAME_RATE
from clasp.training.adaptation_data import AdaptationExample, draw_batch, examples, loss
from clasp.training.adaptation_report import BOTH_WAYS, Metrics, general_speech, hold_out, measure, table
from clasp.training.checkpoint import Checkpoint, descend, learning_rate, update_average
from clasp.training.data import demo, readers
from clasp.training.data.clips import Clip

LIBRARY = demo.LIBRARY
LEAST = 20  # usable pairs
MAX_LOSS = {"general": 0.02, "yours": 0.0}  # of HITS@1, both directions together
PASSES = 8  # times through your recordings
SECONDS = 40.0  # of your speech in a batch, and as many of general speech
PEAK_RATE, WARM_UP, AVERAGE = 3e-4, 10, 0.97
SHARES = (1.0, 0.5, 0.25)  # of what was learned that is taken: the first with which general speech is still found
SAVE_EVERY = 20  # steps
ROOM = 4  # times the size of the old model that is needed on the disk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m clasp train adapt`."""
    parser.add_argument("--csv", type=Path, required=True, help="what the recordings say; files are relative to it")
    parser.add_argument("--out", type=Path, required=True, help="the model folder to write")
    parser.add_argument("--model", default="bundled", help="the model to start from (default: the bundled model)")
    parser.add_argument("--language", default="en", metavar="TAG", help="of rows that do not say theirs (en)")
    parser.add_argument("--minutes", type=float, default=10, help="what it may take, reading aside (default: 10)")


def run(args: argparse.Namespace) -> int:
    """Adapt, measure, write. Returns 1 where general quality fell and nothing was written."""
    try:
        return _adapt(args)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DataError(f"The disk of {args.out} is full: make room and run the command again.") from error


def _adapt(args: argparse.Namespace) -> int:
    _check_place(args.out)
    reading = readers.read(args.csv, args.language)
    print(*reading.skipped, sep="\n")
    mine, asked = hold_out(reading.clips)
    if len(reading.clips) < LEAST or not mine or not asked:
        raise DataError(
            f"{args.csv} has {len(reading.clips)} usable pairs, {len(asked)} of them held out: at least {LEAST} are "
            "needed, some on either side."
        )
    usable, skipped = len(reading.clips), len(reading.skipped)
    print(
        f"{usable} usable pairs: {len(mine)} to learn from, {len(asked)} held out. {skipped} rows left out", flush=True
    )
    replay, guard = general_speech(LIBRARY)

    started = time.monotonic()
    model = load(args.model)
    if not isinstance(model.speech, PhoneSpeechEncoder):
        raise ModelError(f"The model {args.model} recognizes no sounds: adapt one that does, such as 'bundled'.")
    work = args.out.with_name(f"{args.out.name}.part")
    _check_room(model, work)
    plan = _plan(work, args, model, [*mine, *asked])
    if "before" not in plan:
        plan["before"] = {"yours": measure(model, asked, mine), "general": measure(model, guard, background=True)}
    sources = examples(mine, model.speech), examples(replay, model.speech, pseudo_labels=True)
    if "steps" not in plan:
        spent = time.monotonic() - started
        plan["steps"] = _steps(model, sources, 60 * args.minutes - 1.5 * spent)  # for it is measured again afterwards
        write_text(work / "plan.json", json.dumps(plan, indent=1) + "\n")
    learned = _train(_recognizer(model), sources, work, plan["steps"])

    before = plan["before"]
    for share in SHARES:
        adapted = _written(model, learned, share, work / "model")
        after = {"yours": measure(adapted, asked, mine), "general": measure(adapted, guard, background=True)}
        Console(width=120).print(table(before, after))
        worse = _worse(before, after)
        if not worse:
            break
        print(f"With {share:.0%} of what was learned, {worse}.", flush=True)
    else:
        shutil.rmtree(work)
        print(
            "Nothing was written. The model may know such voices already; or texts are not what their recordings say, "
            "or not in the language that the table names."
        )
        return 1
    facts = {
        "from": model.checksum, "pairs": len(mine), "held_out": len(asked), "skipped": skipped,
        "steps": plan["steps"], "share": share, "minutes": round((time.monotonic() - started) / 60, 1),
        "before": before, "after": after,
    }  # fmt: skip
    write_text(work / "model" / "card.json", json.dumps(facts, indent=1) + "\n")
    (work / "model" / "README.md").write_text(_card(facts), encoding="utf-8")
    (work / "model").rename(args.out)
    shutil.rmtree(work)
    print(f"{args.out} is written ({facts['minutes']} minutes). Its calibration is that of the model it comes from.")
    return 0


def _worse(before: dict[str, Metrics], after: dict[str, Metrics]) -> str:
    """What is found too seldom now, or ""."""
    for speech, allowed in MAX_LOSS.items():
        was, now = (metrics[speech][BOTH_WAYS]["hits@1"] for metrics in (before, after))
        if was - now > allowed:
            return f"HITS@1 of {speech} falls from {was:.3f} to {now:.3f}, by more than {allowed}"
    return ""


def _check_place(out: Path) -> None:
    """Raises DataError unless `out` can be made."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is there already: delete it, or give another folder with --out.")
    if out.exists():
        out.rmdir()
    out.parent.mkdir(parents=True, exist_ok=True)


def _recognizer(model: Clasp) -> PhoneRecognizer:
    assert isinstance(model.speech, PhoneSpeechEncoder)
    return model.speech.recognizer


def _folder(model: Clasp) -> Path:
    assert model.folder is not None, "it was loaded from one"
    return model.folder


def _check_room(model: Clasp, work: Path) -> None:
    """Raises DataError unless the model, as it is and as it is trained, has room on the disk."""
    size = sum(path.stat().st_size for path in _folder(model).rglob("*") if path.is_file())
    if not work.exists() and shutil.disk_usage(work.parent).free < ROOM * size:
        raise DataError(
            f"The disk of {work.parent.resolve()} has no {ROOM * size / 1e6:.0f} MB left: make room, or give another "
            "folder with --out."
        )


def _plan(work: Path, args: argparse.Namespace, model: Clasp, clips: Sequence[Clip]) -> dict[str, Any]:
    """What an interrupted adaptation has decided, or what one begins with.

    Raises:
        DataError: if the work there is another one.
    """
    rows = [(clip.id, clip.text, clip.language, clip.split) for clip in clips]
    begun = {
        "model": model.checksum,
        "clips": hashlib.sha256(json.dumps(rows).encode()).hexdigest(),
        "minutes": args.minutes,
    }
    path = work / "plan.json"
    if not path.exists():
        work.mkdir(exist_ok=True)
        return begun
    plan = json.loads(path.read_text())
    if begun.items() <= plan.items():
        print(f"Going on with {work}", flush=True)
        return plan
    raise DataError(
        f"{work} holds an unfinished adaptation of another model, to other recordings or in other minutes: "
        "delete it, or give another folder with --out."
    )


def _steps(model: Clasp, sources: tuple[list[AdaptationExample], ...], seconds: float) -> int:
    """How many steps: PASSES through your recordings, or what `seconds` allow."""
    seconds_of_speech = sum(example.frames for example in sources[0]) / FRAME_RATE
    wanted = math.ceil(PASSES * seconds_of_speech / SECONDS)
    recognizer = copy.deepcopy(_recognizer(model))
    for step in range(2):  # the second is as fast as any other
        begun = time.monotonic()
        loss(recognizer, draw_batch(sources, SECONDS, step), step).backward()
    pace = time.monotonic() - begun
    steps = min(wanted, int(seconds / (1.1 * pace)))
    if steps < min(wanted, 2 * WARM_UP):
        raise DataError(f"A step takes {pace:.1f} s, too long for the time that is left: give more --minutes.")
    print(f"{steps} steps of about {pace:.1f} s", flush=True)
    return steps


def _train(
    recognizer: PhoneRecognizer, sources: tuple[list[AdaptationExample], ...], work: Path, steps: int
) -> dict[str, torch.Tensor]:
    """The averaged weights of a copy of the recognizer after `steps` steps."""
    torch.manual_seed(0)
    learner = copy.deepcopy(recognizer).requires_grad_(True)
    average = copy.deepcopy(recognizer).requires_grad_(False)
    optimiser = torch.optim.AdamW(learner.parameters(), lr=PEAK_RATE, weight_decay=0.0, betas=(0.9, 0.98))
    checkpoint = Checkpoint(work, learner=learner, average=average, optimiser=optimiser)
    started = time.time()
    for step in range(checkpoint.resume(), steps):
        rate = learning_rate(step, steps, PEAK_RATE, WARM_UP)
        error = descend(loss(learner, draw_batch(sources, SECONDS, step), step), optimiser, rate)
        update_average(average, learner, AVERAGE)
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            checkpoint.save(step + 1)
            print(f"step {step + 1} of {steps}, loss {error:.3f}, {time.time() - started:.0f} s", flush=True)
    return average.state_dict()


def _written(model: Clasp, learned: dict[str, torch.Tensor], share: float, folder: Path) -> Clasp:
    """The model in `folder` that has `share` of what was learned, as it is loaded from there."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(_folder(model), folder)
    speech = model.speech
    assert isinstance(speech, PhoneSpeechEncoder)
    old = speech.recognizer
    mixed = {
        name: torch.lerp(value, learned[name], share) if value.is_floating_point() else value
        for name, value in old.state_dict().items()
    }
    speech.recognizer = copy.deepcopy(old)
    speech.recognizer.load_state_dict(mixed)
    model.save(folder)
    speech.recognizer = old
    return load(folder, model.device)


def _card(facts: dict[str, Any]) -> str:
    rows = ["| speech | direction | HITS@1 | MRR |", "|---|---|---|---|"]
    for speech in ("yours", "general"):
        for way in ("speech→text", "text→speech"):
            was, now = (facts[when][speech][way] for when in ("before", "after"))
            hits, mrr = (f"{was[name]:.3f} → {now[name]:.3f}" for name in ("hits@1", "mrr"))
            rows.append(f"| {speech} | {way} | {hits} | {mrr} |")
    text = (
        f"Its recognizer went on to learn from {facts['pairs']} recordings ({facts['steps']} steps, "
        f"{facts['share']:.0%} of what was learned is taken; {facts['minutes']} minutes). {facts['held_out']} pairs "
        "were held out; general speech is a part of the demo library with another voice behind each. All else, the "
        f"calibration too, is that of the model with the checksum {facts['from']}."
    )
    return "\n".join(["# An adapted CLASP model", "", text, "", *rows, ""])
