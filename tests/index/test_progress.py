from collections.abc import Iterator
from dataclasses import replace

import pytest

from index.progress import AddProgress, Progress, timed


def test_the_rest_takes_as_long_as_its_share_tells() -> None:
    assert (Progress(0).share, Progress(8).left, Progress(8).speed) == (0.0, None, 0.0)
    quarter = Progress(8, 2, seconds=60.0, elapsed=3.0)
    assert (quarter.share, quarter.left, quarter.speed) == (0.25, 9.0, 20.0)
    assert replace(quarter, done=8).left == 0.0


def test_files_count_by_their_length() -> None:
    adding = AddProgress(3, 2, seconds=60.0, elapsed=3.0, bytes=400, bytes_done=300, length=400.0, length_done=200.0)
    assert (adding.share, adding.left) == (0.5, 10.0)  # one of those that are done was there already
    assert replace(adding, length_done=500).left == 0.0  # a header claims too little
    assert replace(adding, length=None).left is None and replace(adding, seconds=0.0).left is None


def test_files_of_unknown_length_count_by_their_bytes() -> None:
    adding = AddProgress(2, 1, elapsed=3.0, bytes=400, bytes_done=100)
    assert adding.share == 0.25
    assert replace(adding, bytes_done=500).share == 1.0  # a file has grown meanwhile
    assert AddProgress(1, bytes=0).share == 0.0


def test_work_that_is_stopped_is_closed_and_what_it_raises_comes_through() -> None:
    closed = []

    @timed
    def work() -> Iterator[Progress]:
        try:
            yield Progress(2)
            yield Progress(2, 1)
            raise ValueError
        finally:
            closed.append(True)

    whole = work()
    first, second = next(whole), next(whole)
    assert 0 < first.elapsed <= second.elapsed and closed == []
    with pytest.raises(ValueError):
        next(whole)
    stopped = work()
    next(stopped)
    stopped.close()
    assert closed == [True, True]
