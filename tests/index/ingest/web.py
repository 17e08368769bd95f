"""A web server on this machine whose files change, move, and break off."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What is at an address."""

    content: bytes
    etag: str = '"1"'
    status: int = 200
    ranges: bool = True  # whether parts can be asked for
    breaks: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    location: str = ""  # where it has moved


@dataclass
class Web:
    """The server: its address, its pages by their paths, and what was asked for and answered."""

    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    log: list[tuple[str, int, str]] = field(default_factory=list)  # path, status, range

    def asked(self, path: str) -> list[tuple[int, str]]:
        """Status and range of each request for a path, in their order; what was asked is forgotten."""
        found = [(status, part) for one, status, part in self.log if one == path]
        self.log = [one for one in self.log if one[0] != path]
        return found


@contextmanager
def serving() -> Iterator[Web]:
    """Serve while it lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            page = web.pages.get(self.path, Page(b"", status=404))
            wanted = self.headers.get("Range", "")
            if page.location:
                self._answer(page, 302, b"", {"Location": page.location})
            elif page.status == 200 and self.headers.get("If-None-Match") == page.etag:
                self._answer(page, 304, b"")
            elif wanted and page.ranges and self.headers.get("If-Range") == page.etag:
                first = int(wanted.removeprefix("bytes=").rstrip("-"))
                last = len(page.content) - 1
                content = {"Content-Range": f"bytes {first}-{last}/{last + 1}"}
                self._answer(page, 206, page.content[first:], content)
            else:
                self._answer(page, page.status, page.content)

        def _answer(self, page: Page, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
            web.log.append((self.path, status, self.headers.get("Range", "")))
            self.send_response(status)
            for name, value in {"ETag": page.etag, "Content-Length": str(len(content)), **(headers or {})}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            end = page.breaks.pop(0) if page.breaks and content else len(content)
            self.wfile.write(content[:end])
            self.close_connection = end < len(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web = Web(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
