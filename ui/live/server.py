"""What the page's microphone hears comes in over a WebSocket; what it finds goes back as it is found.

Whoever connects says what they want, sends sound as it is spoken, and at last that they stop: see frames.py.
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
    Refused,
    Wish,
    parsed,
    seconds,
    shown,
)
from ui.service import VISIT, Service

if TYPE_CHECKING:
    from index.library import Library
    from index.live.session import LiveSession, Said

HITS = 3  # of an utterance
FIRST = 10.0  # seconds within which the first frame must come
IDLE = 30.0  # seconds without sound after which a connection is closed
AHEAD = 10.0  # seconds that sound may come faster than it is spoken: twice as fast for ten seconds
BEHIND = 20.0  # seconds of sound that may wait to be heard
PIECE = 5.0  # seconds that are heard at once where more waits
ENDING = 20.0  # seconds that the last answers may take
EARS = 2  # threads that hear; searches have one of their own
OURS = "Something went wrong on this side: please start again."
ELSEWHERE = "The server is asked for another address than this page's: a proxy before it must pass on the header Host."

log = logging.getLogger(__name__)


class Microphones:
    """All that are heard at this time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._turns = FairScheduler()
        self._ears = ThreadPoolExecutor(EARS, "ears")
        self._allowance = Allowance()
        self._connected = 0

    async def connect(self, socket: WebSocket) -> None:
        """The other end of the live tab, from its first frame to its last."""
        await socket.accept()
        if not _same_origin(socket):
            return await _close(socket, FOREIGN, ELSEWHERE)
        self._connected += 1
        code, reason = 1000, ""
        try:
            if self._connected > current().live_visitors:
                raise Refused(BUSY, "As many people as there is room for are speaking: try again in a minute.")
            await self._hear(socket)
        except Refused as refused:
            code, reason = refused.args
        except ClaspError as error:
            code, reason = ABSENT, str(error)
        except WebSocketDisconnect:
            return None
        except Exception:
            log.exception("a live search failed")
            code, reason = BROKEN, OURS
        finally:
            self._connected -= 1
        return await _close(socket, code, reason)

    async def _hear(self, socket: WebSocket) -> None:
        wish = Wish.read(await _next(socket, FIRST))
        while not await anyio.to_thread.run_sync(self._service.ready, 1.0):
            await socket.send_json({"status": self._service.status})
        library = await anyio.to_thread.run_sync(self._library, wish)
        left = self._allowance.left(wish.visit) if self._service.read_only else None
        await socket.send_json({"left": left})
        await Hearing(self, socket, wish, library).run()

    def _library(self, wish: Wish) -> "Library":
        """The library that is searched.

        Raises:
            ClaspError: if it is not there.
            Refused: if the visit is not known, or what it may speak is spoken.
        """
        visits = self._service.opened().visits
        if (self._service.read_only or wish.library == VISIT) and not visits.knows(wish.visit):
            raise Refused(ABSENT, "This visit is over: reload the page.")
        self.spend(wish.visit, 0.0)
        return self._service.library(wish.library, wish.visit)

    def session(self, library: "Library", filters: Filter, told: Callable[[], None]) -> "LiveSession":
        """A session that takes its turns with all others."""
        from index.live.session import LiveSession

        return LiveSession(self._service.opened().model, library, turns=self._turns, filters=filters, k=HITS, told=told)

    def spend(self, visit: str, seconds: float) -> None:
        """Somebody has spoken.

        Raises:
            Refused: if that is more than they may.
        """
        if self._service.read_only and self._allowance.spend(visit, seconds) <= 0:
            raise Refused(OVER, f"Your {current().live_minutes:g} minutes are over: more can be said after a while.")

    async def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do something that takes a while without keeping the others waiting."""
        return await asyncio.get_running_loop().run_in_executor(self._ears, work, *arguments)

    def shown(self, news: "list[Said]", wish: Wish, library: "Library") -> list[dict[str, Any]]:
        """What was found, for the page."""
        key, chart = self._service.key(wish.library, wish.visit), self._service.map(library)
        return [shown(said, library, key, chart) for said in news]


class Hearing:
    """One connection: takes the sound as it comes, and hears it when there is time; all that waits at once."""

    def __init__(self, all_: Microphones, socket: WebSocket, wish: Wish, library: "Library") -> None:
        self._all, self._socket, self._wish, self._library = all_, socket, wish, library
        self._waiting = bytearray()
        self._woken = asyncio.Event()
        self._end: Refused | None = None
        self._ended = False
        self._ahead, self._last = 0.0, time.monotonic()

    async def run(self) -> None:
        """Until the page says that it stops, and has its last answers."""
        loop = asyncio.get_running_loop()

        def told() -> None:
            loop.call_soon_threadsafe(self._woken.set)

        session = await self._all.run(self._all.session, self._library, self._wish.filters, told)
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
                    raise Refused(WRONG, "A frame of sound was expected, or the end.")
                self._ended = True
            else:
                self._take(frame)
            self._woken.set()

    def _take(self, frame: bytes) -> None:
        length = seconds(frame, self._wish.rate)
        now = time.monotonic()
        self._ahead = max(0.0, self._ahead - (now - self._last)) + length
        self._last = now
        if self._ahead > AHEAD:
            raise Refused(FAST, "Sound comes faster than anybody speaks.")
        self._waiting += frame
        if len(self._waiting) > BEHIND * 2 * self._wish.rate:
            raise Refused(BUSY, "Too much is going on here to listen: try again in a minute.")
        try:
            self._all.spend(self._wish.visit, length)
        except Refused as over:  # what was said until now is still answered
            self._end, self._ended = over, True

    async def _answer(self, session: "LiveSession") -> None:
        piece = 2 * round(PIECE * self._wish.rate)
        deadline = None
        while deadline is None or session.busy:
            await self._sleep(None if deadline is None else 0.05)
            while self._waiting:
                samples, self._waiting = bytes(self._waiting[:piece]), self._waiting[piece:]
                await self._all.run(session.feed, np.frombuffer(samples, "<i2"), self._wish.rate)
                state = {"received_s": round(session.seconds, 3), "voiced": session.voiced, "dropped": session.dropped}
                await self._socket.send_json(state)
                await self._tell(session)
            if self._ended and deadline is None:
                await self._all.run(session.finish)
                deadline = time.monotonic() + ENDING
            if deadline is not None and time.monotonic() > deadline:
                raise Refused(BUSY, "The last answers take too long: too much is going on here.")
            await self._tell(session)
        await self._tell(session)

    async def _sleep(self, seconds: float | None) -> None:
        """Until something comes, ends or is found."""
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except asyncio.TimeoutError:
            return
        self._woken.clear()

    async def _tell(self, session: "LiveSession") -> None:
        if news := session.news():
            for frame in await self._all.run(self._all.shown, news, self._wish, self._library):
                await self._socket.send_json({"utterance": frame})


class Allowance:
    """How long each visitor may still be heard: CLASP_LIVE_MINUTES of every CLASP_VISIT_MINUTES."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent: dict[str, tuple[float, float]] = {}  # by visit: since when, and seconds; oldest first

    def left(self, visit: str) -> float:
        """Seconds."""
        return max(0.0, 60 * current().live_minutes - self._entry(visit)[1])

    def spend(self, visit: str, seconds: float) -> float:
        """Take some of it; returns what is left."""
        began, spent = self._entry(visit)
        self._spent[visit] = began, spent + seconds
        return self.left(visit)

    def _entry(self, visit: str) -> tuple[float, float]:
        now = self._clock()
        while self._spent and now - (oldest := next(iter(self._spent.items())))[1][0] > 60 * current().visit_minutes:
            del self._spent[oldest[0]]
        return self._spent.get(visit, (now, 0.0))


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
    """Say goodbye; who does not listen is left alone. A reason has at most 123 bytes."""
    try:
        short = reason.encode()[:123].decode(errors="ignore")
        await asyncio.wait_for(socket.close(code, short), 5.0)
    except (asyncio.TimeoutError, RuntimeError, WebSocketDisconnect):
        log.debug("a page was gone before it was said: %s", reason)


def _same_origin(socket: WebSocket) -> bool:
    """Whether the page that connects is one of ours: browsers say where it comes from, and no page can lie about it."""
    origin = urlsplit(socket.headers.get("origin", ""))
    told = (socket.headers.get(name, "") for name in ("host", "x-forwarded-host"))
    hosts = {_host(one, origin.scheme) for names in told for one in names.split(",")}
    return bool(origin.netloc) and _host(origin.netloc, origin.scheme) in hosts


def _host(name: str, scheme: str) -> str:
    """A host as it is compared, without the port that is usual for the scheme."""
    return name.strip().lower().removesuffix({"http": ":80", "https": ":443"}.get(scheme, ""))
