"""What whoever runs servers asks of one: whether it lives, whether it can answer queries, and what it has done."""

import logging

import anyio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from clasp.errors import ClaspError
from clasp.settings import current
from index.library import Library
from index.paths import configured_library
from ui.service import Service
from ui.traffic import Traffic

FORMAT = "text/plain; version=0.0.4; charset=utf-8"  # of Prometheus

log = logging.getLogger(__name__)


def routes(service: Service, traffic: Traffic) -> list[BaseRoute]:
    """/healthz and /readyz; /metrics where CLASP_METRICS is set."""

    async def alive(_: Request) -> Response:
        """That the process answers at all."""
        return PlainTextResponse("alive")

    async def ready(_: Request) -> Response:
        """Whether the model is loaded and the libraries can be searched."""
        problem = await anyio.to_thread.run_sync(_problem, service, traffic)
        return PlainTextResponse(problem or "ready", 503 if problem else 200)

    found: list[BaseRoute] = [Route("/healthz", alive), Route("/readyz", ready)]
    if current().metrics:
        from ui.metrics import Metrics

        counted = Metrics(service.jobs, traffic)

        async def metrics(_: Request) -> Response:
            return Response(counted.text(), headers={"Content-Type": FORMAT})

        found.append(Route("/metrics", metrics))
    return found


def _problem(service: Service, traffic: Traffic) -> str:
    """Why nothing can be searched here; '' where it can. The log says more."""
    if traffic.draining:
        return "ending"
    if not service.ready():
        return "starting"
    try:
        registry = service.opened().registry
        name, folder = configured_library()
        if not Library.is_free(folder):
            registry.library(name)
    except ClaspError as error:
        log.warning("not ready: %s", error)
        return "the model or the library cannot be opened"
    return ""
