"""The command line, with the model and the library that ship."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clasp import Clasp
from index.cli.main import COMMANDS, main
from index.library import Library
from index.paths import library_folder, usual_library
from tests.index.conftest import Identity
from tests.malformed import write_malformed

ROOT = Path(__file__).parents[3]
QUERIES = ROOT / "assets" / "library" / "queries"

Result = tuple[int, str, str]


@pytest.fixture
def clasp(
    tmp_path_factory: pytest.TempPathFactory,
    loaded: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Result]:
    """Runs a command in this process: its exit code, and what it wrote."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))

    def run(*arguments: str) -> Result:
        try:
            code = main(list(arguments))
        except SystemExit as end:  # of argparse
            code = end.code
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def test_help_explains_by_example_and_loads_nothing_heavy():
    heavy = "{'torch', 'gradio', 'transformers', 'umap'} & set(sys.modules)"
    script = f"import sys\nfrom index.cli.main import main\ntry: main()\nfinally: print(sorted({heavy}))"
    for arguments in (["--help"], ["search", "--help"]):
        run = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(run, capture_output=True, text=True, cwd=ROOT, check=True)
        assert 'python -m clasp search "the ship was lost in the storm"' in done.stdout
        assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, clasp: Callable[..., Result]):
    code, out, _ = clasp(command, "--help")
    assert code == 0
    assert out.startswith(f"usage: python -m clasp {command}")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["find"],
        ["search"],
        ["search", "text", "--speech", "file.wav"],
        ["search", "text", "-k", "0"],
        ["search", "text", "-k", "many"],
        ["search", "text", "--meaning", "1.5"],
        ["search", "text", "--meaning", "nan"],
        ["search", "text", "--color", "red"],
    ],
)
def test_a_wrong_command_line_says_so(arguments: list[str], clasp: Callable[..., Result]):
    code, out, err = clasp(*arguments)
    assert (code, out) == (2, "")
    assert "error:" in err


