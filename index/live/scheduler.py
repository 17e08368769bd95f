"""Work of many sessions on few threads: each in its turn, what lasts before guesses, what is stale dropped.

turns = FairScheduler()
turns.ask(session, search, replace=True)     # takes the place of what the session still waits for
"""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

Work = Callable[[], None]


@dataclass
class _Line:
    """What one session waits for."""

    lasting: deque[Work] = field(default_factory=deque)
    latest: Work | None = None  # done when nothing lasting waits; a newer one takes its place
    busy: bool = False

    @property
    def ready(self) -> bool:
        return not self.busy and (bool(self.lasting) or self.latest is not None)


class FairScheduler:
    """Runs work in the background; of one session, one piece at a time."""

    def __init__(self, threads: int = 1) -> None:
        self._lines: OrderedDict[Hashable, _Line] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._run, name="turns", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def ask(self, session: Hashable, work: Work, *, replace: bool = False) -> bool:
        """Have work done when it is this session's turn.

        Args:
            replace: it becomes stale: newer work of this kind takes its place, and lasting work goes first.

        Returns:
            Whether something stale was dropped for it.
        """
        with self._changed:
            line = self._lines.setdefault(session, _Line())
            dropped = line.latest is not None
            line.latest = work if replace else None  # what is said at last makes a guess at it stale
            if not replace:
                line.lasting.append(work)
            self._changed.notify()
        return dropped

    def waiting(self, session: Hashable) -> bool:
        """Whether the session has work that waits or is being done."""
        with self._changed:
            return session in self._lines

    def forget(self, session: Hashable) -> None:
        """Drop what the session waits for."""
        with self._changed:
            line = self._lines.get(session)
            if line is not None:
                line.lasting.clear()
                line.latest = None
                if not line.busy:
                    del self._lines[session]

    def close(self) -> None:
        """Drop everything and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while self._turn():
            pass

    def _turn(self) -> bool:
        """Wait for work and do it; False at the end. Its names end with it, for work may hold what somebody said."""
        with self._changed:
            turn = None
            while not self._closed and (turn := self._next()) is None:
                self._changed.wait()
            if self._closed or turn is None:
                return False
        session, line, work = turn
        try:
            work()
        except Exception:
            log.exception("work of a session failed")
        with self._changed:
            line.busy = False
            if not line.lasting and line.latest is None:
                self._lines.pop(session, None)
            self._changed.notify()
        return True

    def _next(self) -> tuple[Hashable, _Line, Work] | None:
        """What comes next: lasting work before guesses, then that of the session that has waited longest for its turn.

        The session goes to the end of the line.
        """
        ready = [one for one in self._lines.items() if one[1].ready]
        if not ready:
            return None
        session, line = min(ready, key=lambda one: not one[1].lasting)  # the first of the least
        if line.lasting:
            work = line.lasting.popleft()
        else:
            assert line.latest is not None, "a line without work is not ready"
            work, line.latest = line.latest, None
        line.busy = True
        self._lines.move_to_end(session)
        return session, line, work
