"""`python -m clasp feed`, with a tiny model and a web server on this machine."""

from pathlib import Path

import pytest

from index.cli.main import main
from tests.index.ingest.web import Page, serving

ROOT = Path(__file__).parents[3]
SPOKEN = sorted((ROOT / "assets" / "library" / "queries").glob("*"))
FEED = """<rss><channel><title>Harbour Stories</title>
<item><title>Fog</title><enclosure url="/fog.ogg" type="audio/ogg"/></item>
<item><title>Gone</title><enclosure url="/gone.ogg" type="audio/ogg"/></item></channel></rss>"""


def test_a_feed_is_followed_and_left(
    tmp_path: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLASP_MODEL", str(tiny_folder))
    monkeypatch.setenv("CLASP_TRANSCRIBER", "none")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    library = ["--library", str(tmp_path / "library")]
    with serving() as web:
        web.pages |= {"/feed.xml": Page(FEED.encode()), "/fog.ogg": Page(SPOKEN[0].read_bytes())}
        address = f"{web.address}/feed.xml"
        assert main(["feed", "list", *library]) == 2
        assert main(["feed", "add", f"{web.address}/none", *library]) == 2
        assert f"{web.address}/none cannot be had: its server answers 404" in capsys.readouterr().err
        assert main(["feed", "add", address, *library]) == 0
        assert capsys.readouterr().out == "Harbour Stories: 2 episodes; `feed update` adds them.\n"
        assert main(["feed", "update", *library]) == 1
        out = capsys.readouterr().out
        assert out.startswith("2 of 2 episodes: 1 added (") and "1 not readable.\n" in out
        assert "  not added: Gone: it cannot be had: its server answers 404 Not Found\n" in out
    assert main(["feed", "list", *library]) == 0
    assert capsys.readouterr().out.startswith("Harbour Stories: 2 episodes, 1 still to be added, looked at 20")
    assert main(["feed", "remove", address, *library]) == 0
    assert main(["feed", "remove", address, *library]) == 2
    assert "is none of the feeds of this library" in capsys.readouterr().err
