"""Who speaks, on the command line: `library speakers` and `library diarize`."""

from pathlib import Path
from typing import TYPE_CHECKING

from clasp.errors import ClaspError
from index.cli.add import STOPPED

if TYPE_CHECKING:
    from index.library import Library


def renamed(library: "Library", name: str | None, to: str | None) -> str:
    """The table of speakers, after one has got another name if that is asked for.

    Raises:
        ClaspError: if only one of both is given, or nobody has the name.
    """
    if (name is None) != (to is None):
        raise ClaspError("To give a speaker another name, give both: the name that it has, and --to NAME.")
    if name is not None and to is not None:
        library.diarization.rename(name, to)
    return table(library)


def diarize(folder: Path) -> int:
    """Guess who speaks where that is not known, show how it goes, and name what cannot be heard any more."""
    import clasp
    from clasp.settings import current
    from index.cli.progress import show
    from index.ingest.pipeline import Ingestor
    from index.library import Library

    Library.must_exist(folder)  # before the model: errors come at once
    model = clasp.load()
    if model.speaker_head is None:
        raise ClaspError(f"The model {current().model} cannot tell speakers apart: use one that has a speaker head.")
    with Library.open(folder, model) as library:
        progress, stopped = show(Ingestor(library, model).diarize(), "utterances")
        for title, reason in progress.failed if progress is not None else ():
            print(f"  not heard: {title}: {reason}")
        print(table(library))
    if stopped:
        print("Stopped: what was done stays; run it again to go on.")
        return STOPPED
    return 1 if progress is not None and progress.failed else 0


def table(library: "Library") -> str:
    """Everybody who speaks: how long, in how many utterances and recordings."""
    rows = [
        f"{one.seconds / 60:8.1f} min  {one.utterances:6}  {one.recordings:6} recordings  {one.name}"
        + ("  (guessed)" if one.guessed else "")
        for one in library.diarization.speakers()
    ]
    return "\n".join(rows) or "Nobody is known by name, and nobody was told apart: see python -m clasp library diarize."
