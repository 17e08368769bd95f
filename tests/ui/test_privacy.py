"""Nothing outside the libraries can be fetched, by whatever route and however the path is written."""

import gzip
import http.client
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from index.map.wire import from_bytes
from ui import script

ROOT = Path(__file__).parents[2]
SECRET = "root:"  # in /etc/passwd
FILES = ["/etc/passwd", str(ROOT / "app.py"), str(ROOT / "assets/model/config.json")]
CLIMBS = ["../" * 8, "..%2f" * 8, "%2e%2e/" * 8, "..%5c" * 8, "....//" * 8, "%252e%252e%252f" * 8, "/", "%2f"]
PLACES = [
    "audio/demo/", "audio/", "audio/default/", "envelope/demo/", f"{script.ROOT}/", f"{script.ROOT}/map/",
    f"{script.ROOT}/plotly.js/", "gradio_api/file=", "file=", "gradio_api/file/", "gradio_api/stream/", "static/",
    "assets/", "gradio_api/proxy=file://", "gradio_api/custom_component/", "svelte/", "theme.css/",
    "gradio_api/deep_link=",
]  # fmt: skip


def raw(address: str, path: str) -> tuple[int, bytes]:
    """Ask for a path exactly as it is written: clients would tidy it up."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
    try:
        connection.putrequest("GET", path, skip_host=False)
        connection.endheaders()
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


@pytest.mark.parametrize("place", PLACES)
def test_no_route_leads_to_other_files(address: str, place: str) -> None:
    for file in FILES:
        content = Path(file).read_bytes()
        for climb in CLIMBS:
            for name in (file, file.lstrip("/"), quote(file, safe="")):
                status, body = raw(address, f"/{place}{climb}{name}")
                assert content[:40] not in body, (status, place, climb, name)
                assert SECRET.encode() not in body


def test_the_files_of_the_library_itself_are_not_served(address: str) -> None:
    for name in ("library.db", "meaning.hnsw", "sound.hnsw", "manifest.json", "files", "."):
        for key in ("demo", "default", "..", ""):
            status, _ = raw(address, f"/audio/{key}/{name}")
            assert status in (404, 405), (key, name)


def test_sound_of_a_library_that_is_not_there(address: str) -> None:
    for key in ("visit", "nobody", "x" * 32, "%00", "demo%00", "%2e%2e"):
        assert raw(address, f"/audio/{key}/anything")[0] in (400, 404), key


def test_stretches_have_limits(address: str) -> None:
    name = quote(from_bytes(gzip.decompress(raw(address, "/map/demo")[1]))[0]["names"]["recording"][0])
    status, body = raw(address, f"/audio/demo/{name}?start=0.5&end=1.5")
    assert status == 200 and body[:4] == b"RIFF" and abs(len(body) - 44 - 32_000) < 100
    for query in ("start=2&end=1", "start=nan&end=1", "start=-1&end=1", "start=a&end=b", "start=inf"):
        assert raw(address, f"/audio/demo/{name}?{query}")[0] == 400, query
    assert raw(address, f"/audio/demo/{name}?start=9999")[0] == 404
    assert len(raw(address, f"/audio/demo/{name}?start=0&end=1e9")[1]) < 3_000_000
    for query in ("points=nan", "points=x"):
        assert raw(address, f"/envelope/demo/{name}?{query}")[0] == 400
    for points in ("points=1e12", "points=-3", "points=0", ""):
        assert raw(address, f"/envelope/demo/{name}?{points}")[0] == 200
