"""Errors meant for a person: each says what was wrong, what was expected and what to do."""


class ClaspError(Exception):
    """Base class of every error CLASP raises on purpose; its text can be shown as it is."""


class AudioError(ClaspError):
    """A recording that cannot be decoded or used."""


class ModelError(ClaspError):
    """A model folder that is missing, damaged or of another kind."""


class LibraryError(ClaspError):
    """A library that cannot be opened, read or changed."""


class DataError(ClaspError):
    """Training or evaluation data that is missing or malformed."""
