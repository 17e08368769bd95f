"""Whatever a file holds: it is decoded, or refused in one sentence, in bounded time and memory."""

from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.clasp.audio.fuzz import MEMORY, NAMES, SECONDS, STALL, Decoder, Outcome, mutated, seeds
from tests.threads import at_once

CASES, MANY, WORKERS = 200, 20_000, 2


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return seeds(tmp_path_factory.mktemp("seeds"))


def fuzzed(wholes: list[bytes], folder: Path, cases: range) -> list[tuple[int, Outcome]]:
    """What came of every case, by several processes."""

    def work(worker: int) -> list[tuple[int, Outcome]]:
        outcomes = []
        decoder = Decoder(SECONDS, CLASP_STALL_SECONDS=STALL)
        path = folder / f"{worker}.bin"
        for case in cases[worker::WORKERS]:
            path.write_bytes(mutated(wholes, case))
            outcomes.append((case, decoder.outcome(path)))
        decoder.close()
        return outcomes

    return [one for some in at_once(*(partial(work, worker) for worker in range(WORKERS))) for one in some]


def hold(outcomes: list[tuple[int, Outcome]]) -> None:
    """Print the figures; fail where something happened that must not."""
    verdicts = Counter(one.verdict for _, one in outcomes)
    slowest = max(outcomes, key=lambda each: each[1].seconds)
    memory = max(one.memory for _, one in outcomes) / 2**20
    most = f"{slowest[1].seconds:.1f} s (case {slowest[0]}), {memory:.0f} MiB"
    print(f"\n{len(outcomes)} files: {dict(verdicts.most_common(8))}; at most {most}")
    assert [(case, one.verdict) for case, one in outcomes if one.verdict not in ("ok", "refused")] == []
    assert memory < MEMORY / 2**20 and slowest[1].seconds < SECONDS


def test_whole_recordings_are_decoded(wholes: list[bytes], tmp_path: Path):
    decoder = Decoder(SECONDS)
    for name, content in zip(NAMES, wholes, strict=True):
        path = tmp_path / name
        path.write_bytes(content)
        assert decoder.outcome(path).verdict == "ok", name
    decoder.close()


def test_broken_recordings(wholes: list[bytes], tmp_path: Path):
    outcomes = fuzzed(wholes, tmp_path, range(CASES))
    hold(outcomes)
    assert len({one.verdict for _, one in outcomes}) == 2  # some of each


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_twenty_thousand_broken_recordings(wholes: list[bytes], tmp_path: Path):
    hold(fuzzed(wholes, tmp_path, range(CASES, CASES + MANY)))


def test_a_process_that_dies_or_hangs_is_seen(tmp_path: Path):
    """The test of the test."""
    decoder = Decoder(0.02)
    assert decoder.outcome(tmp_path).verdict == "ended with -9"
    decoder.close()
