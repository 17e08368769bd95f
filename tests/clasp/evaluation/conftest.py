"""A small copy of the layout of the training data."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.training.data.parallel import LANGUAGES

WORDS = ["ship", "storm", "light", "shore", "boat", "sail", "wind", "wave", "night", "rain"]  # fmt: skip


def sentence(number: int) -> str:
    draw = np.random.default_rng(number)
    return " ".join(draw.choice(WORDS, 5)) + f" number{number}"


@pytest.fixture(scope="session")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten Brown files of twelve sentences, forty German recordings by twenty speakers, FLORES, and other
    translations."""
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
