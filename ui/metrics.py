"""What Prometheus is told of a server: queries and the time that each stage of them takes, errors, and what is running.

The counts come from the log: every stage of a query and every error is a record of it.
"""

import logging

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ui.jobs import Jobs
from ui.logs import SEARCH
from ui.traffic import Traffic

BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds


class Metrics(logging.Handler):
    """Counts from the moment at which it is made."""

    def __init__(self, jobs: Jobs, traffic: Traffic) -> None:
        super().__init__()
        registry = self._registry = CollectorRegistry()
        self._queries = Counter("clasp_queries", "Queries that were answered", ["kind"], registry=registry)
        self._seconds = Histogram(
            "clasp_stage_seconds", "What a stage of a query took", ["stage"], buckets=BUCKETS, registry=registry
        )
        self._errors = Counter("clasp_errors", "Errors of which the log tells", registry=registry)
        running = Gauge("clasp_requests_running", "Requests that are being answered", registry=registry)
        running.set_function(lambda: traffic.running)
        waiting = Gauge("clasp_jobs", "Jobs, such as adding recordings, that run or wait", registry=registry)
        waiting.set_function(lambda: len(jobs.unfinished()))
        logging.getLogger(SEARCH).setLevel(logging.INFO)
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Count what a record of the log tells."""
        facts = getattr(record, "facts", {})
        if record.levelno >= logging.ERROR:
            self._errors.inc()
        elif record.name == SEARCH and "stage" in facts:
            self._seconds.labels(facts["stage"]).observe(facts["seconds"])
            if facts["stage"] == "search":
                self._queries.labels(facts["kind"]).inc()

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self._registry)
