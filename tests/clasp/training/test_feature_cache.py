"""Features that are cached on disk: whole, once, and those of nothing else."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from clasp import files
from clasp.training import feature_cache


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "SHARD", 4)


def powers(folder: Path, groups: list[list[int]], computed: list[int]) -> feature_cache.CachedFeatures:
    """The row of n is n, n², n³; `computed` notes what was not there."""

    def compute(some: list[int]) -> np.ndarray:
        computed.extend(some)
        return np.array([(one, one**2, one**3) for one in some], np.float32)

    def checksum(number: int) -> str:
        return hashlib.sha256(str(number).encode()).hexdigest()

    return feature_cache.cached_features(folder, groups, checksum, int, compute, "powers")


def test_rows_are_those_of_their_inputs_and_computed_once(tmp_path: Path) -> None:
    groups, computed = [list(range(10)), [20], list(range(12, 17))], []
    first = powers(tmp_path, groups, computed)
    flat = np.array([one for group in groups for one in group])
    assert computed == flat.tolist()
    assert sorted(len(np.load(path)) for path in tmp_path.iterdir()) == [1, 1, 2, 4, 4, 4]
    np.testing.assert_array_equal(first.rows, np.stack([flat**power for power in (1, 2, 3)], 1))
    again = powers(tmp_path, groups, computed)
    assert len(computed) == 16
    assert again.checksum == first.checksum
    # one group less, one more before: what the others have is not computed again
    del computed[:]
    other = powers(tmp_path, [[30, 31], *groups[1:]], computed)
    assert computed == [30, 31]
    assert other.checksum != first.checksum
    np.testing.assert_array_equal(other.rows[:3, 0], [30, 31, 20])


@pytest.mark.parametrize("damage", ["cut", "cut in the head", "empty", "no numbers", "of other length"])
def test_a_damaged_shard_is_made_again(damage: str, tmp_path: Path) -> None:
    powers(tmp_path, [list(range(10))], [])
    shards = {int(np.load(path)[0, 0]): path for path in tmp_path.iterdir()}
    path, whole = shards[4], shards[4].read_bytes()
    spoiled = {"cut": whole[:-1], "cut in the head": whole[:20], "empty": b"", "no numbers": b"no numbers",
               "of other length": shards[8].read_bytes()}  # fmt: skip
    path.write_bytes(spoiled[damage])
    computed: list[int] = []
    np.testing.assert_array_equal(powers(tmp_path, [list(range(10))], computed).rows[:, 0], np.arange(10))
    assert computed == [4, 5, 6, 7]
    assert path.read_bytes() == whole


def test_a_full_disk_leaves_no_torn_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            powers(tmp_path, [[1, 2]], [])
    assert not list(tmp_path.iterdir())
    assert len(powers(tmp_path, [[1, 2]], []).rows) == 2
