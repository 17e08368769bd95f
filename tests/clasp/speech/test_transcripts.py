"""What a transcript is made of, without a model: packing, word times, languages, loops, and the gate."""

import numpy as np
import pytest

from clasp.audio.decode import SAMPLE_RATE
from clasp.errors import ModelError
from clasp.speech import windows
from clasp.speech.gate import EVIDENCE, FILE, Gate, evidence, fuse_meaning, stacked
from clasp.speech.languages import LanguageTally
from clasp.speech.transcript import Transcript, compression_ratio, is_implausible, loops
from clasp.speech.whisper_tokens import times
from clasp.speech.windows import FRAMES, GAP, MOST, packed, pieces, window


def test_neighbours_share_a_window_as_far_as_there_is_room():
    assert packed([]) == [] and packed([40.0]) == [[0]]
    durations = np.random.default_rng(0).uniform(0.2, 15, 200)
    groups = packed(durations)
    assert [number for group in groups for number in group] == list(range(200))
    filled = [sum(durations[number] + GAP for number in group) for group in groups]
    assert max(filled) <= MOST
    after = [durations[group[0]] + GAP for group in groups[1:]]
    assert all(full + more > MOST for full, more in zip(filled, after, strict=False))


@pytest.mark.parametrize("bins", [80, 128])
def test_a_window_holds_each_utterance_where_it_says(bins):
    rng = np.random.default_rng(0)
    sounds = [(loud * rng.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)
              for seconds, loud in ((3.0, 0.1), (5.5, 0.001), (0.4, 0.5))]  # fmt: skip
    made = window(sounds, bins)
    assert made.mel.shape == (bins, FRAMES) and made.mel.dtype == np.float32 and made.mel.flags.c_contiguous
    assert made.mel.max() <= 1.5 and made.mel.min() >= -0.5
    loudest = made.mel.max(axis=0)
    for (start, end), sound in zip(made.spans, sounds, strict=True):
        assert end - start == pytest.approx(len(sound) / SAMPLE_RATE)
        assert loudest[round(100 * start) + 2 : round(100 * end) - 2].min() > 0.5  # also the quiet one
        assert loudest[round(100 * end) + 4 : round(100 * end) + 40].max() == -0.5
    gaps = [after - before for (_, before), (after, _) in zip(made.spans, made.spans[1:], strict=False)]
    assert gaps == pytest.approx([GAP, GAP], abs=0.03)


def test_long_speech_is_cut_where_it_is_quiet():
    sound = np.random.default_rng(0).standard_normal(70 * SAMPLE_RATE).astype(np.float32)
    sound[26 * SAMPLE_RATE : 27 * SAMPLE_RATE] = 0
    parts = pieces(sound)
    np.testing.assert_array_equal(np.concatenate(parts), sound)
    assert max(map(len, parts)) <= windows.PIECE * SAMPLE_RATE and 26 <= len(parts[0]) / SAMPLE_RATE <= 27
    assert len(pieces(sound[: 20 * SAMPLE_RATE])) == 1


def test_when_tokens_begin():
    alignment = [(0, 0), (0, 1), (1, 2), (1, 3), (1, 4), (2, 9), (3, 12)]
    assert times(alignment, 3, 50).tolist() == [0.0, 0.04, 0.18, 0.24]
    assert times([], 2, 50).tolist() == [0, 0, 0]


def test_the_language_of_a_window_is_judged_in_the_light_of_the_others():
    tally = LanguageTally()
    assert tally.choose({"de": 0.5, "nl": 0.4}) == "de"
    tally = tally.merged([{"nl": 0.95, "de": 0.04}] * 9, [20.0] * 9)
    assert tally.choose({"de": 0.5, "nl": 0.4}) == "nl"  # Dutch that looks like German for a moment
    assert tally.choose({"en": 0.97, "nl": 0.02}) == "en"  # somebody switches
    tally.add("en", 5.0)
    assert tally.seconds["en"] == 5.0


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("no no no", False), ("no no no no", True), ("I said no and no and no again", False), ("", False),
        ("so we go on and on and on and on and on", True), ("thank you for watching " * 4, True),
        ("the ship was lost in the storm", False), ("a b c d e f g h " * 3, False), ("a b c d e f g h " * 4, True),
    ],
)  # fmt: skip
def test_loops(text, loop):
    assert loops(text.split()) == loop


@pytest.mark.parametrize(
    ("text", "seconds", "nothing"),
    [
        ("", 1, True), ("...", 1, True), ("Ha ha ha ha!", 2, True), ("hahahaha", 2, True), ("ハハハ", 2, True),
        ("Хахаха", 2, True), ("Hi!", 1, False), ("Oh.", 1, False), ("A", 1, False), ("我们走吧", 1, False),
        ("Thank you for watching, see you in the next one.", 0.3, True),
        ("Thank you for watching, see you in the next one.", 2.5, False), ("He had a hat", 1, False),
    ],
)  # fmt: skip
def test_texts_that_say_nothing(text, seconds, nothing):
    assert is_implausible(text, seconds) == nothing


def test_repetition_compresses():
    assert compression_ratio("") == 1 and compression_ratio("The ship was lost in the storm.") < 1.2
    assert compression_ratio("thank you " * 20) > 5


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_gate_believes_what_is_well_understood_and_leaves_the_direct_meaning_where_nothing_is():
    rng = np.random.default_rng(0)
    direct, transcript = unit(rng.standard_normal((6, 384))), unit(rng.standard_normal((6, 384)))
    phones = np.full((10, 5), 0.2)
    sure = Transcript("the ship was lost", "en", log_probability=-0.1)
    given = [
        evidence(sure, phones, supplied=True),
        evidence(sure, phones),
        evidence(Transcript("the ship was lost", "en", log_probability=-1.5), phones),
        evidence(Transcript("the ship was lost", "fa", log_probability=-0.1), phones),
        evidence(Transcript("thanks " * 9, "en", log_probability=-0.1, compression_ratio=4.0, no_speech=0.9), phones),
        evidence(Transcript(""), phones[:0]),
    ]
    assert stacked(given).shape == (6, len(EVIDENCE)) and stacked([]).shape == (0, len(EVIDENCE))
    transcript[5] = 0
    fused = fuse_meaning(direct, transcript, stacked(given), Gate.default())
    assert fused.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(fused, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(fused[5], direct[5], rtol=1e-5)
    supplied, known, unsure, foreign, repeated = np.einsum("nd,nd->n", fused[:5], transcript[:5])
    assert supplied > known > max(unsure, foreign, repeated) and supplied > 0.99 and known > 0.8
    assert np.einsum("nd,nd->n", fused[:5], direct[:5])[[2, 3]].min() > 0.2


def test_a_gate_that_was_learned_is_loaded_and_a_damaged_one_is_named(tmp_path):
    assert Gate.load(None).bias == Gate.load(tmp_path).bias == Gate.default().bias
    Gate(np.arange(len(EVIDENCE), dtype=np.float32), -0.5).save(tmp_path)
    learned = Gate.load(tmp_path)
    assert learned.weights.tolist() == list(range(len(EVIDENCE))) and learned.bias == -0.5
    (tmp_path / FILE).write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="damaged"):
        Gate.load(tmp_path)
    Gate(np.ones(3, np.float32), 0.0).save(tmp_path)  # from before the other evidence was known
    assert Gate.load(tmp_path).weights.tolist() == [1] * 3 + [0] * (len(EVIDENCE) - 3)
    Gate(np.ones(len(EVIDENCE) + 1, np.float32), 0.0).save(tmp_path)
    with pytest.raises(ModelError, match="holds no"):
        Gate.load(tmp_path)
