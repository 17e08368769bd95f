"""Work done ahead of who needs it, in a thread."""

import threading
from collections.abc import Generator
from contextlib import suppress
from queue import Empty, Queue
from typing import TypeVar

Item = TypeVar("Item")


def prefetch(items: Generator[Item, None, None], size: int) -> Generator[Item, None, None]:
    """The same items, made by a thread while the caller is still busy with earlier ones; at most `size` wait.

    What making one raises is raised here, after those before it. Closing this closes `items`.
    """
    made: Queue[tuple[Item] | BaseException] = Queue(size)
    over = threading.Event()

    def make() -> None:
        end: BaseException = StopIteration()
        try:
            for item in items:
                made.put((item,))
                if over.is_set():
                    break
        except BaseException as error:
            end = error
        finally:
            items.close()
        made.put(end)

    thread = threading.Thread(target=make, name="prefetch", daemon=True)
    thread.start()
    try:
        while isinstance(one := made.get(), tuple):
            yield one[0]
    finally:
        over.set()
        while thread.is_alive():
            with suppress(Empty):
                made.get_nowait()  # it may wait for room
            thread.join(0.01)
    if not isinstance(one, StopIteration):
        raise one
