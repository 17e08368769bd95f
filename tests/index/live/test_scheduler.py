"""Fair turns: nobody waits for all of another's work, stale work is dropped, finals are not."""

import threading
from collections.abc import Iterator

import pytest

from index.live.scheduler import FairScheduler


@pytest.fixture
def turns() -> Iterator[FairScheduler]:
    turns = FairScheduler()
    yield turns
    turns.close()


class Gate:
    """Work that holds the only thread until it is opened."""

    def __init__(self, turns: FairScheduler) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        turns.ask("gate", self)
        assert self.reached.wait(10)

    def __call__(self) -> None:
        self.reached.set()
        assert self.open.wait(10)


def done(turns: FairScheduler, *sessions: str) -> None:
    last = threading.Event()
    for session in sessions:
        while turns.waiting(session):
            last.wait(0.005)


def test_each_session_in_its_turn(turns: FairScheduler):
    gate, order = Gate(turns), []
    for number in range(3):
        turns.ask("many", lambda number=number: order.append(f"many {number}"))
    for session in ("one", "two"):
        turns.ask(session, lambda session=session: order.append(session))
    gate.open.set()
    done(turns, "many", "one", "two")
    assert order == ["many 0", "one", "two", "many 1", "many 2"]


def test_a_newer_guess_takes_the_place_of_an_older_one(turns: FairScheduler):
    gate, order = Gate(turns), []
    dropped = [turns.ask("a", lambda n=n: order.append(n), replace=True) for n in range(4)]
    gate.open.set()
    done(turns, "a")
    assert dropped == [False, True, True, True] and order == [3]


def test_what_lasts_is_done_and_makes_a_guess_stale(turns: FairScheduler):
    gate, order = Gate(turns), []
    turns.ask("a", lambda: order.append("guess"), replace=True)
    assert turns.ask("a", lambda: order.append("final 1"))
    turns.ask("a", lambda: order.append("next guess"), replace=True)
    turns.ask("a", lambda: order.append("final 2"))
    gate.open.set()
    done(turns, "a")
    assert order == ["final 1", "final 2"]


def test_what_lasts_goes_before_the_guesses_of_others(turns: FairScheduler):
    gate, order = Gate(turns), []
    for session in ("a", "b", "c"):
        turns.ask(session, lambda session=session: order.append(f"guess {session}"), replace=True)
    turns.ask("d", lambda: order.append("final d"))
    turns.ask("b", lambda: order.append("final b"))
    gate.open.set()
    done(turns, "a", "b", "c", "d")
    assert order == ["final b", "final d", "guess a", "guess c"]


def test_forgotten_work_is_not_done_and_a_failure_harms_nobody(turns: FairScheduler, caplog: pytest.LogCaptureFixture):
    gate, order = Gate(turns), []
    turns.ask("a", lambda: order.append("a"))
    turns.ask("b", lambda: 1 / 0)
    turns.ask("c", lambda: order.append("c"))
    turns.forget("a")
    assert not turns.waiting("a")
    gate.open.set()
    done(turns, "b", "c")
    assert order == ["c"] and "ZeroDivisionError" in caplog.text


def test_work_of_one_session_never_runs_twice_at_once():
    turns, running, most, lock = FairScheduler(threads=4), [0], [0], threading.Lock()

    def work() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.01)
        with lock:
            running[0] -= 1

    for _ in range(10):
        turns.ask("a", work)
    done(turns, "a")
    turns.close()
    assert most == [1]
