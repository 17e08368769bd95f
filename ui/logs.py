"""How the server logs: in lines for people or, with CLASP_LOG=json, in one JSON object a line for programs.

    {"time": "2026-11-30T09:12:44.031Z", "level": "INFO", "logger": "index.search", "message": "search took 0.021 s",
     "request": "5f1c…", "stage": "search", "seconds": 0.021, "kind": "text", "hits": 30}

What was searched for, and what was found, is in no line.
"""

import json
import logging
from datetime import datetime, timezone

from clasp.errors import ClaspError
from ui.traffic import request_id

SEARCH = "index.search"  # logger of the stages of every query
FORMS = ("text", "json")


def configure(form: str) -> None:
    """Log to stderr; once, before the server starts.

    Raises:
        ClaspError: if `form` is none of FORMS.
    """
    if form not in FORMS:
        raise ClaspError(f"CLASP_LOG is {form!r}: it must be {' or '.join(FORMS)}.")
    handler = logging.StreamHandler()
    if form == "text":
        handler.setLevel(logging.WARNING)
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    else:
        from uvicorn.config import LOGGING_CONFIG

        handler.setFormatter(JsonFormatter())
        logging.getLogger(SEARCH).setLevel(logging.INFO)
        LOGGING_CONFIG.update(handlers={}, loggers={})  # the server's own lines are written like all others
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        line = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request": request_id(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value != ""}, ensure_ascii=False)
