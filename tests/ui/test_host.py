"""Where the app listens, as HOST says it."""

import os
import re
import socket
import subprocess
import sys
import urllib.request

import pytest

from app import Place, listening
from tests.ui.conftest import ROOT, free_port


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("127.0.0.1", Place("127.0.0.1", True, False)),
        ("127.1.2.3", Place("127.1.2.3", True, False)),
        ("localhost", Place("localhost", True, False)),
        ("Localhost", Place("Localhost", True, False)),
        ("::1", Place("[::1]", True, False)),
        (" [::1] ", Place("[::1]", True, False)),
        ("0:0:0:0:0:0:0:1", Place("[0:0:0:0:0:0:0:1]", True, False)),
        ("::", Place("[::]", False, True)),
        ("0.0.0.0", Place("0.0.0.0", False, True)),
        ("192.168.1.5", Place("192.168.1.5", False, False)),
        ("fd00::2", Place("[fd00::2]", False, False)),
        ("127.example", Place("127.example", False, False)),
    ],
)
def test_names_and_addresses(host: str, place: Place) -> None:
    assert listening(host) == place


def ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize(("host", "address"), [("::1", "[::1]"), ("::", "localhost")])
def test_ipv6(host: str, address: str) -> None:
    port = free_port()
    settings = {"HOST": host, "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=os.environ | settings, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as server:  # fmt: skip
        try:
            said = next((line for line in server.stdout if "CLASP is open" in line), "nothing")
            assert re.fullmatch(rf"CLASP is open at http://{re.escape(address)}:{port}/ .*\n", said)
            with urllib.request.urlopen(f"http://[::1]:{port}/") as page:
                assert b"CLASP" in page.read()
        finally:
            server.terminate()
