"""What a person is told of an error."""

import logging

from clasp.errors import ClaspError

OURS = "Something went wrong on this side, not with what you asked: please try again."

log = logging.getLogger(__name__)


def sentence(error: Exception, doing: str) -> str:
    """One sentence; what is not meant for a person goes to the log instead, with what was being done."""
    if isinstance(error, ClaspError):
        return str(error)
    log.error("%s failed", doing, exc_info=error)
    return OURS
