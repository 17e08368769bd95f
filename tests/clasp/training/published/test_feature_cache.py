"""Rows that are kept on disk: whole, once, and those of nothing else."""

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest

from clasp.training.published import feature_cache
from clasp.training.published.processes import Processes


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "SHARD", 4)


def keep(folder: Path, groups: list[list[int]], computed: list[int]) -> feature_cache.Kept:
    """The row of n is n, n², n³; `computed` notes what was not there."""

    def compute(some: list[int]) -> np.ndarray:
        computed.extend(some)
        return np.array([(one, one**2, one**3) for one in some], np.float32)

    def checksum(number: int) -> str:
        return hashlib.sha256(str(number).encode()).hexdigest()

    return feature_cache.keep(folder, groups, checksum, int, compute, Processes(), "powers")


def test_rows_are_those_of_their_things_and_computed_once(tmp_path: Path) -> None:
    groups, computed = [list(range(10)), [20], list(range(12, 17))], []
    first = keep(tmp_path, groups, computed)
    flat = np.array([one for group in groups for one in group])
    assert computed == flat.tolist()
    assert [len(shard) for shard in first.shards] == [4, 4, 2, 1, 4, 1]
    assert len(first) == 16
    rows = np.random.default_rng(0).permutation(np.r_[np.arange(16), 3, 3])
    assert first[rows].dtype == np.float32
    np.testing.assert_array_equal(first[rows], np.stack([flat**power for power in (1, 2, 3)], 1)[rows])
    again = keep(tmp_path, groups, computed)
    assert len(computed) == 16
    assert again.checksum == first.checksum
    assert all(isinstance(shard, np.memmap) and not shard.flags.writeable for shard in again.shards)
    # one group less, one more before: what the others have is not computed again
    del computed[:]
    other = keep(tmp_path, [[30, 31], *groups[1:]], computed)
    assert computed == [30, 31]
    assert other.checksum != first.checksum
    np.testing.assert_array_equal(other[np.arange(3)][:, 0], [30, 31, 20])


@pytest.mark.parametrize("damage", ["cut", "cut in the head", "empty", "no numbers", "of other length"])
def test_a_damaged_shard_is_made_again(damage: str, tmp_path: Path) -> None:
    first, computed = keep(tmp_path, [list(range(10))], []), []
    path = Path(first.shards[1].filename)
    whole = path.read_bytes()
    other = Path(first.shards[2].filename).read_bytes()
    spoiled = {"cut": whole[:-1], "cut in the head": whole[:20], "empty": b"", "no numbers": b"no numbers",
               "of other length": other}  # fmt: skip
    path.write_bytes(spoiled[damage])
    np.testing.assert_array_equal(keep(tmp_path, [list(range(10))], computed)[np.arange(10)][:, 0], np.arange(10))
    assert computed == [4, 5, 6, 7]
    assert path.read_bytes() == whole


def test_what_an_interruption_left_goes_and_what_another_run_writes_stays(tmp_path: Path) -> None:
    old, new = tmp_path / "a.1.part", tmp_path / "b.2.part"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, time.time() - 2 * feature_cache.ABANDONED))
    keep(tmp_path, [[1, 2]], [])
    assert not old.exists()
    assert new.exists()


def test_a_full_disk_leaves_no_torn_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(feature_cache.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            keep(tmp_path, [[1, 2]], [])
    assert not list(tmp_path.iterdir())
    assert len(keep(tmp_path, [[1, 2]], [])) == 2
