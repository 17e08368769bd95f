"""The synthesizers: every engine speaks, its voices follow from a key, and what went wrong is noticed."""

import numpy as np
import pytest

from clasp.audio.decode import SAMPLE_RATE
from clasp.errors import DataError
from clasp.phones import inventory
from clasp.training.data import items, synthesis
from clasp.training.data.synthesis import ENGINES, HELD_OUT_VOICES, TRAINING_VOICES, Voice

TEXT = "The ship was lost in the storm."


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_speaks_at_a_plausible_pace(engine: str) -> None:
    voice = synthesis.voice_for(engine, "en", "key")
    spoken = synthesis.speak(TEXT, voice)
    assert spoken.samples.dtype == np.float32
    assert 0.05 < np.abs(spoken.samples).max() <= 1
    seconds, said = len(spoken.samples) / SAMPLE_RATE, len(inventory.from_text(TEXT, "en"))
    synthesis.check_pace(seconds, said)
    for wrong in (seconds / 10, seconds * 10):
        with pytest.raises(DataError, match=f"{said} phones"):
            synthesis.check_pace(wrong, said)
    assert (spoken.labels is None) == (engine in ("festival", "kokoro"))


def test_faster_voices_take_less_time() -> None:
    for engine, name in (("espeak", "en-us"), ("flite", "rms")):
        slow, fast = (len(synthesis.speak(TEXT, Voice(engine, name, "en", rate)).samples) for rate in (0.8, 1.25))
        assert 1.3 < slow / fast < 1.8


def test_flite_tells_the_same_phones_as_the_rules() -> None:
    spoken = synthesis.speak(TEXT, Voice("flite", "rms", "en"))
    heard = inventory.to_ipa(inventory.collapse([phone for phone, _, _ in spoken.labels]))
    assert heard == "ðəʃɪpwɑzlɔstɪnðəstɔɹm"


def test_typographic_quotes_are_no_question_marks_to_flite() -> None:
    heard = [
        [phone for phone, _, _ in synthesis.speak(text, Voice("flite", "rms", "en")).labels]
        for text in ("It's “here” – don’t go.", "It's \"here\" - don't go.")
    ]
    assert heard[0] == heard[1]


def test_voices_are_chosen_by_the_key_alone() -> None:
    for engine, language, least in (("espeak", "en", 16), ("espeak", "zh-tw", 16), ("flite", "en", 16)):
        voices = {synthesis.voice_for(engine, language, str(number)) for number in range(20)}
        assert voices == {synthesis.voice_for(engine, language, str(number)) for number in range(20)}
        assert len(voices) >= least
        assert {voice.language for voice in voices} == {language}
        assert {voice.engine for voice in voices} == {engine}


def test_the_bundled_model_never_hears_the_engine_that_is_held_out() -> None:
    held_out = {voice.engine for voice in HELD_OUT_VOICES}
    assert held_out == {"festival"}
    assert held_out.isdisjoint(voice.engine for voice in TRAINING_VOICES)
    for engine in ("espeak", "flite"):
        assert synthesis.voice_for(engine, "en", "key").engine == engine
    assert not any(synthesis.speaks(engine, "de") for engine in ("flite", *held_out))
    assert all(synthesis.speaks("espeak", language) for language in items.SPOKEN_LANGUAGES)


def test_what_cannot_be_said_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="said nothing"):
        synthesis.speak("…", Voice("espeak", "en-us", "en"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DataError, match="apt-get install"):
        synthesis.speak(TEXT, Voice("flite", "rms", "en"))
    with pytest.raises(DataError, match="festival is not installed"):
        synthesis.check_installed(["espeak", "festival"])
    synthesis.check_installed(["espeak"])
