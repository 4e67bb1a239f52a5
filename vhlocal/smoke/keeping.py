"""Writes a request and its answer into a ``.http`` file, as a smoke test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.smoke.writing import beginning, smoke_test
from vhlocal.storage import write_whole, writing

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.exchanges import Exchange


def keep(exchange: Exchange, url: str, file: Path, *, replaces: bool = False) -> None:
    """Append a smoke test to a file, or have it hold that alone; ``url`` is the gateway's.

    Raises VhlocalError, as ``smoke_test`` does, and for a file that cannot be written.
    """
    written = smoke_test(exchange, file.stem)
    with writing("the smoke test cannot be written", file, InputError):
        file.parent.mkdir(parents=True, exist_ok=True)
        for name, content in written.files.items():
            write_whole(file.parent / name, content)
        new = replaces or not file.exists()
        there = beginning(f"{url}{exchange.prefix}") if new else _text(file)
        write_whole(file, f"{there.rstrip()}\n\n{written.text}".encode())


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError("it is not UTF-8", place=Place(file, line), hint="save it as UTF-8") from error
