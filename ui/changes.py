"""Changes that the script of a page asks for: JSON is posted, JSON comes back.

    Route("/corrections/{key}", handler(Correction, correct), methods=["POST"])

No other site can make a visitor's browser ask for one, and what is wrong comes back as {"error": one sentence}.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clasp.errors import ClaspError
from ui.errors import error_message
from ui.service import READ_ONLY, Service

MOST = 256 * 1024  # bytes of a request
UNCACHED = {"Cache-Control": "no-store"}

Change = TypeVar("Change", bound=BaseModel)


class ConflictError(ClaspError):
    """What is to be changed is no longer what the page shows; `now` is what the page must know."""

    def __init__(self, message: str, now: dict[str, Any]) -> None:
        super().__init__(message)
        self.now = now


def handler(
    kind: type[Change], change: Callable[[str, Change], dict[str, Any]], service: Service
) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a route whose path has the `key` of a library.

    Args:
        kind: what is posted.
        change: makes the change in the library of a key, which may be changed, in a thread of its own. Returns what the
            page is to know.
    """

    def work(key: str, body: bytes) -> dict[str, Any]:
        if not service.may_change(service.name_of_key(key)):
            raise HTTPException(403, READ_ONLY)
        try:
            asked = kind.model_validate_json(body)
        except ValidationError as error:
            raise HTTPException(400, "The page is of another version than its server: reload it.") from error
        return change(key, asked)

    async def handle(request: Request) -> Response:
        try:
            body = await _body(request)
            reply = await anyio.to_thread.run_sync(work, request.path_params["key"], body)
            return JSONResponse(reply, headers=UNCACHED)
        except HTTPException as error:
            return JSONResponse({"error": error.detail}, error.status_code)
        except ConflictError as error:
            return JSONResponse({"error": str(error), **error.now}, 409)
        except Exception as error:
            status = 400 if isinstance(error, ClaspError) else 500
            return JSONResponse({"error": error_message(error, "a change")}, status)

    return handle


async def _body(request: Request) -> bytes:
    """What a page of this server has posted; HTTPException if it is of another site, no JSON, or too much."""
    if not _is_from_here(request):
        raise HTTPException(403, "Only the pages of this server can change what it has.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Changes are posted as application/json.")
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MOST:
            raise HTTPException(413, f"A change may have {MOST // 1024} KiB.")
    return bytes(body)


def _is_from_here(request: Request) -> bool:
    """Browsers say which site a request is from, and let no script say anything else. Over plain HTTP, some name only
    the site, which is compared with the address that was asked."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(request.headers.get("origin", ""))
    return bool(origin.netloc) and origin.netloc == request.headers.get("host")
