"""The benchmark of adding: a short one, end to end."""

import re

import pytest
import soundfile

from index.benchmarks.adding import PAUSES, _record, adding


def test_it_speaks_without_end_and_stops_in_time(tmp_path):
    seconds = _record(tmp_path / "a.flac", 30)
    assert 30 <= seconds < 45
    assert soundfile.info(tmp_path / "a.flac").duration == seconds
    samples, rate = soundfile.read(tmp_path / "a.flac")
    assert (abs(samples[-round(PAUSES[0] * rate) :]) < 0.01).all() and abs(samples).max() > 0.1


@pytest.mark.slow
def test_speed_and_memory_are_measured(capfd):
    rows = adding("bundled", hours=0.012)
    told = capfd.readouterr().err
    assert told.count("1 added") == 2 and told.count("utterances transcribed") == 1
    for speed, memory in (rows[:2], rows[2:]):
        assert float(re.match(r"(\d+) times", speed.measured)[1]) > 0
        assert 0.2 < float(re.match(r"([\d.]+) GB", memory.measured)[1]) < 4
