"""Build a speech corpus: sentences spoken by synthesizers, and recordings, with the phones of their text.

    python -m clasp corpus                                              # the one that the bundled model learns from
    python -m clasp corpus --sentences list.txt --out runs/mine --engines espeak flite --voices-per-sentence 3
    python -m clasp corpus --speech recordings/ --out runs/mine         # any layout of clasp.training.data.readers
    python -m clasp corpus --sentences list.csv --out spoken/ --audio   # FLAC files and metadata.csv instead

A list is a text file of one sentence per line, or a CSV or TSV file with the column text and, where there are,
language and category. Sentences are split into training, validation and test. Every shard is a random mixture, so
training may start while the rest is being built. It may be interrupted: a shard that is there is not built again.
espeak speaks every language, flite and festival English; the bundled model is measured on festival, and so never
learns from it. Beside the shards: hours.csv, the hours of every language and voice, and left-out.csv, what could not
be used and why.
"""

import argparse
import multiprocessing
import os
import threading
import time
from collections import defaultdict
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

import numpy as np

from clasp.audio.decode import SAMPLE_RATE, decode
from clasp.errors import ClaspError, DataError
from clasp.phones import inventory
from clasp.training.data import corpora, items, readers, shards, synthesis
from clasp.training.data.clips import SkippedRow
from clasp.training.data.items import Item, training_items, validation_items
from clasp.training.data.shards import CorpusUtterance

SHARD = 400  # utterances
SHOWN = 20  # left out utterances that are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m clasp corpus`."""
    parser.add_argument("--out", type=Path, default=Path("runs/corpus"), help="folder of the shards")
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: one per core)")
    parser.add_argument("--sentences", type=Path, metavar="FILE", help="speak this list")
    parser.add_argument("--speech", type=Path, metavar="PATH", help="take these recordings")
    parser.add_argument("--language", default="en", metavar="TAG", help="of rows that do not say theirs (en)")
    parser.add_argument("--engines", nargs="+", choices=list(synthesis.ENGINES), default=["espeak", "flite"],
                        help="synthesizers of the list, taking turns (default: espeak flite)")  # fmt: skip
    parser.add_argument("--voices-per-sentence", type=int, default=1, metavar="N", help="times each is spoken (1)")
    parser.add_argument("--audio", action="store_true", help="write audio files instead of training shards")


def run(args: argparse.Namespace) -> int:
    """Build what the arguments say."""
    if args.voices_per_sentence < 1 or args.workers < 1:
        raise DataError("--voices-per-sentence and --workers are at least 1.")
    if args.sentences is None and args.speech is None:
        data = corpora.data_folder(args.data)
        synthesis.check_installed(["espeak", "flite"])
        found = validation_items(data) + training_items(data)
        skipped: list[SkippedRow] = []
    else:
        found, skipped = _given(args)
    plan = {split: [item for item in found if item.split == split] for split in ("validation", "test", "train")}
    for split, wanted in plan.items():
        build(list(corpora.batched(wanted, SHARD)), args.out, split, args.workers, args.audio)
    if args.audio:
        shards.join_metadata(args.out)
    _report(args.out, [item for wanted in plan.values() for item in wanted], skipped)
    return 0