def test_thirty_malformed_files_give_one_line_each(tmp_path: Path, clasp: Callable[..., Result]):
    for case in write_malformed(tmp_path):
        code, out, err = clasp("search", "--speech", str(case.path))
        assert (code, out) == (2, "")
        assert err.startswith(f"clasp: {case.path.name}") and case.error in err
        assert err.count("\n") == 1
    code, _, err = clasp("search", "--speech", str(tmp_path / "nowhere.wav"))
    assert code == 2 and err == "clasp: There is no file nowhere.wav: give the path of a recording.\n"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["  "], "has no words"),
        (["?!"], "has no words"),
        (["word " * 300], "1499 characters"),
        (["a ship", "--category", "sport"], "no category 'sport': it has adventure,"),
        (["a ship", "--language", "xx"], "no language 'xx': it has "),
        (["a ship", "--tag", "sea"], "no tag 'sea': it has none."),
    ],
)
def test_a_query_that_cannot_be_searched_gives_one_line(arguments: list[str], error: str, clasp: Callable[..., Result]):
    code, out, err = clasp("search", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("clasp: The ") and error in err and err.count("\n") == 1


def test_text_finds_what_says_so(clasp: Callable[..., Result]):
    code, out, err = clasp("search", "the ship was lost in the storm")
    assert (code, err) == (0, "")
    first, facts = out.splitlines()[:2]
    assert first.endswith("The ship was lost in the storm, three days out of Lisbon.")
    assert facts.strip().startswith("en, adventure, ")
    assert "encoded in" in out.splitlines()[-1]


def test_json_holds_what_was_found(clasp: Callable[..., Result]):
    code, out, _ = clasp("search", " the ship\twas lost in\x07 the storm", "--json", "-k", "4")
    answer = json.loads(out)
    assert code == 0
    assert answer["query"] == "the ship was lost in the storm"
    assert (answer["language"], answer["strong"]) == ("en", True)
    assert set(answer["timings"]) == {"encode_ms", "search_ms"}
    assert len(answer["hits"]) == 4
    first = answer["hits"][0]
    assert first["transcript"] == "The ship was lost in the storm, three days out of Lisbon."
    assert (first["language"], first["category"], first["strong"]) == ("en", "adventure", True)
    assert Path(first["file"]).is_file() and 0 <= first["start"] < first["end"]
    assert {"id", "recording", "speaker", "score"} <= set(first)
    probabilities = [hit["probability"] for hit in answer["hits"]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 <= probabilities[-1] <= probabilities[0] <= 1


def test_speech_finds_what_was_said(clasp: Callable[..., Result]):
    code, out, err = clasp("search", "--speech", str(QUERIES / "watch.ogg"), "--json")
    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert answer["query"] is None and answer["language"] is None
    assert answer["hits"][0]["recording"] in ("fiction-01", "fiction-02")


def test_filters_keep_everything_else_out(clasp: Callable[..., Result]):
    filters = ["--category", "news", "--category", "hobbies", "--language", "de", "--language", "fr"]
    _, out, _ = clasp("search", "the ship was lost in the storm", "--json", *filters)
    hits = json.loads(out)["hits"]
    assert hits
    assert {hit["category"] for hit in hits} <= {"news", "hobbies"}
    assert {hit["language"] for hit in hits} <= {"de", "fr"}


def test_the_weight_ranks_by_meaning_or_by_exact_words(clasp: Callable[..., Result]):
    for weight in (1, 0):
        _, out, _ = clasp("search", "Wo ist der Bahnhof?", "--json", "--meaning", str(weight))
        hits = json.loads(out)["hits"]
        ranked = [hit["meaning"] if weight else max(hit["alignment_score"] / 3, hit["coverage"]) for hit in hits]
        assert len(ranked) == 10 and ranked == pytest.approx(sorted(ranked, reverse=True), abs=1e-4)


def test_nonsense_finds_no_strong_match_and_shows_the_nearest(clasp: Callable[..., Result]):
    code, out, err = clasp("search", "Zzyzx quorble vantrish", "-k", "3")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0] in ("Possible matches:", "Nothing in this library seems to say that. The nearest:")
    assert len(lines) == 1 + 3 * 2 + 1


def shell(command: str) -> subprocess.CompletedProcess[bytes]:
    """What a shell makes of a command line in which `clasp` stands for the program; its output in bytes."""
    written = f'clasp() {{ "{sys.executable}" -m clasp "$@"; }}; {command}'
    return subprocess.run(["bash", "-c", written], capture_output=True, cwd=ROOT, check=False)


@pytest.mark.parametrize(
    ("command", "code"),
    [("search 'the ship was lost in the storm' -k 100 --json", b"141"), ("settings", b"141"), ("--help", b"0")],
)
def test_who_reads_may_leave(command: str, code: bytes):
    done = shell(f"clasp {command} | true; echo ${{PIPESTATUS[0]}}")  # `true` has left before anything is written
    assert (done.stdout.strip(), done.stderr) == (code, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_what_cannot_be_written_is_said():
    done = shell("clasp settings > /dev/full")
    assert done.returncode == 2
    assert done.stderr == b"clasp: The output cannot be written (No space left on device): make room for it.\n"
    assert shell("clasp settings >&-").returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_console_shows_the_letters_that_it_has(
    encoding: str, clasp: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
):
    def printed(*arguments: str) -> str:
        console = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", console)
            code, _, err = clasp(*arguments)
        assert code in (0, 1) and err == ""
        return console.buffer.getvalue().decode(encoding)

    query = ("search", "Тяжёлый дождь – café", "-k", "30", "--meaning", "1", "--language", "ru", "--language", "fr")
    text = printed(*query)
    assert len(text.splitlines()) >= 60
    assert ("é" in text) == (encoding != "ascii")
    assert any("а" <= letter <= "я" for letter in text) == (encoding == "utf-8")
    assert json.loads(printed(*query, "--json"))["query"] == query[1]
    for arguments in (["--help"], ["search", "--help"], ["settings"]):
        assert printed(*arguments)


def test_the_process_exits_with_the_code():
    for command, expected in (("search --speech nowhere.wav", 2), ("settings", 0)):
        done = shell(f"clasp {command}")
        assert done.returncode == expected
        assert done.stderr.count(b"\n") == (1 if expected == 2 else 0)


def test_a_search_without_a_library_is_of_your_own_once_you_have_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("CLASP_LIBRARY", raising=False)
    assert usual_library() == "demo"
    Library.create(library_folder(), Identity()).close()
    assert usual_library() == "default"
    monkeypatch.setenv("CLASP_LIBRARY", "harbour")
    assert usual_library() == "harbour"


def test_a_library_without_recordings_says_how_to_fill_it(tmp_path: Path, bundled: Clasp, clasp: Callable[..., Result]):
    Library.create(tmp_path / "own", bundled).close()
    code, out, err = clasp("search", "a ship", "--library", str(tmp_path / "own"))
    assert (code, err) == (1, "") and "has no recordings yet" in out
