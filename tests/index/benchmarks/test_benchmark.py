"""The benchmark's own arithmetic; its figures belong to a machine and are no test."""

import mmap
import os

import numpy as np
import pytest

from index.benchmarks import benchmark


def test_times_leave_the_warm_up_out() -> None:
    calls: list[int] = []
    seconds = benchmark.timed(calls.append)
    assert seconds.shape == (benchmark.RUNS,)
    assert len(calls) == benchmark.WARM_UP + benchmark.RUNS
    row = benchmark.milliseconds("x", np.array([0.010] * 18 + [0.100] * 2), 25)
    assert row.passed
    assert "p50 10.0 ms, p95 100.0 ms" in row.measured
    assert benchmark.milliseconds("x", np.array([0.030]), 25).passed is False


def test_memory_of_a_process_is_read_where_the_system_tells_it() -> None:
    before = benchmark.resident(os.getpid())
    if before is None:
        pytest.skip("no /proc on this system")
    with mmap.mmap(-1, 50_000_000) as block:  # new pages: what the process has freed may be used again unnoticed
        block.write(b"1" * 50_000_000)
        assert benchmark.resident(os.getpid()) - before == pytest.approx(0.05, abs=0.02)
