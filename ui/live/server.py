"""The live search: what the page's microphone hears comes in over a WebSocket, and what it finds goes back.

Whoever connects says what to search, sends sound as it is spoken and, at last, that they stop: see protocol.py.
The connection is closed with a sentence that says why: codes from 4400 are the page's doing, others may pass.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from clasp.errors import ClaspError
from clasp.settings import current
from index.filters import Filter
from index.live.scheduler import FairScheduler
from ui.live.protocol import (
    ABSENT,
    BROKEN,
    BUSY,
    FAST,
    FOREIGN,
    OVER,
    SILENT,
    WRONG,
    LiveRequest,
    Refused,
    parsed,
    seconds,
    utterance,
)
from ui.service import VISIT, Service

if TYPE_CHECKING:
    from index.library import Library
    from index.live.session import LiveSession, LiveUtterance

HITS = 3  # of an utterance
FIRST = 10.0  # seconds within which the first frame must come
IDLE = 30.0  # seconds without sound after which a connection is closed
AHEAD = 10.0  # seconds that sound may come faster than it is spoken: twice as fast for ten seconds
BEHIND = 20.0  # seconds of sound that may wait
PIECE = 5.0  # seconds that are fed to a session at once, if more waits
ENDING = 20.0  # seconds that the last answers may take
FEEDERS = 2  # threads that feed sessions; searches have one of their own
UNEXPECTED = "Something went wrong on our side. Please start again."
ELSEWHERE = "The server was asked for a different address than this page's: a proxy in front must pass the header Host."

log = logging.getLogger(__name__)


class LiveServer:
    """Everybody who is speaking at this time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._turns = FairScheduler()
        self._feeders = ThreadPoolExecutor(FEEDERS, "live")
        self._quota = SpeechQuota()
        self._connected = 0

    async def connect(self, socket: WebSocket) -> None:
        """Serve the Live tab of a page, from its first frame to its last."""
        await socket.accept()
        if not _same_origin(socket):
            return await _close(socket, FOREIGN, ELSEWHERE)
        self._connected += 1
        code, reason = 1000, ""
        try:
            if self._connected > current().live_visitors:
                raise Refused(BUSY, "Too many people are using the live search right now: try again in a minute.")
            await self._serve(socket)
        except Refused as refused:
            code, reason = refused.args
        except ClaspError as error:
            code, reason = ABSENT, str(error)
        except WebSocketDisconnect:
            return None
        except Exception:
            log.exception("a live search failed")
            code, reason = BROKEN, UNEXPECTED
        finally:
            self._connected -= 1
        return await _close(socket, code, reason)

    async def _serve(self, socket: WebSocket) -> None:
        request = LiveRequest.read(await _next(socket, FIRST))
        while not await anyio.to_thread.run_sync(self._service.ready, 1.0):
            await socket.send_json({"status": self._service.status})
        library = await anyio.to_thread.run_sync(self._library, request)
        left = self._quota.left(request.token) if self._service.read_only else None
        await socket.send_json({"left": left})
        await LiveSocket(self, socket, request, library).run()

    def _library(self, request: LiveRequest) -> "Library":
        """The library that is searched.

        Raises:
            ClaspError: if there is none of that name.
            Refused: if the visitor is not known, or has used up their quota.
        """
        guests = self._service.opened().guests
        if (self._service.read_only or request.library == VISIT) and not guests.is_issued(request.token):
            raise Refused(ABSENT, "Your visit has expired: reload the page.")
        self.spend(request.token, 0.0)
        return self._service.library(request.library, request.token)

    def session(self, library: "Library", filters: Filter, notify: Callable[[], None]) -> "LiveSession":
        """A session that takes turns with all the others."""
        from index.live.session import LiveSession

        model = self._service.opened().model
        return LiveSession(model, library, turns=self._turns, filters=filters, k=HITS, on_news=notify)

    def spend(self, token: str, seconds: float) -> None:
        """Count what a visitor has spoken.

        Raises:
            Refused: if that is more than they may.
        """
        if self._service.read_only and self._quota.spend(token, seconds) <= 0:
            raise Refused(OVER, f"You have used your {current().live_minutes:g} minutes: try again later.")

    async def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do something that takes a while without keeping the others waiting."""
        return await asyncio.get_running_loop().run_in_executor(self._feeders, work, *arguments)

    def utterances(self, news: "list[LiveUtterance]", request: LiveRequest, library: "Library") -> list[dict[str, Any]]:
        """What was found, for the page."""
        key, drawn = self._service.key(request.library, request.token), self._service.map(library)
        return [utterance(said, library, key, drawn) for said in news]


class LiveSocket:
    """One connection: takes sound as it comes, and feeds it to a session when there is time, all that waits at once."""

    def __init__(self, server: LiveServer, socket: WebSocket, request: LiveRequest, library: "Library") -> None:
        self._server, self._socket, self._request, self._library = server, socket, request, library
        self._waiting = bytearray()
        self._woken = asyncio.Event()
        self._end: Refused | None = None
        self._ended = False
        self._ahead, self._last = 0.0, time.monotonic()

    async def run(self) -> None:
        """Until the page says that it stops, and has its last answers."""
        loop = asyncio.get_running_loop()

        def notify() -> None:
            loop.call_soon_threadsafe(self._woken.set)

        session = await self._server.run(self._server.session, self._library, self._request.filters, notify)
        tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._answer(session))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            session.close()
        if self._end is not None:
            raise self._end

    async def _receive(self) -> None:
        while not self._ended:
            frame = await _next(self._socket, IDLE)
            if isinstance(frame, str):
                if parsed(frame) != {"stop": True}:
                    raise Refused(WRONG, "Expected a frame of sound, or the end.")
                self._ended = True
            else:
                self._take(frame)
            self._woken.set()

    def _take(self, frame: bytes) -> None:
        length = seconds(frame, self._request.rate)
        now = time.monotonic()
        self._ahead = max(0.0, self._ahead - (now - self._last)) + length
        self._last = now
        if self._ahead > AHEAD:
            raise Refused(FAST, "Sound is coming in faster than anybody speaks.")
        self._waiting += frame
        if len(self._waiting) > BEHIND * 2 * self._request.rate:
            raise Refused(BUSY, "The server is too busy to listen: try again in a minute.")
        try:
            self._server.spend(self._request.token, length)
        except Refused as over:  # what was said until now is still answered
            self._end, self._ended = over, True

    async def _answer(self, session: "LiveSession") -> None:
        piece = 2 * round(PIECE * self._request.rate)
        deadline = None
        while deadline is None or session.busy:
            await self._sleep(None if deadline is None else 0.05)
            while self._waiting:
                samples, self._waiting = bytes(self._waiting[:piece]), self._waiting[piece:]
                await self._server.run(session.feed, np.frombuffer(samples, "<i2"), self._request.rate)
                state = {"received_s": round(session.seconds, 3), "voiced": session.voiced, "dropped": session.dropped}
                await self._socket.send_json(state)
                await self._send_news(session)
            if self._ended and deadline is None:
                await self._server.run(session.finish)
                deadline = time.monotonic() + ENDING
            if deadline is not None and time.monotonic() > deadline:
                raise Refused(BUSY, "The server is too busy to finish: the last matches are missing.")
            await self._send_news(session)
        await self._send_news(session)

    async def _sleep(self, seconds: float | None) -> None:
        """Until something comes, ends or is found."""
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except asyncio.TimeoutError:
            return
        self._woken.clear()

    async def _send_news(self, session: "LiveSession") -> None:
        if news := session.news():
            for frame in await self._server.run(self._server.utterances, news, self._request, self._library):
                await self._socket.send_json({"utterance": frame})


class SpeechQuota:
    """How long each visitor may still speak: CLASP_LIVE_MINUTES of every CLASP_GUEST_MINUTES."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent: dict[str, tuple[float, float]] = {}  # by token: since when, and seconds; oldest first

    def left(self, token: str) -> float:
        """Seconds."""
        return max(0.0, 60 * current().live_minutes - self._entry(token)[1])

    def spend(self, token: str, seconds: float) -> float:
        """Take some of it; returns what is left."""
        began, spent = self._entry(token)
        self._spent[token] = began, spent + seconds
        return self.left(token)

    def _entry(self, token: str) -> tuple[float, float]:
        now = self._clock()
        while self._spent and now - (oldest := next(iter(self._spent.items())))[1][0] > 60 * current().guest_minutes:
            del self._spent[oldest[0]]
        return self._spent.get(token, (now, 0.0))


