"""Settings: every limit and every place, in one table; each can be set in the environment.

python -m clasp settings
CLASP_FILE_MIB=8192 CLASP_LIBRARY=/media/archive python -m clasp add interviews/
"""

import argparse
import math
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from clasp.errors import ClaspError

PREFIX = "CLASP_"


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Settings:
    """What can be set; the environment's name of each is its own in capitals, after CLASP_."""

    model: str = _setting("bundled", "the model: bundled, published, or a folder")
    offline: bool = _setting(False, "1: nothing is fetched, whatever is missing")
    device: str = _setting("", "cuda, mps or cpu; empty: the best there is")
    transcriber: str = _setting(
        "base", "the Whisper that transcribes: base, small, medium, large-v3, large-v3-turbo, a folder, or none"
    )
    library: str = _setting("", "your library: a folder, or a name; empty: the one called default")
    index: str = _setting(
        "", "Milvus server that searches vectors, milvus://user:password@host:port/database; empty: none"
    )
    database: str = _setting(
        "", "PostgreSQL database for new libraries, postgresql://user:password@host:port/database; empty: SQLite"
    )
    cache: str = _setting("", "folder for what can be made anew; empty: the platform's")
    data: str = _setting("", "folder of the training data; empty: ./data")
    file_mib: float = _setting(2_048, "largest file that is added, in MiB")
    recording_hours: float = _setting(12, "longest recording that is added, in hours")
    stall_seconds: float = _setting(60, "longest wait for the next half minute of a file's sound, in seconds")
    read_only: bool = _setting(False, "1: nobody can change the libraries from the page; on a Space unless it says 0")
    upload_mib: float = _setting(2_048, "largest upload from the page, in MiB")
    guests: int = _setting(20, "guests of a read-only page who may have recordings of their own at once")
    guest_mib: float = _setting(200, "what each of them may add, in MiB")
    guest_minutes: float = _setting(60, "time after which it is deleted, in minutes")
    live_visitors: int = _setting(20, "people who may use the live search at once")
    live_minutes: float = _setting(10, "what each of them may speak in a visit to a read-only page, in minutes")
    webhook: str = _setting("", "address to which what saved searches find is sent as JSON; empty: none")
    metrics: bool = _setting(False, "1: /metrics tells Prometheus how the server fares, and anybody who reaches it")
    log: str = _setting(
        "text", "how the server logs: text, or json, with the times of every query and its request's id"
    )
    notify: bool = _setting(False, "1: the desktop shows a notification of what saved searches find")


def current() -> Settings:
    """The settings of this moment's environment.

    Raises:
        ClaspError: if a variable has a value that is not of its kind.
    """
    given = {one: os.environ.get(variable(one.name)) or _usual(one.name) for one in fields(Settings)}
    kinds = get_type_hints(Settings)
    return Settings(**{one.name: _parsed(one.name, kinds[one.name], text) for one, text in given.items() if text})


def cache() -> Path:
    """The folder for what can be made anew."""
    from platformdirs import user_cache_path

    chosen = current().cache
    return Path(chosen) if chosen else user_cache_path("clasp")


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def table() -> list[tuple[str, str, str, str]]:
    """Of every setting: variable, value without user and password, default and meaning."""
    values = current()
    return [
        (
            variable(one.name),
            _without_secrets(_text(getattr(values, one.name))),
            _text(one.default),
            one.metadata["meaning"],
        )
        for one in fields(Settings)
    ]


def add_arguments(_: argparse.ArgumentParser) -> None:
    """`python -m clasp settings` takes none."""


def run(_: argparse.Namespace) -> int:
    """Print the settings."""
    rows = table()
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, default, meaning in rows:
        changed = "" if value == default else f" (default: {default or 'empty'})"
        print(f"{name:{widths[0]}}  {value:{widths[1]}}  {meaning}{changed}")
    return 0


def _usual(name: str) -> str:
    """The default, if that depends on the place; otherwise ''."""
    return "1" if name == "read_only" and "SPACE_ID" in os.environ else ""


def _parsed(name: str, kind: type, text: str) -> Any:
    if kind is str:
        return text
    if kind is bool:
        if text not in ("0", "1"):
            raise ClaspError(f"{variable(name)} is {text!r}: it must be 1 or 0.")
        return text == "1"
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        what = "a whole number" if kind is int else "a number"
        raise ClaspError(f"{variable(name)} is {text!r}: it must be {what} above 0.")
    return number


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else f"{value:g}" if isinstance(value, float | int) else value


def _without_secrets(text: str) -> str:
    """A value without the user and password of an address."""
    return re.sub(r"(?<=://)[^/@]*(?=@)", "…", text)
