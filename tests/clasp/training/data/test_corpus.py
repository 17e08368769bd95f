"""Building a corpus of a dozen utterances: what is in it, what is left out, and that a killed build goes on."""

import csv
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from clasp.audio.decode import decode
from clasp.errors import DataError
from clasp.phones import inventory
from clasp.phones.edit_distance import edit_distance
from clasp.speech.whisper_encoder import BINS, log_mel
from clasp.training.data import corpus, items, readers, shards, synthesis
from clasp.training.data.items import Item
from clasp.training.data.shards import IGNORED
from index.cli.main import main

TEXTS = [
    "The ship was lost in the storm.", "Bread is baked before dawn.", "She never answered his letters.",
    "The committee voted against the tax.", "A cat slept on the warm stones.", "Nobody believed the old sailor.",
    "The train leaves at nine.", "Snow fell all night long.",
]  # fmt: skip
GERMAN = "Das Schiff ging im Sturm verloren."


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    wanted = [Item(f"s{number}", text, "en", "espeak", text) for number, text in enumerate(TEXTS)]
    wanted += [Item("f", TEXTS[0], "en", "flite", TEXTS[0]), Item("d", GERMAN, "de", "espeak", TEXTS[0])]
    wanted += [Item("unsayable", "…", "en", "espeak", "")]
    corpus.build([wanted[:6], wanted[6:], [wanted[-1]]], folder, "train", workers=2)
    return folder


