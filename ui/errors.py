"""What a person is told of an error."""

import logging

from clasp.errors import ClaspError

UNEXPECTED = "Something went wrong on our side. Please try again."

log = logging.getLogger(__name__)


def error_message(error: Exception, during: str) -> str:
    """One sentence for a person; what is not meant for one goes to the log, with what was going on."""
    if isinstance(error, ClaspError):
        return str(error)
    log.error("%s failed", during, exc_info=error)
    return UNEXPECTED
