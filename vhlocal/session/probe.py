"""Whether a server answers yet."""

from __future__ import annotations

import asyncio
import contextlib
import mimetypes
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from vhlocal.contract.headers import production_headers
from vhlocal.errors import InputError
from vhlocal.project.selection import warm_up_words
from vhlocal.regular import content_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.runtime.base import Address

#: Seconds between two tries: quick at first, since a small server is there within moments.
FIRST_PAUSE = 0.002
LONGEST_PAUSE = 0.25
#: By how much each pause is longer than the one before.
GROWTH = 1.01

#: Seconds and bytes that the rest of an answer is read for: a server that is hung up on would log it as a fault.
_DRAIN_SECONDS = 5.0
_DRAIN_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Probe:
    """The request by which a server shows that it is there; ``target`` is below the endpoint's prefix.

    ``named``: the project asks for it (``warm-up``), so it has to be answered well; else any answer will do.
    """

    method: str = "GET"
    target: str = "/"
    body: Path | None = None
    named: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


def read_probe(text: str, directory: Path) -> Probe:
    """Read a warm-up request: ``[METHOD] TARGET [FILE]``, the file relative to ``directory``; InputError otherwise."""
    words = warm_up_words(text)
    if words is None:
        raise InputError(
            f'a warm-up request is [METHOD] /PATH [FILE], not "{text}"',
            hint="such as `POST /predict sample.json`; the path begins below the endpoint",
        )
    method, target, file = words
    body = None if file is None else directory / file
    if body is not None and not body.is_file():
        raise InputError(f"the warm-up request's body is not a file: {body}")
    return Probe(method, target, body, named=True)


class Answered:
    """An answer whose head has just come from ``address``; ``status`` is 0 where it was not HTTP.

    ``simple``: it is not HTTP/1.1, since what serves one request and ends speaks no more than 1.0. ``hung_up``: the
    connection ended in place of an answer. ``asked`` and ``at`` are when its request went out and when it came
    (monotonic seconds).
    """

    def __init__(
        self, address: Address, line: bytes, asked: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        words = line.split()
        is_http = len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit()
        self.address = address
        self.status = int(words[1]) if is_http else 0
        self.simple = not (is_http and words[0] >= b"HTTP/1.1")
        self.hung_up = not line
        self.asked = asked
        self.at = time.monotonic()
        self._reader = reader
        self._writer = writer

    def hang_up(self) -> None:
        """Leave the rest of the answer alone."""
        self._writer.close()

    async def finish(self) -> None:
        """Take the rest of the answer, as far as it is not endless, and hang up."""
        try:
            with contextlib.suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                await asyncio.wait_for(self._reader.readexactly(_DRAIN_BYTES), _DRAIN_SECONDS)
        finally:
            self.hang_up()


async def ask(address: Address, prefix: str, probe: Probe) -> Answered | None:
    """Send the request; None when the server refuses.

    A server that accepts and takes its time, such as one whose workers still load a model, is waited for on that
    connection.
    """
    try:
        reader, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return None
    asked = time.monotonic()
    try:
        writer.write(_request(prefix, probe))
        line = await reader.readline()
    except (OSError, ValueError):
        line = b""
    except BaseException:
        writer.close()
        raise
    return Answered(address, line, asked, reader, writer)


def _request(prefix: str, probe: Probe) -> bytes:
    body = b"" if probe.body is None else content_of(probe.body)
    head = [
        f"{probe.method} {prefix}{probe.target} HTTP/1.1",
        *(f"{name.decode()}: {value.decode()}" for name, value in production_headers(prefix, uuid4().hex)),
        "User-Agent: vhlocal-probe",
        "Connection: close",
    ]
    if probe.body is not None:
        kind = mimetypes.guess_type(probe.body.name)[0] or "application/octet-stream"
        head += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body
