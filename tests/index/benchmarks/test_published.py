"""The benchmark of the published architecture, on one that is small; its figures belong to a machine."""

import numpy as np
import torch

from clasp import Clasp
from clasp.speech import backbones
from index.benchmarks import published, stages
from index.benchmarks.benchmark import table
from tests.clasp.published.test_checkpoint import EFFICIENTNET, HUBERT


def test_every_stage_is_measured() -> None:
    config = published.PUBLISHED | {
        "dim": 24,
        "speech": {"backbone": HUBERT | {"model_type": "hubert"}},
        "spectrogram": {"figure": True, "backbone": EFFICIENTNET | {"model_type": "efficientnet"}},
    }
    where, rows = published.measure(2, config)
    assert "RANDOM WEIGHTS" in where
    measured = {row.what: row.measured for row in rows}
    assert {"decoding", "voice activity", "spectrograms", "speech backbone", "spectrogram backbone", "fusion",
            "all, 1 at once", "all, 2 at once"} <= measured.keys()  # fmt: skip
    assert 0.1 < float(measured["all, 2 at once"].split()[-2]) < 16  # GB
    assert "all, 4 at once" not in measured  # more than there are
    assert all(stages.rate(row) > 0 for row in rows)
    assert len(table(rows, where).rows) == len(rows)


def test_a_model_with_a_sound_half_is_measured_from_files_to_vectors(tiny: Clasp) -> None:
    clips = stages.spoken(2)
    where, rows = stages.measure(tiny, clips)
    assert where == f"cpu in float32, {clips.seconds:.0f} s of speech"
    names = "decoding", "voice activity", "speech backbone", "phones", "meaning of the phones", "sound of the phones"
    assert [row.what for row in rows] == [*names, "all, 1 at once", "all, 2 at once"]
    assert all(stages.rate(row) > 0 for row in rows)


def test_the_sizes_are_the_published_ones() -> None:
    with torch.device("meta"):
        hubert = backbones.build(published.HUBERT_LARGE)
    assert sum(weight.numel() for weight in hubert.parameters()) == 315_438_720
    assert backbones.width(hubert) == 1024
    assert np.isclose(stages.spoken(1).seconds, 2, atol=1)
