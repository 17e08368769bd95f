"""Held-out sets on a small copy of the data layout, and an evaluation whose figures are known."""

import io
import json
import tarfile
import zipfile
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.__main__ import main
from clasp.audio import SAMPLE_RATE, Waveform
from clasp.calibration import Calibration
from clasp.errors import DataError
from clasp.evaluation import calibrate, evaluate, testsets
from clasp.evaluation.evaluate import SPEECH_TO_TEXT, TEXT_TO_SPEECH, Case, Evaluation
from clasp.evaluation.testsets import SpeechSet, Utterance, label
from clasp.model import Clasp
from clasp.training.corpora import clips
from clasp.training.parallel import LANGUAGES
from clasp.training.synthesis import TRAINING_VOICES, Voice

WORDS = ["ship", "storm", "light", "shore", "boat", "sail", "wind", "wave", "night", "rain"]  # fmt: skip


def sentence(number: int) -> str:
    draw = np.random.default_rng(number)
    return " ".join(draw.choice(WORDS, 5)) + f" number{number}"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten Brown files of twelve sentences, forty recordings by twenty speakers, FLORES, and other translations."""
    folder = tmp_path_factory.mktemp("data")
    with zipfile.ZipFile(folder / "brown.zip", "w") as archive:
        names = [f"ca{number:02d}" for number in range(10)]
        archive.writestr("brown/cats.txt", "".join(f"{name} news\n" for name in names))
        for index, name in enumerate(names):
            lines = [sentence(100 * index + number) for number in range(11)] + ["too/nn short/jj"]
            archive.writestr(f"brown/{name}", "\n".join(
                " ".join(word if "/" in word else f"{word}/nn" for word in line.split()) for line in lines
            ))  # fmt: skip
    (folder / "speech").mkdir()
    with zipfile.ZipFile(folder / "speech" / "de-kerstin.zip", "w") as archive:
        rows = ["file\tlanguage\tspeaker\ttext"]
        for number in range(40):
            tone = 0.3 * np.sin(np.arange(SAMPLE_RATE) * (0.05 + number / 400)).astype(np.float32)
            encoded = io.BytesIO()
            soundfile.write(encoded, tone, SAMPLE_RATE, format="OGG", subtype="OPUS")
            archive.writestr(f"clips/{number}.opus", encoded.getvalue())
            rows.append(f"{number}.opus\tde\tspeaker{number // 2}\t{sentence(number // 3)}")
        archive.writestr("metadata.tsv", "\n".join(rows) + "\n")
    (folder / "parallel").mkdir()
    lines: dict[str, list[str]] = {}
    for language in LANGUAGES:
        numbers = [number for number in range(30) if (number, language) != (3, "ja")]
        lines[f"flores_devtest/{language}.tsv"] = [f"{sentence(n)}\t{sentence(n)} {language}" for n in numbers]
    for language in ("de", "fr"):
        lines[f"xquad/{language}.tsv"] = [f"{sentence(n)}\t{sentence(n)} {language}" for n in range(5000, 5500)]
    lines["xquad/de.tsv"] += [f"in other words {sentence(n)}\t{sentence(n)} de" for n in range(5000, 5500)]
    for source in ("flores_devtest", "xquad"):
        with tarfile.open(folder / "parallel" / f"{source}.tar.xz", "w:xz") as archive:
            for name in lines:
                if name.startswith(source):
                    content = ("\n".join(lines[name]) + "\n").encode()
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    return folder


def test_brown_takes_distinct_sentences_of_one_split_and_voices_in_turn(data: Path) -> None:
    chosen = testsets.brown(data, "test", 8, TRAINING_VOICES[:3]).utterances
    assert len({label(one.text) for one in chosen}) == 8
    assert {int(one.text.split("number")[1]) // 100 for one in chosen} == {0}  # file ca00
    assert [one.source for one in chosen[:4]] == [*TRAINING_VOICES[:3], TRAINING_VOICES[0]]
    assert chosen == testsets.brown(data, "test", 8, TRAINING_VOICES[:3]).utterances
    validation = testsets.brown(data, "validation", 100, TRAINING_VOICES).utterances
    assert len(validation) == 11  # of twelve one has too few words
    assert {int(one.text.split("number")[1]) // 100 for one in validation} == {5}


def test_real_speech_is_held_out_by_speaker_with_each_sentence_once(data: Path) -> None:
    chosen = testsets.real(data, "test", {"de-kerstin": 100}).utterances
    held_out = [clip for clip in clips(data) if clip.split == "test"]
    assert {label(one.text) for one in chosen} == {label(clip.text) for clip in held_out}
    assert len(chosen) == len({label(one.text) for one in chosen})
    training = [clip for clip in clips(data) if clip.split == "train"]
    assert training
    assert not {one.source.speaker for one in chosen} & {clip.speaker for clip in training}
    assert len(testsets.real(data, "test", {"de-kerstin": 1}).utterances) == 1
    (sound,) = testsets.waveforms(chosen[:1])
    assert sound.duration == pytest.approx(1, abs=0.05)


def test_translations_stand_beside_their_utterance(data: Path) -> None:
    chosen = testsets.flores(data, 100)
    for index, one in enumerate(chosen.utterances):
        assert chosen.translations["ar"][index] == f"{one.text} ar"
    assert {one.text for one in chosen.utterances} == {sentence(n) for n in range(30) if n != 3}  # no Japanese
    assert testsets.flores(data, 10).utterances == chosen.utterances[:10]


def test_missing_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"brown\.zip"):
        testsets.speech_set("brown", tmp_path)


def test_sentences_are_spoken_once_and_kept(tmp_path: Path) -> None:
    utterances = [Utterance("the ship was lost in the storm", "en", voice) for voice in TRAINING_VOICES[:2]]
    testsets.prepare(utterances, tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(written) == 2
    sounds = list(testsets.waveforms(utterances, tmp_path))
    assert all(1 < sound.duration < 5 for sound in sounds)
    assert not np.array_equal(sounds[0].samples[:8000], sounds[1].samples[:8000])

    extra = Utterance("another one", "en", TRAINING_VOICES[0])
    testsets.prepare([*utterances, extra], tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert written == {path: path.stat().st_mtime_ns for path in written}


class Oracle:
    """The vector contract with answers known beforehand: every sentence is an axis.

    The sound half is right for every voice; the meaning half takes what voice "b" says for the next sentence,
    and knows no translation.
    """

    sound_dim = 8

    def __init__(self, texts: list[str], heard: dict[int, tuple[int, str]]) -> None:
        self.texts = texts
        self.heard = heard  # number of samples -> sentence, voice
        self.encoded: list[int] = []

    def encode_text(self, texts: list[str], languages: list[str]) -> np.ndarray:
        assert len(texts) == len(languages)
        self.encoded.append(len(texts))
        axes = [self.texts.index(text) if text in self.texts else 7 for text in texts]
        return np.concatenate([np.eye(8)[axes], np.eye(8)[axes]], axis=1).astype(np.float32) * np.sqrt(0.5)

    def encode_speech(self, waveforms: list[Waveform]) -> np.ndarray:
        self.encoded.append(len(waveforms))
        rows = []
        for waveform in waveforms:
            index, voice = self.heard[len(waveform.samples)]
            meaning = np.eye(8)[(index + (voice == "b")) % len(self.texts)] + 0.1 * np.eye(8)[index]
            rows.append(np.concatenate([meaning / np.linalg.norm(meaning), 2 * np.eye(8)[index]]))
        return np.array(rows, dtype=np.float32)

    def halves(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return vectors[:, :8], vectors[:, 8:]


@pytest.fixture
def evaluation(tmp_path: Path) -> Evaluation:
    """Six sentences, two of them equal but for spelling, said in turn by two voices."""
    texts = ["one", "two", "three", "four", "five", "Five!"]
    voices = [Voice("espeak", "a", "en"), Voice("espeak", "b", "en")]
    utterances, heard = [], {}
    for index, text in enumerate(texts):
        utterance = Utterance(text, "en", voices[index % 2])
        samples = np.full(8000 + index, 0.1, np.float32)
        soundfile.write(testsets._path(utterance, tmp_path), samples, SAMPLE_RATE)
        heard[len(samples)] = (index, utterance.source.name)
        utterances.append(utterance)
    chosen = SpeechSet(tuple(utterances), {"de": tuple(texts[::-1])})
    return Evaluation(Oracle(texts, heard), {"six": chosen}, tmp_path)


def test_both_directions_and_each_half(evaluation: Evaluation) -> None:
    there, back = evaluation.run(Case("all", "six", floor=0.9))
    assert (there.direction, there.pool, there.queries) == (SPEECH_TO_TEXT, 6, 6)
    assert (back.direction, back.pool, back.queries) == (TEXT_TO_SPEECH, 6, 6)
    assert there.scores["hits@1"] == back.scores["hits@1"] == 1  # the sound half outweighs the wrong meaning
    assert there.passed

    there, _ = evaluation.run(Case("meaning", "six", floor=0.9, half="meaning"))
    # Voice a says 0, 2, 4 (right first); b says 1, 3 (right second) and 5, taken for sentence 0.
    assert there.scores["hits@1"] == pytest.approx(3 / 6)
    assert there.scores["mrr"] == pytest.approx((3 + 3 / 2) / 6)
    assert there.passed is False
    sound, _ = evaluation.run(Case("sound", "six", half="sound"))
    assert sound.scores["hits@1"] == 1
    assert sound.passed is None


def test_one_voice_asks_the_whole_pool(evaluation: Evaluation) -> None:
    (only,) = evaluation.run(Case("b", "six", half="meaning", voice="espeak:b", directions=(SPEECH_TO_TEXT,)))
    assert (only.pool, only.queries, only.scores["hits@1"]) == (6, 3, 0)


def test_translations_answer_by_position(evaluation: Evaluation) -> None:
    """Here German text i is English text 5 - i, so that the oracle is right for no sentence."""
    (result,) = evaluation.run(Case("de", "six", half="sound", translation="de", directions=(TEXT_TO_SPEECH,)))
    assert result.scores["hits@1"] == 0


def test_a_set_is_embedded_once(evaluation: Evaluation) -> None:
    for half in ("both", "meaning", "sound"):
        evaluation.run(Case(half, "six", half=half))
    assert evaluation.model.encoded == [6, 6]


def test_json_rows_have_the_agreed_form(evaluation: Evaluation) -> None:
    result, _ = evaluation.run(Case("all", "six", floor=0.5))
    row = json.loads(json.dumps(result.row()))
    agreed = {"name", "direction", "pool", "hits@1", "recall@5", "recall@10", "mrr", "mean_rank", "floor"}
    assert set(row) == agreed | {"queries"}
    assert row["floor"] == 0.5
    assert row["direction"] == "speech→text"


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    evaluate.add_arguments(parser)
    args = parser.parse_args(["--tests", "real-english", "text-de", "--json"])
    assert (args.tests, args.json, args.model) == (["real-english", "text-de"], "-", "bundled")
    assert parser.parse_args(["--json", "out.json"]).json == "out.json"
    with pytest.raises(SystemExit):
        parser.parse_args(["--tests", "nonsense"])
    assert "real-english" in capsys.readouterr().err


def test_every_floor_of_the_table_is_asked_for() -> None:
    floors = {(case.name, case.half): case.floor for case in evaluate.CASES if case.floor is not None}
    assert floors == {
        ("training-voices", "both"): 0.90,
        ("new-engine", "both"): 0.50,
        ("real-english", "both"): 0.30,
        ("meaning-training-voices", "meaning"): 0.25,
        ("text-de", "meaning"): 0.10,
        ("text-fr", "meaning"): 0.10,
        ("text-es", "meaning"): 0.10,
    }
    assert {case.set for case in evaluate.CASES} <= set(testsets.SETS)
    assert len({case.name for case in evaluate.CASES}) == len(evaluate.CASES)


def test_the_command_measures_a_model_folder(
    data: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = testsets.real(data, "test", {"de-kerstin": 200}).utterances
    command = ["evaluate", "--model", str(tiny_folder), "--data", str(data), "--tests", "real-german"]

    assert main([*command, "--json", str(tmp_path / "figures.json")]) == 0
    assert "real-german" in capsys.readouterr().out
    written = json.loads((tmp_path / "figures.json").read_text())
    assert [row["direction"] for row in written["tests"]] == ["speech→text", "text→speech"]
    assert {row["pool"] for row in written["tests"]} == {len(chosen)}

    assert main([*command, "--json"]) == 0
    streams = capsys.readouterr()
    assert json.loads(streams.out) == written
    assert "real-german" in streams.err


def test_the_command_names_missing_data(tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--model", str(tiny_folder), "--data", str(tmp_path)]) == 2
    assert "give the folder with --data" in capsys.readouterr().err


def test_a_model_is_calibrated_on_validation_sentences_only(
    data: Path, tiny: Clasp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = [voice for voice in TRAINING_VOICES if voice.engine == "espeak"]
    monkeypatch.setattr(calibrate, "TRAINING_VOICES", voices)
    spoken: set[str] = set()
    prepare = testsets.prepare

    def listen(utterances: list[Utterance], cache: Path) -> None:
        spoken.update(utterance.text for utterance in utterances)
        prepare(utterances, cache)

    monkeypatch.setattr(testsets, "prepare", listen)
    calibration = calibrate.calibrate(tiny, data, tmp_path / "cache")
    calibration.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == calibration

    validation = testsets.brown(data, "validation", 1000, voices).utterances
    recordings = testsets.real(data, "validation", {"de-kerstin": 1000}).utterances
    translated, translations, reworded = calibrate.held_out_pairs(data)
    other_words = {text for _, text in reworded}
    assert spoken == {one.text for one in (*validation, *recordings, *translated)} | other_words
    assert 0 < len(translated) < 30
    assert {(translated[index].text, language) for index, language, _ in translations} == {
        (one.text, language)
        for one in translated
        for language in (("de",) if one.text.startswith("in other words") else ("de", "fr"))
    }
    for index, text in reworded:
        assert {text, translated[index].text} == {
            text.removeprefix("in other words "),
            "in other words " + text.removeprefix("in other words "),
        }
    queries = {name: logistic.measured["queries"] for name, logistic in calibration.directions.items()}
    said = len(validation) + len(recordings)
    assert queries == {"text": 2 * said, "speech": 2 * said, "translation": len(translations)}
    assert calibration.directions["translation"].sound == 0
