"""A library of long recordings to search on the page: who says what when is known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

import clasp
from clasp.audio.decode import SAMPLE_RATE
from clasp.training.data.synthesis import Voice, speak
from index.ingest.pipeline import Ingestor
from index.library import Library

FERRY = "The ferry did not leave the harbour because the fog was too thick to see the lighthouse."
BEES = "We kept the bees behind the chapel, where the lime trees give shade in July."
WELLS = "In the winter of that year the wells froze and we melted snow on the stove."
BRIDGE = "Nobody had told the driver that the bridge would be closed until Thursday."
PRESS = "They sold the printing press and bought a tractor with the money."
CANAL = "Every child in the village learned to swim in the old canal."
WATCHES = "My brother repaired watches and radios in a room above the bakery."
MILK = "Die Milch wurde mit dem Pferdewagen in die Stadt gebracht."
GAP = 0.9  # seconds of silence around each sentence
FACTS = """file,title,speaker,category,language,date,tags
village.flac,Village memories,Anna,interview,en,1962-05-01,childhood; Ferries
ferryman.aiff,The ferryman,Bert,interview,en,1971,ferries
notiz.flac,Notiz,Anna,memo,de,,
"""


@dataclass(frozen=True)
class Interviews:
    """Where the library is, and when each sentence of a recording is said, in seconds, by title."""

    folder: Path
    data: Path  # the user's data directory, with a library called empty
    said: dict[str, list[tuple[str, float, float]]]


def make(folder: Path, model: clasp.Clasp) -> Interviews:
    """Synthesize the recordings and add them to a new library of a model in `folder`."""
    files, data = folder.parent / "recordings", folder.parent / "data"
    files.mkdir()
    (files / "metadata.csv").write_text(FACTS)
    said = {
        "Village memories": _record(files / "village.flac", "en-us", [FERRY, BEES, WELLS, BRIDGE, PRESS, FERRY, CANAL]),
        "The ferryman": _record(files / "ferryman.aiff", "en-us+f3", [WATCHES, FERRY, BEES, PRESS, CANAL]),
        "Notiz": _record(files / "notiz.flac", "de", [MILK]),
    }
    with Library.create(folder, model) as library:
        *_, state = Ingestor(library, model).add([files])
        assert (state.added, state.segments, state.failed) == (3, 13, ())
    Library.create(data / "clasp" / "libraries" / "empty", model).close()
    return Interviews(folder, data, said)


def _record(path: Path, speaker: str, texts: list[str]) -> list[tuple[str, float, float]]:
    """Write sentences with pauses, and beside them when each is said as subtitles."""
    silence = np.zeros(round(GAP * SAMPLE_RATE), np.float32)
    parts, said, cues = [silence], [], []
    for number, text in enumerate(texts, start=1):
        samples = speak(text, Voice("espeak", speaker, speaker[:2])).samples.astype(np.float32)
        loud = np.flatnonzero(np.abs(samples) > 0.01)
        clip = samples[loud[0] : loud[-1]]
        start = sum(map(len, parts)) / SAMPLE_RATE
        end = start + len(clip) / SAMPLE_RATE
        said.append((text, start, end))
        cues.append(f"{number}\n{_time(start)} --> {_time(end)}\n{text}\n")
        parts += [clip, silence]
    soundfile.write(path, np.concatenate(parts), SAMPLE_RATE)
    path.with_suffix(".srt").write_text("\n".join(cues))
    return said


def _time(seconds: float) -> str:
    return f"00:{int(seconds) // 60:02}:{int(seconds) % 60:02},{int(1000 * seconds) % 1000:03}"
