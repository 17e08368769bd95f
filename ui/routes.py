"""What the page fetches beside Gradio: library audio, the map's points, script and chart library."""

from pathlib import Path

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from clasp.errors import ClaspError

from . import map as map_view
from .service import Service
from .theme import ASSETS

YEAR = {"Cache-Control": "public, max-age=31536000, immutable"}
CHECK = {"Cache-Control": "no-cache"}  # use the copy, but ask first


def plotly_script() -> Path:
    """Plotly's own script, as its package carries it."""
    from importlib.util import find_spec

    return Path(find_spec("plotly").origin).parent / "package_data" / "plotly.min.js"


def routes(service: Service) -> list[BaseRoute]:
    """The routes, none of which takes a path from the visitor."""

    async def audio(request: Request) -> Response:
        """The audio of a recording of the library, by its id; byte ranges make it seekable."""
        try:
            library = (await anyio.to_thread.run_sync(service.opened)).library
            path = library.recording(request.path_params["recording"]).path
        except ClaspError as error:
            raise HTTPException(404, str(error)) from error
        return FileResponse(path, headers=CHECK)

    async def points(_: Request) -> Response:
        """Every utterance on the map; waits until the library is open."""
        try:
            return JSONResponse(await anyio.to_thread.run_sync(lambda: map_view.points(service.opened())))
        except ClaspError as error:
            return JSONResponse({"error": str(error)}, 503)

    async def script(_: Request) -> Response:
        return FileResponse(ASSETS / "page.js", headers=CHECK)

    async def plotly(_: Request) -> Response:
        return FileResponse(plotly_script(), headers=YEAR)

    return [
        Route("/audio/{recording}", audio),
        Route("/map.json", points),
        Route("/page.js", script),
        Route("/plotly.js", plotly),
    ]
