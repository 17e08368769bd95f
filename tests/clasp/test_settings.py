"""Settings: each is shown by the command, stands in docs/settings.md, and is read from the environment."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from clasp.errors import ClaspError
from clasp.settings import Settings, current, table, variable
from index.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "settings.md"


def test_the_command_shows_every_setting(capsys: pytest.CaptureFixture[str]):
    assert main(["settings"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [variable(one.name) for one in fields(Settings)]
    assert all(one.metadata["meaning"] in line for one, line in zip(fields(Settings), lines, strict=True))


def test_the_page_lists_every_setting():
    page = PAGE.read_text(encoding="utf-8")
    for name, _, default, meaning in table():
        assert f"| `{name}` | {default} | {meaning} |" in page
    assert page.count("| `CLASP_") == len(fields(Settings))


def test_everything_that_is_read_from_the_environment_is_a_setting():
    known = {variable(one.name) for one in fields(Settings)}
    sources = [path for room in ("clasp", "index", "ui") for path in (ROOT / room).rglob("*.py")]
    named = {name for path in (*sources, ROOT / "app.py", ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
             for name in re.findall(r"\bCLASP_[A-Z_]+\b", path.read_text(encoding="utf-8"))}  # fmt: skip
    assert named <= known
    readers = {str(path.relative_to(ROOT)) for path in sources if "environ" in path.read_text(encoding="utf-8")}
    assert not [name for name in readers if re.search(r'environ(\.get\(|\[)"CLASP_', (ROOT / name).read_text("utf-8"))]


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("CLASP_FILE_MIB", "0.5")
    monkeypatch.setenv("CLASP_LIBRARY", "/media/archive")
    monkeypatch.setenv("CLASP_GUESTS", "")
    assert (current().file_mib, current().library, current().guests) == (0.5, "/media/archive", 20)
    main(["settings"])
    assert "(default: 2048)" in capsys.readouterr().out


def test_passwords_are_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("CLASP_INDEX", "milvus://ada:secret@archive:19530/vectors")
    main(["settings"])
    shown = capsys.readouterr().out
    assert "milvus://…@archive:19530/vectors" in shown and "secret" not in shown


@pytest.mark.parametrize("value", ["many", "-1", "0", "nan", "inf", "1e999"])
def test_a_value_of_another_kind_is_refused(value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CLASP_RECORDING_HOURS", value)
    with pytest.raises(ClaspError, match="CLASP_RECORDING_HOURS"):
        current()


def test_on_a_space_nobody_changes_the_libraries_unless_it_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert not current().read_only
    monkeypatch.setenv("SPACE_ID", "someone/clasp")
    assert current().read_only
    monkeypatch.setenv("CLASP_READ_ONLY", "0")
    assert not current().read_only
    monkeypatch.setenv("CLASP_READ_ONLY", "perhaps")
    with pytest.raises(ClaspError, match="1 or 0"):
        current()
