"""The tests: what is asked of which held-out set, and what the model should reach."""

from dataclasses import dataclass
from typing import Literal

from clasp.training.data.items import SPOKEN_LANGUAGES
from clasp.training.data.parallel import LANGUAGES

SPEECH_TO_TEXT, TEXT_TO_SPEECH = "speech→text", "text→speech"
SPEECH_TO_SPEECH, TEXT_TO_TEXT = "speech→speech", "text→text"

Half = Literal["search", "both", "meaning", "sound"]
"""By what is ranked: as a search does it in two stages, by the whole vectors, or by one half of them."""


@dataclass(frozen=True)
class Case:
    """One test, measured in each of `directions`."""

    name: str
    title: str
    set: str  # of test_sets.SETS
    floor: float | None = None  # HITS@1 asked for
    recall_floor: float | None = None  # recall@10 asked for
    half: Half = "search"
    translation: str | None = None  # of the set's translations, where the text is not what is said
    voice: str | None = None  # only queries about this voice
    asked_by: str | None = None  # another set of the same sentences, whose utterances are the spoken queries
    directions: tuple[str, ...] = (SPEECH_TO_TEXT, TEXT_TO_SPEECH)
    family: str | None = None  # of FAMILIES: one test per language
    grouped: bool = False  # also by category, voice and duration


@dataclass(frozen=True)
class Family:
    """Tests that differ in their language alone; the floor is that of the median."""

    title: str
    floor: float | None = None


FAMILIES = {
    "spoken": Family("synthetic speech in each language and its text", 0.90),
    "text": Family("text in another language → English speech"),
    "translation": Family("sentence encoder alone: translations", 0.93),
}
ASKED_FOR = ("fr", "de", "es", "zh", "fa")  # languages whose texts must find English speech
_ONE_WAY = (TEXT_TO_SPEECH,)

CASES = (
    Case("real-english", "real English, new speakers", "english", 0.60, 0.80, grouped=True),
    Case("real-french", "real French, new speakers", "french", 0.60, grouped=True),
    Case("real-german", "real German, new sentences", "german", 0.80, grouped=True),
    Case("real-dutch", "real Dutch, new sentences", "dutch", 0.80, grouped=True),
    Case("real-english-300", "real English, also transcribed first", "english-300"),
    Case("vectors-real-english", "vectors alone, real English", "english", half="both"),
    Case("meaning-real-english", "meaning half, real English", "english", half="meaning"),
    Case("sound-real-english", "sound half, real English", "english", half="sound"),
    Case("training-voices", "English, training voices", "brown", 0.98, grouped=True),
    Case("new-engine-slt", "English, new engine, voice slt", "brown-festival", 0.90, voice="festival:slt"),
    Case("new-engine-kal", "English, new engine, voice kal", "brown-festival", 0.90, voice="festival:kal"),
    Case("meaning-training-voices", "meaning half, training voices", "brown", 0.70, half="meaning"),
    Case("sound-training-voices", "sound half, training voices", "brown", half="sound"),
    Case("speech-to-speech", "new engine asks training voices", "brown",
         asked_by="brown-festival", directions=(SPEECH_TO_SPEECH,)),
    Case("paraphrases", "paraphrases", "paraphrases", None, 0.60,
         translation="en", directions=_ONE_WAY, grouped=True),
    Case("meaning-paraphrases", "meaning half, paraphrases", "paraphrases",
         half="meaning", translation="en", directions=_ONE_WAY),
    Case("paraphrases-text", "text encoder alone, paraphrases", "paraphrases",
         half="meaning", translation="en", directions=(TEXT_TO_TEXT,)),
    Case("text-en", "meaning half, FLORES sentences", "flores", half="meaning", directions=_ONE_WAY),
    *(
        Case(f"text-{language}", f"{language} text → English speech", "flores",
             0.40 if language in ASKED_FOR else None, half="meaning", translation=language,
             directions=_ONE_WAY, family="text")
        for language in LANGUAGES
    ),
    *(
        Case(f"spoken-{language}", f"{language} synthetic speech", f"spoken-{language}", family="spoken")
        for language in SPOKEN_LANGUAGES
    ),
)  # fmt: skip
