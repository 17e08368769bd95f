"""A PostgreSQL server for tests: its data in a folder of its own, reached by loopback and with a password."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

DEBIAN = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
PLACES = os.pathsep.join([os.environ["PATH"], *DEBIAN])
PASSWORD = "fog & rye"


class Server:
    """A server with a user clasp."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder, self.data, password = folder, folder / "data", folder / "password"
        password.write_text(PASSWORD)
        self.user: list[str] = []
        if os.geteuid() == 0:  # as whom it refuses to run
            self.user = ["runuser", "-u", "nobody", "--"]
            for path in (folder, password):
                shutil.chown(path, "nobody")
        options = ["--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        self._run("initdb", "--username=clasp", *options, "--pgdata", self.data)

    def address(self, user: str = "clasp", password: str = PASSWORD, database: str = "postgres") -> str:
        return f"postgresql://{user}:{quote(password)}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        settings = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -F"
        self._run("pg_ctl", "start", "-w", "-D", self.data, "-o", settings, "-l", self.folder / "log")

    def stop(self) -> None:
        """As if it were killed."""
        self._run("pg_ctl", "stop", "-w", "-D", self.data, "-m", "immediate")

    def execute(self, sql: str) -> list[tuple]:
        import psycopg

        with psycopg.connect(self.address()) as connection:
            found = connection.execute(sql)
            return found.fetchall() if found.description else []

    def delete_libraries(self) -> None:
        query = "SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace WHERE nspname LIKE 'clasp%'"
        for (drop,) in self.execute(query):
            self.execute(drop)

    def _run(self, program: str, *arguments: object) -> None:
        command = [*self.user, shutil.which(program, path=PLACES) or program, *map(str, arguments)]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/", text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """A server while the tests that need it run; they are skipped where there is none."""
    if shutil.which("initdb", path=PLACES) is None or (os.geteuid() == 0 and shutil.which("runuser") is None):
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    pytest.importorskip("psycopg")
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
