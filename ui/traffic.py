"""What is asked of the server: each request has an id, and once the server is to end, nothing new is begun.

traffic = Traffic()
Middleware(TrafficMiddleware, traffic=traffic)     # of the app
traffic.draining = True                            # refuse what is new; what was begun goes on
traffic.running                                    # 0: all was answered
"""

import re
import secrets
from contextvars import ContextVar

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

HEADER = "x-request-id"
PLAIN = re.compile(r"[\w.:-]{1,64}", re.ASCII)  # an id that a proxy may give a request
ALWAYS_OPEN = ("/heartbeat/", "/mcp")  # parts of addresses that a page or an assistant holds open while it waits
READING = ("GET", "HEAD", "OPTIONS")  # methods that begin nothing
ENDING = "CLASP is about to restart: try again in a moment."
RESTARTING = 1012  # code of a WebSocket that is closed

_request: ContextVar[str] = ContextVar("request", default="")


class Traffic:
    """How much is being answered, and whether more may come.

    Attributes:
        draining: whether what is new is refused.
        running: requests that are not over, fetching the answer of a search among them, and live searches.
    """

    def __init__(self) -> None:
        self.draining = False
        self.running = 0


class TrafficMiddleware:
    """Around the whole app."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app, self._traffic = app, traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or serve a connection."""
        if scope["type"] == "websocket" and self._traffic.draining:
            await WebSocketClose(RESTARTING, ENDING)(scope, receive, send)
        elif scope["type"] == "http" and self._traffic.draining and scope["method"] not in READING:
            await PlainTextResponse(ENDING, 503, {"Retry-After": "5"})(scope, receive, send)
        elif scope["type"] in ("http", "websocket"):
            await self._counted(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = MutableHeaders(scope=scope)
        name = headers.get(HEADER, "")
        name = headers[HEADER] = name if PLAIN.fullmatch(name) else secrets.token_hex(8)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        waits = scope.get("method") == "GET" and any(part in scope["path"] for part in ALWAYS_OPEN)
        before = _request.set(name)
        self._traffic.running += not waits
        try:
            await self._app(scope, receive, named)
        finally:
            self._traffic.running -= not waits
            _request.reset(before)


def request_id() -> str:
    """Id of the request for which something is being done; '' where it is for none."""
    from gradio.context import LocalContext  # the page's framework is large

    event = LocalContext.request.get(None)  # of an event of the page, which is handled after its request is answered
    return _request.get() if event is None else event.headers.get(HEADER, "")