def build(wanted: list[list[Item]], folder: Path, split: str, workers: int, audio: bool = False) -> None:
    """Build every shard that is not there yet.

    Every shard is built by a process of its own: what espeak-ng says depends on what it has spoken before, so
    only then is a shard the same whether the build was interrupted or not.

    Raises:
        DataError: if the folder holds shards of something else, or a process dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards.clear(folder, split)
    paths = [shards.shard_path(folder, split, number, audio) for number in range(len(wanted))]
    _check_same(wanted, paths, folder, split)
    context: Any = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")
    if os.name != "nt":
        context.set_forkserver_preload([__name__])
    waiting = [number for number, path in enumerate(paths) if not path.exists()]
    started, count = time.time(), len(waiting)
    running: dict[int, tuple[BaseProcess, Path]] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            number = waiting.pop(0)
            process = context.Process(target=_build_shard, args=(wanted[number], paths[number]))
            process.start()
            running[process.sentinel] = process, paths[number]
        for sentinel in connection.wait(list(running)):
            process, path = running.pop(cast(int, sentinel))
            process.join()
            if process.exitcode != 0:
                raise DataError(f"{path.name}: its process died ({process.exitcode}). Run the command again to go on.")
            done = count - len(waiting) - len(running)
            print(f"{split}: shard {done} of {count}, {time.time() - started:.0f} s", flush=True)


def _given(args: argparse.Namespace) -> tuple[list[Item], list[SkippedRow]]:
    """The items of the list and of the recordings that were given, shuffled, and the rows that cannot be used."""
    found: list[Item] = []
    skipped: list[SkippedRow] = []
    if args.speech is not None:
        reading = readers.read(args.speech, args.language)
        print(f"{args.speech}: {reading.summary()}")
        found += items.recorded(reading.clips)
        skipped += reading.skipped
    if args.sentences is not None:
        synthesis.check_installed(args.engines)
        sentences, unusable = items.sentences(args.sentences, args.language)
        spoken, unspoken = items.spoken(sentences, args.engines, args.voices_per_sentence)
        print(f"{args.sentences}: {len(sentences)} sentences, {len(spoken)} utterances to speak")
        found += spoken
        skipped += unusable + unspoken
    return [found[place] for place in np.random.default_rng(0).permutation(len(found))], skipped


def _check_same(wanted: list[list[Item]], paths: list[Path], folder: Path, split: str) -> None:
    """Raises DataError where a shard that is there was built from other items."""
    for path in folder.glob(f"{split}-[0-9]*"):
        asked = [(item.id, item.text) for item in wanted[paths.index(path)]] if path in paths else []
        there = shards.contents(path)
        skipped = {name for name, _ in there.skipped}
        if [row[:2] for row in there.rows] != [one for one in asked if one[0] not in skipped]:
            raise DataError(f"{path} holds other sentences than are asked for: choose another --out, or delete it.")


def _build_shard(wanted: list[Item], path: Path) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)
    made: list[CorpusUtterance] = []
    skipped: list[tuple[str, str]] = []
    for item in wanted:
        try:
            made.append(_make(item))
        except ClaspError as error:
            skipped.append((item.id, str(error)))
    if path.suffix == ".npz":
        shards.write_spectrograms(path, made, skipped)
    else:
        shards.write_audio(path, made, skipped)


def _die_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)


def _make(item: Item) -> CorpusUtterance:
    """Speak or decode an item.

    Raises:
        ClaspError: if it cannot be said, cannot be decoded, or what came out cannot be its text.
    """
    phones = inventory.from_text(item.text, item.language)
    if not len(phones):
        raise DataError("nothing of its text can be said")
    if item.clip is not None:
        voice, labels = f"real:{item.clip.corpus}/{item.clip.speaker}", None
        samples = decode(item.clip.audio(), max_seconds=readers.LONGEST).samples
    else:
        speaker = synthesis.voice_for(item.engine, item.language, item.id)
        spoken = synthesis.speak(item.text, speaker)
        voice, samples, labels = str(speaker), spoken.samples, spoken.labels
        synthesis.check_pace(len(samples) / SAMPLE_RATE, len(phones))
        if len(samples) > readers.LONGEST * SAMPLE_RATE:
            raise DataError(f"takes longer than {readers.LONGEST:g} s")
    return CorpusUtterance(item, voice, samples, labels, phones)


def _report(folder: Path, wanted: list[Item], skipped: list[SkippedRow]) -> None:
    """Print the hours by language and engine; write those by voice, and what was left out."""
    places = {item.id: item.place or item.id for item in wanted}
    hours: dict[tuple[str, str], list[float]] = defaultdict(list)
    for path in sorted(folder.glob("*-[0-9][0-9][0-9][0-9]*")):
        there = shards.contents(path)
        for (_, _, language, voice, _), seconds in zip(there.rows, there.seconds, strict=True):
            hours[language, voice].append(seconds / 3600)
        skipped = skipped + [SkippedRow(places.get(name, name), reason) for name, reason in there.skipped]
    engines: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for (language, voice), each in sorted(hours.items()):
        engines[language, voice.split(":")[0]].append(each)
    for (language, engine), voices in engines.items():
        total, count = sum(map(sum, voices)), sum(map(len, voices))
        print(f"{language} {engine}: {total:.2f} h, {count} utterances, {len(voices)} voices")
    print(f"{sum(map(sum, hours.values())):.2f} h in all; {len(skipped)} left out")
    for one in skipped[:SHOWN]:
        print(f"  {one}")
    if len(skipped) > SHOWN:
        print(f"  and {len(skipped) - SHOWN} more: see {folder / 'left-out.csv'}")
    summed = [(*key, str(len(each)), f"{sum(each):.4f}") for key, each in sorted(hours.items())]
    shards.write_table(folder / "hours.csv", ("language", "voice", "utterances", "hours"), summed)
    shards.write_table(folder / "left-out.csv", ("place", "reason"), skipped)
