"""Search with the microphone of this machine: speak, and see what says the same.

    python -m clasp listen
    python -m clasp listen --list-devices
    python -m clasp listen --device 3 --library
    python -m clasp listen --loopback             # what the machine plays, where the system lets it be heard
    python -m clasp listen --from interview.wav   # a file, as if it were spoken now

Ctrl-C ends it. Nothing that was said is kept.
"""

import argparse
import queue
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clasp.audio.decode import SAMPLE_RATE, stream
from clasp.errors import AudioError
from index.paths import open_library, usual_library

if TYPE_CHECKING:
    from rich.console import RenderableType

    from index.live.session import LiveSession, LiveUtterance

BLOCK = 0.1  # seconds of sound that are taken at once
SHOWN = 3  # hits of an utterance
LATEST = 6  # utterances that stay in sight
LOOPBACK = ("monitor of", ".monitor", "loopback", "stereo mix", "blackhole")  # in names of devices
WITHOUT = (
    "The microphone needs PortAudio: install it (Debian, Ubuntu: apt install libportaudio2; macOS: brew install "
    "portaudio), or use --from FILE."
)

Chunk = tuple[np.ndarray, int]  # samples, (n,) or (n, channels), and their rate in Hz


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp listen`."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--device", metavar="NUMBER|NAME", help="the microphone (default: the system's)")
    source.add_argument("--loopback", action="store_true", help="hear what this machine plays")
    source.add_argument("--from", dest="file", type=Path, metavar="FILE", help="a file, as if it were spoken now")
    source.add_argument("--list-devices", action="store_true", help="show the microphones, and end")
    parser.add_argument(
        "--library", nargs="?", const="", metavar="NAME|FOLDER",
        help="search this library; without a name: your own (default: the one that ships)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Listen until Ctrl-C, or the end of the file."""
    if args.list_devices:
        print("\n".join(f"{device['index']:3}  {device['name']}" for device in microphones()))
        return 0
    device = _device(args.device, loopback=args.loopback) if args.file is None else None  # errors come at once
    sound = played(args.file) if args.file is not None else recorded(device)

    import clasp
    from index.live.scheduler import FairScheduler
    from index.live.session import LiveSession

    model = clasp.load()
    library = open_library(model, usual_library() if args.library is None else args.library or None)
    turns = FairScheduler()
    try:
        return _shown(LiveSession(model, library, turns=turns), sound)
    except KeyboardInterrupt:
        return 0
    finally:
        turns.close()
        library.close()


def microphones() -> list[dict[str, Any]]:
    """What sound can be recorded from, as `sounddevice` describes it.

    Raises:
        AudioError: without PortAudio, or where there is nothing.
    """
    devices = [one for one in _sounddevice().query_devices() if one["max_input_channels"] > 0]
    if not devices:
        raise AudioError("This machine has no microphone: plug one in, or use --from FILE.")
    return devices


def recorded(device: int | None) -> Iterator[Chunk]:
    """What a microphone hears, as it hears it.

    Raises:
        AudioError: if it cannot be used.
    """
    sounddevice = _sounddevice()
    heard: queue.SimpleQueue[np.ndarray] = queue.SimpleQueue()
    try:
        rate = int(sounddevice.query_devices(device, "input")["default_samplerate"])
        with sounddevice.InputStream(
            samplerate=rate, blocksize=round(BLOCK * rate), device=device, channels=1, dtype="int16",
            callback=lambda block, *_: heard.put(block.copy()),
        ):  # fmt: skip
            while True:
                yield heard.get(), rate
    except sounddevice.PortAudioError as error:
        raise AudioError(f"The microphone cannot be used ({error}): choose another with --device.") from error


def played(file: Path) -> Iterator[Chunk]:
    """A file, in real time from when its sound is first asked for.

    Raises:
        AudioError: at once if it is no recording.
    """
    return _paced(stream(file))


def _paced(blocks: Iterable[np.ndarray]) -> Iterator[Chunk]:
    size, began, given = round(BLOCK * SAMPLE_RATE), time.monotonic(), 0
    for block in blocks:
        for start in range(0, len(block), size):
            chunk = block[start : start + size]
            given += len(chunk)
            time.sleep(max(0.0, began + given / SAMPLE_RATE - time.monotonic()))
            yield chunk, SAMPLE_RATE


def _device(asked: str | None, *, loopback: bool) -> int | None:
    """The number of the device that is asked for, by its number, its name or a part of that; None for the system's."""
    devices = microphones()
    if loopback:
        found = [one for one in devices if any(word in one["name"].lower() for word in LOOPBACK)]
        if not found:
            raise AudioError("This system has no device that hears what it plays: see --list-devices.")
        return found[0]["index"]
    if asked is None:
        return None
    wanted = asked.strip().lower()
    if wanted.isdecimal():
        found = [one for one in devices if one["index"] == int(wanted)]
    else:
        found = [one for one in devices if one["name"].lower() == wanted]
        found = found or [one for one in devices if wanted and wanted in one["name"].lower()]
    if not found:
        raise AudioError(f"There is no microphone {asked!r}: see --list-devices.")
    return found[0]["index"]


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:  # the package is there, its library is not
        raise AudioError(WITHOUT) from error
    return sounddevice


def _shown(session: "LiveSession", sound: Iterator[Chunk]) -> int:
    """Feed the session and draw what it finds, to the end of the sound."""
    from rich.console import Console
    from rich.live import Live

    spoken: dict[int, LiveUtterance] = {}
    console = Console()
    with Live(console=console, refresh_per_second=10, transient=True) as screen:

        def draw() -> None:
            for one in session.news():
                spoken[one.number] = one
            for number in list(spoken)[:-LATEST] if console.is_terminal else [n for n in spoken if spoken[n].final]:
                if spoken[number].final:
                    screen.console.print(_utterance(spoken.pop(number)))
            screen.update(_screen(session, spoken))

        for samples, rate in sound:
            session.feed(samples, rate)
            draw()
        session.finish()
        while session.busy:
            time.sleep(BLOCK)
            draw()
        draw()
    for one in spoken.values():
        console.print(_utterance(one))
    if not session.found:
        console.print("Nothing was said.")
    return 0 if session.found else 1


def _screen(session: "LiveSession", spoken: "dict[int, LiveUtterance]") -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    bar = "█" * round(20 * session.level)
    meter = Text.assemble(
        ("● " if session.voiced else "○ ", "green" if session.voiced else "dim"), (f"{bar:20}", "cyan")
    )
    return Group(*map(_utterance, spoken.values()), meter)


def _utterance(spoken: "LiveUtterance") -> "RenderableType":
    from rich.text import Text

    head = f"{int(spoken.start) // 60}:{int(spoken.start) % 60:02}–{int(spoken.end) // 60}:{int(spoken.end) % 60:02}"
    text = Text(f"{head}  {'' if spoken.final else '… '}", style="bold" if spoken.final else "dim")
    if spoken.problem:
        return text.append(spoken.problem, style="red")
    hits = [hit for hit in spoken.answer.hits if hit.strong][:SHOWN] if spoken.answer else []
    if not hits:
        return text.append("no strong match", style="dim")
    for number, hit in enumerate(hits):
        segment = hit.segment
        where = f"{segment.recording} {int(segment.start) // 60}:{int(segment.start) % 60:02}"
        text.append("" if number == 0 else "\n" + " " * 11)
        text.append(f"{hit.probability:4.0%}  ", style="green" if spoken.final else "dim")
        text.append(f"{segment.transcript or where}")
    return text
