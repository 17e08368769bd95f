"""What is fetched for the page of a recording: itself, the times of its words, and the file of a video."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from clasp.errors import ClaspError
from ui import links
from ui.links import SearchRequest, SearchSettings
from ui.recording import corrections, notes, page, picture, speakers
from ui.service import Service

if TYPE_CHECKING:
    from index.library import Library

CHECK = {"Cache-Control": "private, no-cache"}
QUICK = 4  # gzip's level: the page of a long recording has megabytes


def routes(service: Service) -> list[BaseRoute]:
    """The routes, in which libraries and recordings are named by their keys."""

    async def shown(request: Request) -> Response:
        key, name = request.path_params["key"], request.path_params["recording"]
        try:
            body = await anyio.to_thread.run_sync(page.html, service, key, name, _asked(request))
        except ClaspError as error:
            return HTMLResponse(page.missing(str(error)), 404)
        return HTMLResponse(body, headers=CHECK)

    async def words(request: Request) -> Response:
        return JSONResponse(await _looked_up(service, request, page.word_times), headers=CHECK)

    async def film(request: Request) -> Response:
        recording = await _looked_up(service, request, lambda library, name: library.recording(name))
        kind = picture.media_type(recording)
        if not kind or not recording.path.is_file():
            raise HTTPException(404, "This recording has no picture that browsers can show.")
        return FileResponse(recording.path, headers=CHECK, media_type=kind)

    packed = [Middleware(GZipMiddleware, compresslevel=QUICK)]
    return [
        Route("/recording/{key}/{recording}", shown, middleware=packed),
        Route("/words/{key}/{recording}", words, middleware=packed),
        Route("/film/{key}/{recording}", film),
        corrections.route(service),
        notes.route(service),
        speakers.route(service),
    ]


async def _looked_up(service: Service, request: Request, find: "Callable[[Library, str], Any]") -> Any:
    """What `find` gives for the library and the recording that a request names."""

    def work() -> Any:
        return find(service.library_of_key(request.path_params["key"]), request.path_params["recording"])

    try:
        return await anyio.to_thread.run_sync(work)
    except ClaspError as error:
        raise HTTPException(404, str(error)) from error


def _asked(request: Request) -> SearchRequest:
    """The search whose hits are to be marked; none if its address is malformed."""
    try:
        read = links.read(request.url.query)
    except ClaspError:
        return SearchRequest(SearchSettings())
    return SearchRequest(SearchSettings(), read.text, read.like)
