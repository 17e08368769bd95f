"""How long files are, read in the background."""

import time
from pathlib import Path

import numpy as np
import soundfile

from index.ingest.lengths import Lengths


def test_all_is_known_once_what_has_no_length_is_passed(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.wav", "broken.wav", "b.flac")]
    soundfile.write(files[0], np.zeros(16_000), 16_000)
    files[1].write_bytes(b"nothing")
    soundfile.write(files[2], np.zeros(32_000), 16_000)
    with Lengths(files) as lengths:
        while not lengths.of(files[2]):
            time.sleep(0.01)
        assert lengths.total is None and (lengths.of(files[0]), lengths.of(files[1])) == (1.0, 0.0)
        assert lengths.passed(files[1]) == 0.0
        assert lengths.total == 3.0