def test_a_corpus_holds_every_sayable_sentence_with_its_phones(built: Path) -> None:
    speech = shards.load(built, "train")
    assert sorted(speech.rows[:, 1]) == sorted([*TEXTS, TEXTS[0], GERMAN])
    assert speech.mel.shape == (speech.mel_starts[-1], BINS)
    assert {array.dtype for array in (speech.mel, speech.labels, speech.phones)} == {np.dtype(np.uint8)}
    for row, (_, text, language, voice, english) in enumerate(speech.rows):
        said = speech.phones[speech.phone_starts[row] : speech.phone_starts[row + 1]]
        np.testing.assert_array_equal(said, inventory.from_text(text, language))
        assert voice.split(":")[0] in ("espeak", "flite")
        assert english in TEXTS
        labels = speech.labels[speech.label_starts[row] : speech.label_starts[row + 1]]
        assert len(labels) == -(-np.diff(speech.mel_starts)[row] // 4)
        # the times of the phones spell, but for phones shorter than a label and accents, what the rules spell
        assert edit_distance(said.astype(np.int64), inventory.collapse(labels[labels > 0])) < 0.55 * len(said)


def test_what_was_left_out_is_known(built: Path) -> None:
    assert shards.contents(built / "train-0001.npz").skipped == [("unsayable", "nothing of its text can be said")]
    assert shards.contents(built / "train-0002.npz").rows == []


def test_a_folder_of_other_sentences_is_refused(built: Path) -> None:
    before = {path: path.read_bytes() for path in built.iterdir()}
    with pytest.raises(DataError, match="holds other sentences"):
        corpus.build([[Item("s0", "Something else.", "en", "espeak", "")]], built, "train", workers=1)
    with pytest.raises(DataError, match="holds other sentences"):
        corpus.build([], built, "train", workers=1)
    assert {path: path.read_bytes() for path in built.iterdir()} == before


def test_frame_labels_are_the_phone_at_the_middle() -> None:
    labels = shards.frame_labels([(5, 0.0, 0.1), (7, 0.1, 0.16)], frames=24)
    assert labels.tolist() == [5, 5, 7, 7, 0, 0]
    assert (shards.frame_labels(None, 24) == IGNORED).all()


def test_a_list_is_read_line_by_line(tmp_path: Path) -> None:
    plain = tmp_path / "list.txt"
    plain.write_text(f"\ufeff{TEXTS[0]}\n\n…\n{TEXTS[0].upper()}\n{TEXTS[1]}\n", "utf-8")
    sentences, skipped = items.sentences(plain)
    assert [(one.text, one.language, one.place) for one in sentences] == [
        (TEXTS[0], "en", "list.txt line 1"), (TEXTS[1], "en", "list.txt line 5"),
    ]  # fmt: skip
    assert [str(one) for one in skipped] == [
        "list.txt line 3: nothing of it can be said", "list.txt line 4: is a duplicate of list.txt line 1",
    ]  # fmt: skip
    table = tmp_path / "list.tsv"
    table.write_text(f"category\ttext\tlanguage\nsea\t{GERMAN}\tde\nsea\t{TEXTS[0]}\tklingon\n", "utf-8")
    (sentence,), (refused,) = items.sentences(table)
    assert (sentence.text, sentence.language, sentence.category) == (GERMAN, "de", "sea")
    assert refused.place == "list.tsv line 3"
    plain.write_text("…\n")
    with pytest.raises(DataError, match="none of its 1 lines"):
        items.sentences(plain)


def test_engines_take_turns_in_the_languages_they_speak(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text(f"text,language\n{TEXTS[0]},en\n{GERMAN},de\n{TEXTS[1]},en\n", "utf-8")
    sentences, _ = items.sentences(table)
    spoken, skipped = items.spoken(sentences, ["espeak", "flite", "festival"], voices=2)
    assert not skipped
    assert [(item.text, item.engine) for item in spoken] == [
        (TEXTS[0], "espeak"), (TEXTS[0], "flite"), (GERMAN, "espeak"), (GERMAN, "espeak"),
        (TEXTS[1], "festival"), (TEXTS[1], "espeak"),
    ]  # fmt: skip
    voices = {synthesis.voice_for(item.engine, item.language, item.id) for item in spoken}
    assert len(voices) == len({item.id for item in spoken}) == 6
    spoken, skipped = items.spoken(sentences, ["flite"], voices=1)
    assert len(spoken) == 2
    assert [str(one) for one in skipped] == ["list.csv line 3: flite cannot speak 'de'"]


def test_audio_is_written_in_a_layout_that_is_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "list.csv"
    lines = [f'"{text}",en,sea' for text in TEXTS[:4]]
    table.write_text("text,language,category\n" + "\n".join([*lines, f"{GERMAN},de,", "…,en,"]), "utf-8")
    out = tmp_path / "out"
    words = ["--sentences", str(table), "--out", str(out), "--audio", "--engines", "espeak", "flite", "festival"]
    assert main(["corpus", *words]) == 0
    printed = capsys.readouterr().out
    assert "en festival: 0.00 h, 1 utterances, 1 voices" in printed
    assert "list.csv line 7: nothing of it can be said" in printed
    clips = readers.read(out).clips
    assert sorted(clip.text for clip in clips) == sorted([*TEXTS[:4], GERMAN])
    assert {clip.speaker.split(":")[0] for clip in clips} == {"espeak", "flite", "festival"}
    assert {clip.category for clip in clips} == {"sea", ""}
    with (out / "hours.csv").open(encoding="utf-8") as file:
        hours = list(csv.DictReader(file))
    seconds = sum(decode(clip.audio()).duration for clip in clips)
    assert sum(float(row["hours"]) for row in hours) == pytest.approx(seconds / 3600, abs=1e-3)
    assert {row["language"] for row in hours} == {"en", "de"}

    (out / clips[0].path.relative_to(out)).write_bytes(b"damaged")
    assert main(["corpus", "--speech", str(out), "--out", str(tmp_path / "again")]) == 0
    assert "1 rows left out" in capsys.readouterr().out
    there = [shards.contents(path) for path in sorted((tmp_path / "again").glob("*.npz"))]
    rows = {row[1]: row for shard in there for row in shard.rows}
    assert sorted(rows) == sorted(clip.text for clip in clips[1:])
    assert rows[clips[1].text][3] == f"real:out/{clips[1].speaker}"
    speech = shards.load(tmp_path / "again", clips[1].split)
    place = speech.rows[:, 1].tolist().index(clips[1].text)
    mel = speech.mel[speech.mel_starts[place] : speech.mel_starts[place + 1]]
    heard = log_mel(torch.from_numpy(decode(clips[1].audio()).samples))
    np.testing.assert_array_equal(mel, (heard * 255).round().to(torch.uint8))


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", [[], ["--audio"]])
@pytest.mark.slow
def test_a_build_that_was_killed_goes_on_to_the_same_bytes(
    kind: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "SHARD", 4)
    (tmp_path / "list.txt").write_text("\n".join(f"{text} {number}" for number in range(3) for text in TEXTS))
    words = ["corpus", "--sentences", str(tmp_path / "list.txt"), "--voices-per-sentence", "1", "--workers", "1", *kind]
    assert main([*words, "--out", str(tmp_path / "whole")]) == 0
    script = "import sys; from index.cli import main; from clasp.training.data import corpus; corpus.SHARD = 4; "
    arguments = [*words, "--out", str(tmp_path / "parts")]
    killed = subprocess.Popen([sys.executable, "-c", f"{script}main.main({arguments!r})"], cwd=Path.cwd())
    shard = "train-0000" if kind else "train-0000.npz"
    while not (tmp_path / "parts" / shard).exists():
        assert killed.poll() is None
        time.sleep(0.005)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    before = files(tmp_path / "parts")
    finished = [path for path in before if path.startswith("train-") and ".part" not in path]
    assert 1 <= len({path.split("/")[0] for path in finished}) < len(list((tmp_path / "whole").glob("train-*")))
    stamps = {path: (tmp_path / "parts" / path).stat().st_mtime_ns for path in finished}
    assert main([*words, "--out", str(tmp_path / "parts")]) == 0
    assert {path: (tmp_path / "parts" / path).stat().st_mtime_ns for path in finished} == stamps
    assert files(tmp_path / "parts") == files(tmp_path / "whole")


def test_the_bundled_corpus_leaves_flores_out(tmp_path: Path) -> None:
    """Of Tatoeba, a pair whose English or own text is in the test set of translation is not learned from."""
    with zipfile.ZipFile(tmp_path / "brown.zip", "w") as archive:
        archive.writestr("brown/cats.txt", "ca01 news\nca05 news\n")
        archive.writestr("brown/ca01", "The/at ship/nn was/bedz lost/vbn ./.\n")
        archive.writestr("brown/ca05", "Bread/nn is/bez baked/vbn early/rb ./.\n")
    (tmp_path / "parallel").mkdir()
    kept = "Die Brücke ist heute gesperrt."
    pairs = {
        "laser_tatoeba_v1": f"It floats.\tDas Schiff SCHWIMMT doch!\nThe river rose.\tEs regnete sehr.\n"
        f"The bridge is closed today.\t{kept}\n",
        "flores_devtest": "The river rose!\tDer Fluss stieg an.\nThe ship floats.\tDas Schiff schwimmt doch.\n",
    }
    for source, text in pairs.items():
        with tarfile.open(tmp_path / "parallel" / f"{source}.tar.xz", "w:xz") as archive:
            member = tarfile.TarInfo(f"{source}/de.tsv")
            member.size = len(text.encode())
            archive.addfile(member, BytesIO(text.encode()))
    assert {item.text for item in items.training_items(tmp_path)} == {"The bridge is closed today.", kept}
    assert {item.text for item in items.validation_items(tmp_path)} == {"Bread is baked early."}
    assert {item.engine for item in items.training_items(tmp_path)} == {"espeak"}
    assert {item.split for item in items.training_items(tmp_path)} == {"train"}
    assert {item.split for item in items.validation_items(tmp_path)} == {"validation"}
