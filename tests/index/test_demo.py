import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import Waveform, decode
from clasp.calibration import Calibration
from clasp.errors import LibraryError
from clasp.model import EncoderOutput
from clasp.phones.inventory import INVENTORY
from clasp.speech.gate import EVIDENCE
from index.demo import DEMO, METADATA_FILE, SEGMENTS_FILE, VECTORS_FILE, embed_demo, open_demo, read, shipped
from index.files import load_arrays, save_arrays
from index.map.library_map import LibraryMap
from tests.threads import at_once

RATE = 16_000
DIM = 32
NOTES = {"a": 220.0, "b": 440.0, "c": 880.0, "d": 1760.0}  # Hz; the long recording plays c, then d


@dataclass
class Ear:
    """A tiny deterministic encoder: which frequencies sound, which letters are written."""

    checksum: str = "e" * 64
    dim: int = DIM
    meaning_dim: int = DIM // 2
    heard: list[float] = field(default_factory=list)  # durations in s
    speaker_head: None = None
    aligner: None = None
    calibration: Calibration = field(default_factory=Calibration.rough)

    def encode_speech(self, waveforms: list[Waveform], *, return_phones: bool = False) -> np.ndarray | EncoderOutput:
        self.heard += [waveform.duration for waveform in waveforms]
        spectra = [np.abs(np.fft.rfft(waveform.samples, RATE))[50:2_034] for waveform in waveforms]
        vectors = self._units(np.array([spectrum.reshape(DIM, -1).sum(axis=1) for spectrum in spectra]))
        phones = [np.eye(len(INVENTORY), dtype=np.float32)[1 : 2 + int(waveform.duration)] for waveform in waveforms]
        return EncoderOutput(vectors, phones) if return_phones else vectors

    def encode_text(self, texts: list[str], languages: list[str] | None = None) -> np.ndarray:
        pairs = zip(texts, languages, strict=True)
        return self._units(np.array([list(hashlib.sha256(repr(pair).encode()).digest()) for pair in pairs]))

    def halves(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first, second = np.split(vectors, 2, axis=1)
        return self._units(first), self._units(second)

    def fuse(self, direct: np.ndarray, texts: list[str], evidence: np.ndarray) -> np.ndarray:
        """Halfway from what was heard to what is written, which must be known to have come with the recording."""
        assert evidence[:, [name for name, _ in EVIDENCE].index("supplied")].all()
        return self._units(direct + self.encode_text(texts, [""] * len(texts))[:, : self.meaning_dim])

    @staticmethod
    def _units(vectors: np.ndarray) -> np.ndarray:
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def tone(frequency: float, seconds: float) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A library of two sentences and one recording of two."""
    folder = tmp_path / "demo"
    (folder / "audio").mkdir(parents=True)
    for name in "ab":
        soundfile.write(folder / f"audio/{name}.wav", tone(NOTES[name], 1.0), RATE)
    long = np.concatenate([tone(NOTES["c"], 1.5), np.zeros(RATE // 2), tone(NOTES["d"], 1.0)])
    soundfile.write(folder / "audio/long.wav", long, RATE)
    (folder / METADATA_FILE).write_text(
        "id\tfile\tlanguage\tspeaker\tvoice\troom\tcategory\tkind\tduration\ttext\n"
        "a\taudio/a.wav\ten\tAnna\tflute\t\tnews\tsentence\t1.00\tA \"low\" note\n"
        "long\taudio/long.wav\tde\t\tflute horn\thall\thobbies\trecording\t3.00\tTwo notes\n"
        "b\taudio/b.wav\tfr\t\thorn\t\tnews\tsentence\t1.00\tUne note\n",
        encoding="utf-8",
    )  # fmt: skip
    (folder / SEGMENTS_FILE).write_text(
        "id\trecording\tstart\tend\tlanguage\tspeaker\ttext\n"
        "long-1\tlong\t0.00\t1.50\tde\tBert\tHoch\n"
        "long-2\tlong\t2.00\t3.00\tnl\tCleo\tHöher\n",
        encoding="utf-8",
    )
    return folder


def test_the_metadata_becomes_recordings_and_segments(folder):
    recordings, segments = read(folder)
    assert [(one.id, one.duration, one.language, one.text) for one in recordings] == [
        ("a", 1.0, "en", 'A "low" note'), ("long", 3.0, "de", "Two notes"), ("b", 1.0, "fr", "Une note"),
    ]  # fmt: skip
    assert [(one.name, one.end, one.text, one.language, one.speaker, one.category) for one in segments] == [
        ("a@0.00", 1.0, 'A "low" note', "en", "Anna", "news"),
        ("long@0.00", 1.5, "Hoch", "de", "Bert", "hobbies"),
        ("long@2.00", 3.0, "Höher", "nl", "Cleo", "hobbies"),
        ("b@0.00", 1.0, "Une note", "fr", "", "news"),
    ]


def test_the_shipped_metadata():
    recordings, segments = read(DEMO)
    assert len(segments) >= 900 and len({one.name for one in segments}) == len(segments)
    assert len({one.category for one in segments}) == 15 and len({one.language for one in segments}) >= 11
    assert all((DEMO / one.path).is_file() for one in recordings)
    ends = {one.id: one.duration for one in recordings}
    assert all(0 <= one.start < one.end <= ends[one.recording] + 0.01 for one in segments)
    assert max(one.duration for one in recordings) > 500
    talks = [{one.speaker for one in segments if one.recording == name} for name in ("orpheum", "guitar")]
    assert talks == [{"Helen Marsh", "Rosalind Pike"}, {"Daniel Frost", "Clara Benítez"}]
    assert {one.language for one in segments if one.recording == "guitar"} == {"en", "es"}


def test_the_shipped_vectors_and_map(caplog):
    checksum = str(load_arrays(DEMO / VECTORS_FILE, "model")[0])
    model = Ear(checksum=checksum, dim=768, meaning_dim=384)
    library, vectors = open_demo(model), shipped(DEMO, model)
    assert not caplog.records and model.heard == []  # they are of the shipped texts, and of one model
    points = LibraryMap.load(library)
    assert not caplog.records and len(points) == len(library) and points.stale == 0
    assert np.isfinite(points.points().flat).all() and points.layout.regions and points.layout.measures
    ids, speech = library.vectors()
    missed = 0
    for query in vectors.text.astype(np.float32):
        found = {*library.candidates(query, 10).ids.tolist()}
        for stored, asked in zip(model.halves(speech), model.halves(query[None]), strict=True):
            missed += len({*ids[np.argsort(-(stored @ asked[0]))[:10]].tolist()} - found)
    assert missed <= 0.01 * 20 * len(library)


def with_text(ear: Ear, vector: np.ndarray, text: str) -> np.ndarray:
    """A vector of speech, (dim,), with its transcript taken in, which leaves the length of each half."""
    meaning, sound = vector[: ear.meaning_dim], vector[ear.meaning_dim :]
    length = np.linalg.norm(meaning)
    fused = meaning / length + ear.encode_text([text], [""])[0, : ear.meaning_dim]
    return np.concatenate([length * fused / np.linalg.norm(fused), sound])


def test_without_vectors_it_is_made_from_the_audio_and_the_texts(folder):
    ear, steps = Ear(), []
    library = open_demo(ear, folder, progress=lambda done, total: steps.append((done, total)))
    assert ear.heard == [1.0, 1.5, 1.0, 1.0] and steps[-1] == (4, 4)
    for text, note in {"Hoch": "c", "Höher": "d", "Une note": "b", 'A "low" note': "a"}.items():
        query = with_text(ear, ear.encode_speech([Waveform(tone(NOTES[note], 0.8).astype(np.float32))])[0], text)
        nearest = library.candidates(query, 1)
        assert nearest.segments[0].text == text
        path, start, end = library.audio(nearest.segments[0])
        played = decode(path).samples[int(start * RATE) : int(end * RATE)]
        expected = with_text(ear, ear.encode_speech([Waveform(played)])[0], text)
        assert nearest.vectors[0] @ query == pytest.approx(float(expected @ query), abs=1e-3)
    library.close()
    ear.heard.clear()
    assert len(open_demo(ear, folder)) == 4 and ear.heard == []  # from the cache


def test_with_vectors_nothing_is_encoded(folder, caplog):
    vectors = embed_demo(Ear(), folder)
    ear = Ear()
    library = open_demo(ear, folder)
    assert ear.heard == [] and not caplog.records
    assert np.allclose(library.vectors()[1], vectors.speech, atol=1e-3)
    texts = [(segment.text, segment.language) for segment in library.segments()]
    expected = ear.encode_text(*map(list, zip(*texts, strict=True)))
    assert np.allclose(vectors.text, expected, atol=1e-3)


def replace_vectors(folder: Path, **changes: object) -> None:
    with np.load(folder / VECTORS_FILE) as file:
        arrays = dict(file)
    save_arrays(folder / VECTORS_FILE, **arrays | changes)


DOUBTS = {
    "no vectors": lambda folder: (folder / VECTORS_FILE).unlink(),
    "empty": lambda folder: (folder / VECTORS_FILE).write_bytes(b""),
    "damaged": lambda folder: (folder / VECTORS_FILE).write_bytes(b"PK\3\4 and no more"),
    "truncated": lambda folder: (folder / VECTORS_FILE).write_bytes((folder / VECTORS_FILE).read_bytes()[:900]),
    "pickled": lambda folder: np.savez(folder / VECTORS_FILE, model=np.array([Ear], object)),
    "another model": lambda folder: replace_vectors(folder, model="f" * 64),
    "another dimension": lambda folder: replace_vectors(folder, speech=np.zeros((4, 8), np.float16)),
    "other texts": lambda folder: (folder / METADATA_FILE).write_text(
        (folder / METADATA_FILE).read_text(encoding="utf-8").replace("Une note", "Un ton"), encoding="utf-8"
    ),
}


@pytest.mark.parametrize("change", DOUBTS.values(), ids=DOUBTS)
def test_vectors_that_do_not_fit_are_made_anew(folder, caplog, change):
    embed_demo(Ear(), folder)
    change(folder)
    caplog.clear()
    ear = Ear()
    library = open_demo(ear, folder)
    assert len(ear.heard) == len(library) == 4
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 2  # why, and what


def test_each_model_and_state_has_its_own(folder, cache):
    embed_demo(Ear(), folder)
    for model in (Ear(), Ear(checksum="f" * 64)):
        assert open_demo(model, folder).model == model.checksum
    embed_demo(Ear(checksum="f" * 64), folder)
    open_demo(Ear(checksum="f" * 64), folder)
    assert len(list(cache.iterdir())) == 3


def test_the_audio_may_move(folder, tmp_path):
    open_demo(Ear(), folder).close()
    folder.rename(tmp_path / "moved")
    library = open_demo(Ear(), tmp_path / "moved")
    assert all(library.audio(segment)[0].is_file() for segment in library.segments())


def test_a_damaged_cache_is_built_anew(folder, cache, caplog):
    embed_demo(Ear(), folder)
    open_demo(Ear(), folder).close()
    next(cache.glob("*/library.db")).write_bytes(b"not a database at all" * 500)
    assert len(open_demo(Ear(), folder)) == 4
    assert "anew" in caplog.text


def test_many_start_at_once(folder, cache):
    embed_demo(Ear(), folder)
    assert at_once(*[lambda: len(open_demo(Ear(), folder))] * 8) == [4] * 8
    assert len(list(cache.iterdir())) == 1


def test_a_failure_leaves_nothing_behind(folder, cache):
    (folder / "audio/b.wav").write_bytes(b"no sound")
    with pytest.raises(Exception, match=r"b\.wav"):
        open_demo(Ear(), folder)
    assert not cache.exists() or list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written(folder, cache):
    cache.write_text("in the way")
    embed_demo(Ear(), folder)
    with pytest.raises(LibraryError, match="CLASP_CACHE"):
        open_demo(Ear(), folder)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (METADATA_FILE, "duration\t", "", "columns"),
        (METADATA_FILE, "\tsentence\t1.00", "\tsentence", "line 2"),
        (METADATA_FILE, "1.00", "one", "one"),
        (SEGMENTS_FILE, "start\tend", "end\tstart", "columns"),
    ],
)
def test_malformed_metadata(folder, name, old, new, message):
    content = (folder / name).read_text(encoding="utf-8")
    (folder / name).write_text(content.replace(old, new), encoding="utf-8")
    with pytest.raises(LibraryError, match=message):
        open_demo(Ear(), folder)


def test_missing_metadata(folder):
    shutil.rmtree(folder)
    with pytest.raises(LibraryError, match="incomplete"):
        open_demo(Ear(), folder)
