"""Who speaks, from the shell."""

import pytest

from index.cli.main import main
from index.library import Library
from tests.index.test_diarization import add, names


@pytest.fixture
def library(make) -> Library:
    library = make(0)
    add(library, "first", [3, 5, 3])
    add(library, "second", [5, 5], speaker="Eve")
    return library


def test_speakers_are_listed_and_renamed(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ["--library", str(library.folder)]
    assert main(["library", "speakers", *folder]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split("recordings  ")[1] for line in listed] == ["Eve", "Speaker 1  (guessed)", "Speaker 2  (guessed)"]
    assert main(["library", "speakers", "Speaker 2", "--to", "eve", *folder]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["0.2", "min", "3", "2", "recordings", "Eve"]
    library.refresh()
    assert names(library, "first") == ["Speaker 1", "Eve", "Speaker 1"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["Ada", "--to", "Eve"], "called 'Ada'"), (["Eve"], "give both"), (["--to", "Ada"], "both")],
)
def test_what_is_wrong_is_one_sentence(library: Library, arguments, sentence, capsys) -> None:
    assert main(["library", "speakers", *arguments, "--library", str(library.folder)]) == 2
    assert sentence in capsys.readouterr().err
