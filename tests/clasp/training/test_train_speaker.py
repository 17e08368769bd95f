"""Learning to tell speakers apart, on speakers each of whom is a colour of noise."""

import argparse
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from clasp.speech.speaker import SpeakerHead
from clasp.speech.whisper_encoder import WhisperEncoder
from clasp.training import speaker
from clasp.training.data.clips import split_of

RATE, CLIPS = 16_000, 4
CORPUS = "colours"


def coloured(envelope: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """A second of noise of a spectral envelope, which swells and fades."""
    spectrum = np.fft.rfft(draw.standard_normal(RATE))
    noise = np.fft.irfft(spectrum * np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, 8), envelope))
    swell = 0.5 + 0.5 * np.sin(np.arange(RATE) / RATE * draw.uniform(10, 30) + draw.uniform(0, 6))
    return (0.3 * swell * noise / np.abs(noise).max()).astype(np.float32)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Seven speakers to learn from and five that are held out, four clips each."""
    names: dict[bool, list[str]] = {True: [], False: []}
    for number in range(200):
        names[split_of(f"{CORPUS}/{number}") == "train"].append(str(number))
    draw = np.random.default_rng(0)
    folder = tmp_path / "data"
    (folder / "speech").mkdir(parents=True)
    zipfile.ZipFile(folder / "brown.zip", "w").close()
    rows = ["file\tlanguage\tspeaker\ttext"]
    with zipfile.ZipFile(folder / "speech" / f"{CORPUS}.zip", "w") as archive:
        for name in [*names[True][:7], *names[False][:5]]:
            envelope = np.exp(1.5 * draw.standard_normal(8))
            for number in range(CLIPS):
                file = io.BytesIO()
                soundfile.write(file, coloured(envelope, draw), RATE, format="WAV")
                archive.writestr(f"{name}-{number}.wav", file.getvalue())
                rows.append(f"{name}-{number}.wav\ten\t{name}\tSentence {number} of {name}.")
        archive.writestr("metadata.tsv", "\n".join(rows) + "\n")
    return folder


def test_a_head_tells_speakers_apart_whom_it_has_not_learned_from(data: Path, tmp_path: Path, monkeypatch) -> None:
    torch.manual_seed(0)
    backbone = WhisperEncoder(width=16, layers=2, heads=2, taps=(1, 2)).eval()
    torch.nn.init.normal_(backbone.conv1.weight)  # so that it hears differences
    monkeypatch.setattr(WhisperEncoder, "pretrained", lambda: backbone)
    monkeypatch.setattr(speaker, "THRESHOLDS", np.linspace(0, 0.6, 5))
    parser = argparse.ArgumentParser()
    speaker.add_arguments(parser)
    features, out = tmp_path / "features", tmp_path / "model"
    out.mkdir()
    assert speaker.run(parser.parse_args(["--data", str(data), "--features", str(features), "--out", str(out)])) == 0
    measured = json.loads((features / "card.json").read_text())
    clean = measured["equal_error_rates"]["all corpora, as it is"]
    assert clean["rate"] < 0.25 and clean["pairs"] == 5 * CLIPS * (CLIPS - 1) / 2
    assert measured["wrong_pairs"] < 0.3 and measured["recognized_wrongly"] <= 0.01
    head = SpeakerHead.load(out)
    assert head.weights.shape[0] == 96 and 0 <= head.cluster < head.match < 1


def test_the_equal_error_rate_is_where_both_errors_are_as_frequent() -> None:
    cosines = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
    same = np.array([1, 1, 1, 0, 1, 0, 0, 0], bool)
    assert speaker.equal_error_rate(cosines, same) == pytest.approx(0.25)
    assert speaker.equal_error_rate(cosines, cosines > 0.55) == 0
