"""Utterances: speech is found where it was put, whatever the blocks; nothing else is."""

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch

from clasp.audio.decode import SAMPLE_RATE
from clasp.audio.vad import BLOCK, LONGEST, OVERLAP, SHORTEST, WINDOW, Segmenter, Utterance, VoiceActivity, utterances


def silence(seconds: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 1e-4, round(seconds * SAMPLE_RATE))
    return noise.astype(np.float32)


def laid_out(clips: list[np.ndarray], gap: float) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Clips with silence before, between and after, and when each is heard."""
    parts, times, position = [silence(gap)], [], gap
    for clip in clips:
        times.append((position, position + len(clip) / SAMPLE_RATE))
        parts += [clip, silence(gap)]
        position = times[-1][1] + gap
    return np.concatenate(parts), times


def spans(found: list[Utterance]) -> list[tuple[float, float]]:
    return [(one.start, one.end) for one in found]


def test_voice_activity_is_silero_vads_own(spoken):
    """Against the scripted model of the package, which hears window by window."""
    from silero_vad import load_silero_vad

    samples = torch.from_numpy(laid_out(spoken[:1], 0.5)[0])
    samples = samples[: len(samples) // WINDOW * WINDOW]
    reference = load_silero_vad()
    with torch.inference_mode():
        expected = torch.cat([reference(window, SAMPLE_RATE).flatten() for window in samples.split(WINDOW)])
    voice = VoiceActivity()
    heard = torch.cat([voice(part) for part in samples.split(40 * WINDOW)])
    torch.testing.assert_close(heard, expected, atol=2e-4, rtol=0)
    assert heard.max() > 0.9 and heard.min() < 0.1


def test_every_sentence_is_found_where_it_was_put(spoken):
    recording, times = laid_out(spoken, 1.0)
    found = list(utterances([recording]))
    assert len(found) == 3
    for one, (start, end) in zip(found, times, strict=True):
        assert start - 0.5 < one.start < start + 0.15 and end - 0.15 < one.end < end + 0.5
        first = round(one.start * SAMPLE_RATE)
        np.testing.assert_array_equal(one.waveform.samples, recording[first : first + len(one.waveform.samples)])
        assert one.end - one.start == pytest.approx(one.waveform.duration)


@pytest.mark.parametrize("decibels", [-35, -50, -60])
@pytest.mark.parametrize("gap", [0.25, 0.5])
def test_who_speaks_softly_between_two_who_speak_loudly_is_found(spoken, decibels: int, gap: float):
    clips = [spoken[0], (10 ** (decibels / 20) * spoken[1]).astype(np.float32), spoken[2]]
    pause = np.zeros(round(gap * SAMPLE_RATE), np.float32)
    recording = np.concatenate([clips[0], pause, clips[1], pause, clips[2]])
    start = len(clips[0]) / SAMPLE_RATE + gap
    end = start + len(clips[1]) / SAMPLE_RATE
    found = sum(max(0.0, min(one.end, end) - max(one.start, start)) for one in utterances([recording]))
    assert found > 0.7 * (end - start)


def test_what_is_soft_is_found_under_hum(spoken):
    recording, times = laid_out(spoken, 1.0)
    seconds = np.arange(len(recording)) / SAMPLE_RATE
    hum = 10 ** (-45 / 20) * np.sin(2 * np.pi * 50 * seconds)
    found = list(utterances([(10 ** (-50 / 20) * recording + hum).astype(np.float32)]))
    assert all(any(one.start < (start + end) / 2 < one.end for one in found) for start, end in times)


def test_the_size_of_the_blocks_does_not_matter(spoken):
    recording, _ = laid_out(spoken * 4, 0.6)
    assert len(recording) > BLOCK * WINDOW
    whole = spans(list(utterances([recording])))
    for size in (1_000, 16_000, 500_000):
        blocks = [recording[start : start + size] for start in range(0, len(recording), size)]
        assert spans(list(utterances(blocks))) == whole


def test_going_on_from_the_middle_finds_the_rest(spoken):
    recording, _ = laid_out(spoken * 3, 0.8)
    whole = list(utterances([recording]))
    rest = list(utterances([recording[:70_000], recording[70_000:]], start=whole[4].end))
    assert len(rest) == len(whole) - 5
    for one, other in zip(rest, whole[5:], strict=True):
        assert one.start == pytest.approx(other.start, abs=0.2) and one.end == pytest.approx(other.end, abs=0.2)
        assert one.start >= whole[4].end


@pytest.mark.parametrize("kind", ["silence", "noise", "chord", "nothing", "a click"])
def test_what_is_no_speech_is_left_out(kind: str):
    time = np.arange(8 * SAMPLE_RATE) / SAMPLE_RATE
    sounds = {
        "silence": np.zeros(len(time)),
        "noise": np.random.default_rng(0).normal(0, 0.1, len(time)),
        "chord": 0.1 * sum(np.sin(2 * np.pi * tone * time) for tone in (262, 330, 392)),
        "nothing": np.zeros(0),
        "a click": np.where(np.abs(time - 4) < 0.005, 0.9, 0),
    }
    assert list(utterances([sounds[kind].astype(np.float32)])) == []


def test_speech_without_a_pause_is_cut_with_overlap(spoken):
    breathless = np.concatenate([clip[np.abs(clip) > 0.004] for clip in spoken * 3])
    found = list(utterances([breathless]))
    assert len(found) >= 2
    assert all(SHORTEST <= one.end - one.start <= LONGEST for one in found)
    for one, following in pairwise(found):
        assert following.start <= one.end + 0.1  # nothing between them is lost


def probabilities(*parts: tuple[float, float]) -> np.ndarray:
    """Of stretches of (seconds, probability)."""
    return np.concatenate([np.full(round(seconds * SAMPLE_RATE / WINDOW), chance) for seconds, chance in parts])


def cut(chances: np.ndarray) -> list[tuple[float, float]]:
    cutter = Segmenter()
    found = list(cutter.feed(np.zeros(len(chances) * WINDOW, np.float32), chances))
    return spans([*found, *cutter.finish()])


def test_the_weakest_place_is_where_a_monologue_is_cut():
    chances = probabilities((12, 0.9), (0.1, 0.6), (10, 0.9))
    (_, first_end), (second_start, _) = cut(chances)
    assert first_end == pytest.approx(12.15, abs=0.2)
    assert first_end - second_start == pytest.approx(OVERLAP, abs=0.4)


def test_short_words_are_joined_and_a_lone_one_is_given_silence():
    assert len(cut(probabilities((1, 0), (0.8, 0.9), (0.6, 0), (0.9, 0.9), (3, 0)))) == 1
    ((start, end),) = cut(probabilities((5, 0), (0.5, 0.9), (5, 0)))
    assert end - start == pytest.approx(SHORTEST, abs=0.1) and start < 5 and end > 5.5


def test_random_probabilities_keep_the_bounds():
    """Whatever the voice does: in order, 2 to 15 s, and of all that is voiced for a second nothing is lost."""
    random = np.random.default_rng(0)
    for _ in range(30):
        parts = [(random.exponential(random.choice([0.3, 2, 12])), random.choice([0, 0.4, 0.9])) for _ in range(60)]
        chances = probabilities((3, 0), *parts, (3, 0))
        found = cut(chances)
        assert all(SHORTEST <= end - start <= LONGEST for start, end in found)
        assert all(one[0] < following[0] and one[1] < following[1] for one, following in pairwise(found))
        covered = np.zeros(len(chances), bool)
        for start, end in found:
            covered[round(start * SAMPLE_RATE / WINDOW) : round(end * SAMPLE_RATE / WINDOW)] = True
        position = 3.0
        for seconds, chance in parts:
            inside = slice(
                round(position * SAMPLE_RATE / WINDOW) + 2, round((position + seconds) * SAMPLE_RATE / WINDOW) - 2
            )
            assert chance < 0.5 or seconds < 1 or covered[inside].all()
            position += round(seconds * SAMPLE_RATE / WINDOW) * WINDOW / SAMPLE_RATE


@pytest.mark.parametrize("patient", [True, False])
def test_what_a_pause_will_have_ended_is_known_in_it(patient: bool):
    """Whatever the voice does: what ends with a pause is just what was foreseen, 0.16 s after the voice or later."""
    random = np.random.default_rng(1)
    parts = [(random.exponential(random.choice([0.3, 2, 6])), random.choice([0, 0.2, 0.4, 0.9])) for _ in range(400)]
    chances = probabilities(*parts, (3, 0))
    samples = random.uniform(-0.5, 0.5, (len(chances), WINDOW)).astype(np.float32)
    cutter, foreseen, spoken, early = Segmenter(patient=patient), None, 0, []
    for window, chance in zip(samples, chances, strict=True):
        for ended in cutter.feed(window, np.array([chance])):
            if foreseen is not None and not cutter.voiced:
                assert (foreseen.start, foreseen.end) == (ended.start, ended.end)
                assert np.array_equal(foreseen.waveform.samples, ended.waveform.samples)
            foreseen = None
        if cutter.voiced:
            foreseen, spoken = None, cutter.position
        elif foreseen is None and (foreseen := cutter.ending()) is not None:
            early.append((cutter.position - spoken) * WINDOW / SAMPLE_RATE)
    assert len(early) > 30 and min(early) == np.median(early) == pytest.approx(0.16)


def test_memory_does_not_grow_with_the_length(spoken):
    recording, _ = laid_out(spoken, 0.6)

    def blocks(count: int) -> Iterator[np.ndarray]:
        for _ in range(count):
            yield recording.copy()

    peaks = []
    for count in (6, 24):
        tracemalloc.start()
        for _ in utterances(blocks(count)):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 2**20
