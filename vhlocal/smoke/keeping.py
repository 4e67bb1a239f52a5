"""Writes a request and its answer into a ``.http`` file, as a smoke test."""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.smoke.writing import beginning, smoke_test
from vhlocal.storage import write_whole, writing

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.exchanges import Exchange
    from vhlocal.smoke.writing import Written


def keep(exchange: Exchange, url: str, file: Path, *, replaces: bool = False) -> tuple[str, ...]:
    """Append a smoke test to a file, or have it hold that alone; ``url`` is the gateway's. Return what is to be said.

    Raises VhlocalError, as ``smoke_test`` does, and for a file that cannot be written.
    """
    with writing("the smoke test cannot be written", file, InputError):
        file.parent.mkdir(parents=True, exist_ok=True)
        there = _text(file) if file.exists() else ""
        written = _with_free_names(exchange, file, there if replaces else "")
        for name, content in written.files.items():
            write_whole(file.parent / name, content)
        if replaces or not there:
            there = beginning(f"{url}{exchange.prefix}")
        write_whole(file, f"{there.rstrip()}\n\n{written.text}".encode())
    return written.notes


def _with_free_names(exchange: Exchange, file: Path, replaced: str) -> Written:
    """Return a smoke test whose body's files take the place of no others, unless the text that it replaces had them."""
    stems = chain([file.stem], (f"{file.stem}-{number}" for number in count(2)))
    made = (smoke_test(exchange, stem) for stem in stems)
    return next(
        each
        for each in made
        if all(_is_free(file.parent / name, content, replaced) for name, content in each.files.items())
    )


def _is_free(file: Path, content: bytes, replaced: str) -> bool:
    if f"\n< ./{file.name}\n" in replaced or not file.exists():
        return True
    return file.is_file() and file.stat().st_size == len(content) and file.read_bytes() == content


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError("the file is not UTF-8 text", place=Place(file, line), hint="save it as UTF-8") from error
