import threading
import time
from collections.abc import Iterator

import pytest

from index.ingest.prefetch import prefetch


class Source:
    """Numbers from 0; it fails at `broken`, and tells what it has made and whether it was closed."""

    def __init__(self, count: int, broken: int | None = None) -> None:
        self.made, self.closed = 0, False
        self._count, self._broken = count, broken

    def __call__(self) -> Iterator[int]:
        try:
            for number in range(self._count):
                if number == self._broken:
                    raise ValueError(number)
                self.made += 1
                yield number
        finally:
            self.closed = True


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("count", [0, 1, 5, 1000])
def test_all_in_their_order(count: int) -> None:
    source = Source(count)
    assert list(prefetch(source(), 3)) == list(range(count)) and source.closed


def test_no_more_wait_than_may() -> None:
    source = Source(1000)
    for number in prefetch(source(), 4):
        time.sleep(0.002)
        assert source.made <= number + 7  # 4 wait, one is in hand, one is being put there, one has been taken
        if number == 100:
            break
    assert source.made < 110


def test_made_while_the_caller_is_busy() -> None:
    def slow() -> Iterator[int]:
        for number in range(5):
            time.sleep(0.05)
            yield number

    began = time.perf_counter()
    for _ in prefetch(slow(), 2):
        time.sleep(0.05)
    assert time.perf_counter() - began < 0.42  # one after the other it would be 0.5


def test_an_error_comes_after_what_was_made_before_it() -> None:
    source, found = Source(9, broken=6), []
    with pytest.raises(ValueError, match="6"):
        found.extend(prefetch(source(), 2))
    assert found == [0, 1, 2, 3, 4, 5] and source.closed


def test_who_stops_early_closes_it() -> None:
    source = Source(1000)
    numbers = prefetch(source(), 2)
    assert [next(numbers), next(numbers)] == [0, 1]
    numbers.close()
    assert source.closed and source.made < 10
