"""What the page fetches besides Gradio: the sound and transcripts of recordings, the points of maps, scripts."""

import io
import math
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import anyio
import numpy as np
import soundfile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute

from clasp.audio.decode import SAMPLE_RATE, cut
from clasp.errors import ClaspError
from index.exports.formats import export, packed
from index.exports.transcript import of_recordings
from index.library import Recording
from ui import audio
from ui.live.server import LiveServer
from ui.map import wire
from ui.recording.routes import routes as recording_routes
from ui.script import MODULES, ROOT, STATIC, plotly
from ui.service import Service

YEAR = {"Cache-Control": "public, max-age=31536000, immutable"}
CHECK = {"Cache-Control": "private, no-cache"}  # a copy may be used, after asking whether it is still good
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
POINTS = 2_000  # of an envelope, at most


def routes(service: Service) -> list[BaseRoute]:
    """The routes. None takes a path from the visitor: libraries and recordings are named by their keys."""

    def answered(work: Callable[[Service, Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                return await anyio.to_thread.run_sync(work, service, request)
            except ClaspError as error:
                raise HTTPException(404, str(error)) from error

        return answer

    async def archive(request: Request) -> Response:
        """A library that was exported, by the secret of its job."""
        path = service.jobs.archive(request.path_params["secret"])
        if path is None or not path.is_file():
            raise HTTPException(404, "This archive is no longer available: export the library again.")
        return FileResponse(path, filename=path.name, headers=CHECK)

    async def points(request: Request) -> Response:
        """The points of a library's map."""
        try:
            body = await anyio.to_thread.run_sync(wire.packed, service, request.path_params["key"])
        except ClaspError as error:
            return JSONResponse({"error": str(error)}, 404)
        headers = CHECK | {"Content-Encoding": "gzip"}
        return Response(body, media_type="application/octet-stream", headers=headers)

    def script(path: Path) -> Callable[[Request], Awaitable[Response]]:
        async def file(_: Request) -> Response:
            return FileResponse(path, headers=YEAR, media_type="text/javascript")

        return file

    return [
        WebSocketRoute("/live", LiveServer(service).connect),
        Route("/audio/{key}/{recording}", answered(_sound)),
        Route("/envelope/{key}/{recording}", answered(_envelope)),
        Route("/transcript/{key}/{recording}", answered(_transcript)),
        *recording_routes(service),
        Route("/archive/{secret}", archive),
        Route("/map/{key}", points),
        Route(f"/{ROOT}/plotly.js", script(plotly())),
        *(Route(f"/{ROOT}/{name}", script(STATIC / name)) for name in MODULES),
    ]


def _sound(service: Service, request: Request) -> Response:
    """The sound of a recording as WAV: all of it, seekable by byte ranges, or a stretch of it."""
    library = service.library_of_key(request.path_params["key"])
    recording = library.recording(request.path_params["recording"])
    if not recording.path.is_file():
        raise HTTPException(404, "The recording's file is missing.")
    if "start" not in request.query_params:
        return _whole(recording, request.headers.get("range", ""))
    start, end = _number(request, "start", 0.0), _number(request, "end", math.inf)
    if not 0 <= start < end:
        raise HTTPException(400, "start and end are seconds, and the end comes after the start.")
    wave = io.BytesIO()
    samples = cut(recording.path, start, min(end, start + audio.LONGEST), track=recording.track).samples
    soundfile.write(wave, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return Response(wave.getvalue(), media_type="audio/wav", headers=CHECK)


def _whole(recording: Recording, requested: str) -> Response:
    """A recording, or as many of the bytes that a Range header requests as are sent at once."""
    size = audio.wav_size(recording)
    headers = CHECK | {"Accept-Ranges": "bytes"}
    match = RANGE.fullmatch(requested.strip())
    if match is None or match.groups() == ("", ""):
        length = {"Content-Length": str(size)}
        return StreamingResponse(audio.wav(recording, 0, size - 1), headers=headers | length, media_type="audio/wav")
    first, last = (int(number) if number else None for number in match.groups())
    if first is None:  # the last so many
        first, last = max(0, size - (last or 0)), size - 1
    most = first + audio.SAMPLE * int(audio.LONGEST * audio.RATE) - 1
    last = min(size - 1, most, size if last is None else last)
    if first >= size or last < first:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    body = b"".join(audio.wav(recording, first, last))
    return Response(body, 206, headers | {"Content-Range": f"bytes {first}-{last}/{size}"}, "audio/wav")


def _envelope(service: Service, request: Request) -> Response:
    """How loud a recording is over time."""
    library = service.library_of_key(request.path_params["key"])
    recording = library.recording(request.path_params["recording"])
    loudness = library.envelope(recording.id)
    points = int(min(max(1.0, _number(request, "points", 400.0)), POINTS, max(1, len(loudness))))
    starts = np.arange(points) * len(loudness) // points  # of parts of equal length
    parts = np.maximum.reduceat(loudness, starts) if len(loudness) else loudness
    return JSONResponse({"duration": recording.duration, "loudness": parts.tolist()})


def _transcript(service: Service, request: Request) -> Response:
    """What is said in a recording, as a file in the format that is asked for."""
    library = service.library_of_key(request.path_params["key"])
    transcripts = of_recordings(library, [request.path_params["recording"]])
    file = packed(export(request.query_params.get("format", ""), transcripts))
    headers = CHECK | {"Content-Disposition": f"attachment; filename*=utf-8''{quote(file.name, safe='')}"}
    return Response(file.content, headers=headers, media_type=file.media_type)


def _number(request: Request, name: str, default: float) -> float:
    try:
        number = float(request.query_params.get(name, default))
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise HTTPException(400, f"{name} is not a number.")
    return number
