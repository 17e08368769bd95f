"""What whoever runs servers relies on: health, metrics, logs, and an end that loses no answer."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from clasp.errors import ClaspError
from tests.ui.conftest import ROOT, START, free_port
from ui import health, logs
from ui.service import Service
from ui.traffic import ENDING, Traffic

AT_ONCE = 8  # searches that run when the server is told to end


@dataclass(frozen=True)
class Running:
    """A server."""

    address: str
    process: subprocess.Popen
    log: Path

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and body of what is at a path."""
        return self._answer(urllib.request.Request(self.address + path, headers=headers))

    def ask(self, text: str, name: str) -> tuple[int, str]:
        """Begin a search under an id; its event is fetched with `found`."""
        headers = {"Content-Type": "application/json", "X-Request-Id": name}
        url, body = f"{self.address}gradio_api/call/search_text", json.dumps({"data": [text]}).encode()
        return self._answer(urllib.request.Request(url, body, headers))

    def found(self, event: str) -> list[dict]:
        """The hits of a search."""
        status, stream = self.get(f"gradio_api/call/search_text/{event}")
        assert status == 200 and "event: complete" in stream, stream
        return json.loads(stream.partition("data: ")[2])[0]["hits"]

    def lines(self) -> list[dict]:
        """What it has logged."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def _answer(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(request, timeout=START) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    settings = {"PORT": str(port), "HOST": "127.0.0.1", "CLASP_READ_ONLY": "1"}
    settings |= {"CLASP_METRICS": "1", "CLASP_LOG": "json", "XDG_DATA_HOME": str(folder)}
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=os.environ | settings, stdout=output, stderr=output
        )
    running = Running(f"http://127.0.0.1:{port}/", process, log)
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(urllib.error.URLError, ConnectionError):
            if running.get("readyz") == (200, "ready"):
                break
        time.sleep(0.2)
    else:
        pytest.fail(f"The server did not start:\n{log.read_text()}")
    yield running
    process.kill()
    process.wait()


def value(metrics: str, name: str) -> float:
    """Of a series."""
    match = re.search(rf"^{re.escape(name)} (\S+)$", metrics, re.MULTILINE)
    assert match, (name, metrics)
    return float(match[1])


def test_health_metrics_and_logs(server: Running) -> None:
    assert server.get("healthz") == (200, "alive") and server.get("readyz") == (200, "ready")
    before = server.get("metrics")[1]
    status, body = server.ask("the ship was lost in the storm", "test-1")
    assert status == 200 and server.found(json.loads(body)["event_id"])
    after = server.get("metrics")[1]
    for series in ('clasp_stage_seconds_count{stage="encode"}', 'clasp_stage_seconds_bucket{le="+Inf",stage="search"}'):
        assert value(after, series) == (value(before, series) if series in before else 0) + 1
    assert value(after, 'clasp_queries_total{kind="text"}') == 1
    assert value(after, "clasp_errors_total") == 0 == value(after, "clasp_jobs")
    assert value(after, "clasp_requests_running") == 1  # this one
    stages = {one["stage"]: one for one in server.lines() if one.get("request") == "test-1"}
    assert set(stages) == {"encode", "search"} and stages["search"]["hits"] == 10
    assert all(one["kind"] == "text" and one["seconds"] > 0 and one["level"] == "INFO" for one in stages.values())
    assert "ship" not in server.log.read_text(), "what is searched for is nobody's business"


def test_every_answer_has_the_id_of_its_request(server: Running) -> None:
    for given, returned in (("proxy-7", "proxy-7"), ("line\tbreak", None), ("", None)):
        request = urllib.request.Request(f"{server.address}healthz", headers={"X-Request-Id": given} if given else {})
        with urllib.request.urlopen(request) as reply:
            name = reply.headers["X-Request-Id"]
        assert name == returned if returned else re.fullmatch(r"[0-9a-f]{16}", name)


def test_what_was_begun_is_answered_after_it_is_told_to_end(server: Running) -> None:
    """The last one: the server is gone afterwards."""
    events = [json.loads(server.ask(f"the storm, number {number}", "")[1])["event_id"] for number in range(AT_ONCE)]
    stream = urllib.request.urlopen(f"{server.address}gradio_api/call/search_text/{events[0]}", timeout=START)
    server.process.send_signal(signal.SIGTERM)
    refused = (0, "")
    while refused[0] != 503 and server.process.poll() is None:
        refused = server.ask("something new", "")
    assert refused == (503, ENDING) and server.get("readyz") == (503, "ending")
    assert all(len(server.found(event)) == 10 for event in events[1:])
    assert b"event: complete" in stream.read()
    assert server.process.wait(30) == 0
    assert "Traceback" not in server.log.read_text()


def test_it_is_not_ready_before_it_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    service, traffic = Service("no/such/model"), Traffic()
    client = TestClient(Starlette(routes=health.routes(service, traffic)))
    assert client.get("/healthz").status_code == 200
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (503, "starting")
    assert client.get("/metrics").status_code == 404, "nobody is told unless it is set"
    monkeypatch.setattr(service, "_open", lambda: (_ for _ in ()).throw(ClaspError("damaged")))
    service._run()
    assert client.get("/readyz").text == "the model or the library cannot be opened"


def test_a_form_of_logs_that_there_is_not() -> None:
    with pytest.raises(ClaspError, match="CLASP_LOG is 'xml': it must be text or json"):
        logs.configure("xml")
