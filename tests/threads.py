"""Several threads at once; what one of them raises is raised here."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")


def at_once(*work: Callable[[], Result]) -> list[Result]:
    """What each piece of work gives; all of them begin together, each in a thread of its own."""
    ready = threading.Barrier(len(work))

    def begin(one: Callable[[], Result]) -> Result:
        ready.wait()
        return one()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(begin, work))


@contextmanager
def meanwhile(*work: Callable[[], object]) -> Iterator[None]:
    """Each piece of work is done again and again, in a thread of its own, until the end of the block."""
    over = threading.Event()

    def repeat(one: Callable[[], object]) -> None:
        while not over.is_set():
            one()

    with ThreadPoolExecutor(len(work)) as pool:
        running = [pool.submit(repeat, one) for one in work]
        try:
            yield
        finally:
            over.set()
    for one in running:
        one.result()
