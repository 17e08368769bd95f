"""What takes a while, in threads; what was uploaded, gathered; dates that are typed in."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from clasp.errors import ClaspError, DataError
from ui import jobs
from ui.jobs import Jobs, Progress, Report, Work
from ui.library.adding import gathered
from ui.library.uploads import Upload


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def waiting(go_on: threading.Event) -> Work:
    """A job that reports whether it was stopped, when it may go on."""

    def work(stopping: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("<b>file</b>", 0.25, ("1 of 4 files",))
        go_on.wait(10)
        yield Report(("Stopped." if stopping.is_set() else "Done.",), ("<i>file",))

    return work


def test_one_job_at_a_time_is_done_to_a_library_and_others_go_on() -> None:
    running, go_on = Jobs(), threading.Event()
    running.start("one", "Adding to one", waiting(go_on))
    with pytest.raises(ClaspError, match="Adding to one is still running"):
        running.start("one", "Checking", waiting(go_on))
    running.start("two", "Checking", waiting(go_on))
    until(lambda: isinstance(running.of("two").state, Progress) and running.of("two").state.share == 0.25)
    running.start("three", "Checking", waiting(go_on))  # one too many at once
    assert running.of("three").state.now.startswith("Waiting")
    running.forget("one")
    assert running.running("one")  # it is not over
    running.of("one").stop()
    go_on.set()
    for key, said in (("one", "Stopped."), ("two", "Done."), ("three", "Done.")):
        until(lambda key=key: not running.running(key))
        assert running.of(key).state.sentences == (said,)
    running.forget("one")
    assert running.of("one") is None


def test_a_job_that_fails_says_so_in_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    def work(error: Exception) -> Work:
        def failing(_: threading.Event) -> Iterator[Progress]:
            yield Progress("beginning")
            raise error

        return failing

    running = Jobs()
    for error, said in ((DataError("The disk is full."), "The disk is full."), (KeyError("x"), "Something went wrong")):
        running.start("one", "Adding", work(error))
        until(lambda: not running.running("one"))
        assert running.of("one").state.wrong and running.of("one").state.sentences[0].startswith(said)
    assert "KeyError" in caplog.text and "disk" not in caplog.text


def test_an_archive_is_there_until_its_job_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(scratch: TemporaryDirectory) -> Work:
        def packing(_: threading.Event) -> Iterator[Report]:
            path = Path(scratch.name, "library.zip")
            path.write_bytes(b"zip")
            yield Report(("Ready.",), archive=path)

        return packing

    running = Jobs()
    for key in ("one", "two"):
        scratch = TemporaryDirectory()
        running.start(key, "Exporting", work(scratch), scratch=scratch)
        until(lambda key=key: not running.running(key))
    first, second = (running.of(key) for key in ("one", "two"))
    assert running.archive(first.secret).read_bytes() == b"zip"
    assert running.archive("nobody") is None and running.archive("") is None
    running.forget("one")
    assert running.archive(first.secret) is None and not first.state.archive.exists()
    monkeypatch.setattr(jobs, "REPORT_SECONDS", 0)
    running.start("three", "Checking", waiting(threading.Event()))
    assert running.of("two") is None and not second.state.archive.exists()


def test_what_a_job_shows_is_no_markup() -> None:
    running, go_on = Jobs(), threading.Event()
    running.start("one", "<script>", waiting(go_on))
    until(lambda: running.of("one").state.share == 0.25)
    shown = jobs.html(running.of("one"))
    assert 'aria-valuenow="25"' in shown and "1 of 4 files" in shown
    go_on.set()
    until(lambda: not running.running("one"))
    for html in (shown, jobs.html(running.of("one"))):
        assert "<script>" not in html and "<b>" not in html and "<i>" not in html
    assert jobs.html(None) == ""


@pytest.mark.parametrize(
    ("given", "kept"),
    [("Wow! 10:30?.wav", "Wow! 10:30?.wav"), ("../../x.wav", "x.wav"), ("..", "a.wav"), ("", "a.wav"), (None, "a.wav"),
     ("é" * 200 + ".wav", "a.wav"), ("a\0b.wav", "ab.wav"), ("/", "a.wav")],
)  # fmt: skip
def test_an_upload_has_the_name_that_the_person_gave(tmp_path: Path, given: str | None, kept: str) -> None:
    (tmp_path / "a.wav").write_text("sound")
    (path,) = gathered([Upload.of(str(tmp_path / "a.wav"), given)], tmp_path)
    assert path == tmp_path / "1" / kept and path.read_text() == "sound"


def test_uploads_lie_together_under_their_own_names(tmp_path: Path) -> None:
    uploads = []
    for number, name in enumerate(("talk.wav", "talk.srt", "talk.wav", "talk.srt", "memo.MP3", "facts.csv")):
        path = tmp_path / str(number) / name
        path.parent.mkdir()
        path.write_text(str(number))
        uploads.append(Upload.of(str(path), name))
    folder = tmp_path / "gathered"
    folder.mkdir()
    found = gathered(uploads, folder)
    assert [path.read_text() for path in found] == ["0", "2", "4"]
    assert [path.with_suffix(".srt").read_text() for path in found[:2]] == ["1", "3"]  # each has its own beside it
    assert not any(Path(upload).exists() for upload in uploads)
    with pytest.raises(DataError, match=r"talk\.wav is no longer available"):
        gathered(uploads, folder)
    with pytest.raises(DataError, match="There is no recording"):
        gathered([Upload.of(str(folder / "1" / "talk.srt"), "talk.srt")], folder)
    assert (folder / "1" / "talk.srt").exists()
