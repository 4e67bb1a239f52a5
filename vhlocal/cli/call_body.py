"""The body that ``vhlocal call`` sends: from what was typed to its parts, read as they are sent."""

from __future__ import annotations

import json
import mimetypes
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.errors import InputError
from vhlocal.sending import CHUNK, Content

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: What names the standard input in place of a file.
_STANDARD_INPUT = "-"

_ANY_FILE = "application/octet-stream"

#: As browsers write them into the head of a part (HTML, "multipart/form-data").
_ESCAPED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


class Sendable(NamedTuple):
    """A body, and its ``Content-Type``."""

    content: Content
    kind: str


def json_body(typed: str) -> Sendable:
    """Return JSON as it was typed, or is in ``@FILE`` or ``-``; InputError, with the place in it, for what is none."""
    content = b"".join(plain_body(typed).content.parts)
    where = typed[1:] if typed.startswith("@") else "the value of --json"
    try:
        json.loads(content, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}",
            hint="to send it anyway: --body, with -H 'Content-Type: application/json'",
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not JSON: it is not UTF-8 from byte {error.start + 1} on") from error
    except ValueError as error:  # a number that JSON does not have
        raise InputError(f"{where} is not JSON: {error}") from error
    except RecursionError:  # whether a server can read that is its own matter
        pass
    return Sendable(Content((content,), len(content)), "application/json")


def plain_body(typed: str) -> Sendable:
    """Return a text as it was typed, or a file, ``@FILE``, or ``-``, the standard input. InputError for no file."""
    if typed == _STANDARD_INPUT or typed.startswith("@"):
        name = typed.removeprefix("@")
        return Sendable(_source(name), _kind(name))
    content = typed.encode("utf-8", "surrogateescape")
    return Sendable(Content((content,), len(content)), "text/plain; charset=utf-8")


def form_body(fields: Sequence[str]) -> Sendable:
    """Return a form of ``NAME=TEXT`` and ``NAME=@FILE``, as browsers send one that has files (K8).

    InputError for a field that is neither, and for no file.
    """
    boundary = f"vhlocal-{secrets.token_hex(16)}"
    parts: list[Content] = []
    for field in fields:
        name, equals, value = field.partition("=")
        if not equals or not name:
            raise InputError(f"`{field}` is not a form field", hint="write NAME=TEXT or NAME=@FILE")
        parts.append(_whole(f'--{boundary}\r\nContent-Disposition: form-data; name="{name.translate(_ESCAPED)}"'))
        if value.startswith("@"):
            file = value[1:]
            shown = Path(file).name.translate(_ESCAPED)
            parts += [_whole(f'; filename="{shown}"\r\nContent-Type: {_kind(file)}\r\n\r\n'), _source(file)]
            parts.append(_whole("\r\n"))
        else:
            parts.append(_whole(f"\r\n\r\n{value}\r\n"))
    parts.append(_whole(f"--{boundary}--\r\n"))
    return Sendable(_joined(parts), f"multipart/form-data; boundary={boundary}")


def _whole(text: str) -> Content:
    content = text.encode("utf-8", "surrogateescape")
    return Content((content,), len(content))


def _joined(contents: Sequence[Content]) -> Content:
    lengths = [content.length for content in contents]
    known = None if None in lengths else sum(length or 0 for length in lengths)
    return Content((part for content in contents for part in content.parts), known)


def _source(name: str) -> Content:
    """Return what is in a file; InputError where it cannot be read. How long a pipe's is shows only as it comes."""
    try:
        file = 0 if name == _STANDARD_INPUT else os.open(name, os.O_RDONLY)
        known = os.fstat(file)
        if stat.S_ISDIR(known.st_mode):
            raise IsADirectoryError(0, "it is a directory")
    except OSError as error:
        raise InputError(f"{name or 'a file without a name'} cannot be read: {error.strerror}") from error
    position = os.lseek(file, 0, os.SEEK_CUR) if stat.S_ISREG(known.st_mode) else 0
    length = max(0, known.st_size - position) if stat.S_ISREG(known.st_mode) else None
    return Content(_read(file), length)


def _read(file: int) -> Iterator[bytes]:
    # Not by a buffered reader: its lock would keep the process from ending while it waits for a terminal.
    while part := os.read(file, CHUNK):
        yield part
    if file:
        os.close(file)


def _kind(name: str) -> str:
    kind, encoding = mimetypes.guess_type(name)
    return kind if kind and not encoding else _ANY_FILE


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not JSON")