async def _next(socket: WebSocket, seconds: float) -> str | bytes:
    """The next frame."""
    try:
        message = await asyncio.wait_for(socket.receive(), seconds)
    except asyncio.TimeoutError:
        raise Refused(SILENT, f"Nothing has come from the page for {seconds:g} s.") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    frame = message.get("text")
    return frame if frame is not None else message["bytes"]


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    """Close a connection, unless it is gone already. A reason has at most 123 bytes."""
    try:
        short = reason.encode()[:123].decode(errors="ignore")
        await asyncio.wait_for(socket.close(code, short), 5.0)
    except (asyncio.TimeoutError, RuntimeError, WebSocketDisconnect):
        log.debug("a page was gone before it was told: %s", reason)


def _same_origin(socket: WebSocket) -> bool:
    """Whether the page that connects is one of ours: browsers say where it comes from, and no page can lie about it."""
    origin = urlsplit(socket.headers.get("origin", ""))
    named = (socket.headers.get(name, "") for name in ("host", "x-forwarded-host"))
    hosts = {_host(one, origin.scheme) for names in named for one in names.split(",")}
    return bool(origin.netloc) and _host(origin.netloc, origin.scheme) in hosts


def _host(name: str, scheme: str) -> str:
    """A host as it is compared, without the port that is usual for the scheme."""
    return name.strip().lower().removesuffix({"http": ":80", "https": ":443"}.get(scheme, ""))
