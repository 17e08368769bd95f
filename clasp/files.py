"""Files: written whole or not at all, and their checksums."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A path to write to; what was written is flushed to the disk and put in `target`'s place.

    If anything fails, `target` stays as it was.
    """
    path = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        yield path
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(path, target)
    finally:
        path.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with whole_file(target) as path:
        path.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal; read bit by bit."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
