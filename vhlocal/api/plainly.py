"""One request to a run's control plane, and its answer: what ``http.client`` would do, which takes longer to import
than the rest of ``vhlocal ps`` takes to run.

A connection has one answer: what comes until its end, as long as its head says, or in chunks.
"""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Bytes of a head's line at most, and lines of a head: a run's own are short.
_LONGEST_LINE = 65536
_MOST_LINES = 100

_BAD_REQUEST = 400


class Answer:
    """An answer whose head is there; as a context manager, its connection ends with the block.

    Whoever reads gets ConnectionError where it breaks off, and TimeoutError where nothing comes.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rb")
        try:
            self.status = self._read_status()
            head = self._read_head()
        except BaseException:
            self._file.close()
            raise
        length = head.get(b"content-length", b"")
        self._chunked = b"chunked" in head.get(b"transfer-encoding", b"").lower()
        #: Bytes that are still to come, of the chunk or of all; None until the end.
        self._left = 0 if self._chunked else int(length) if length.isdigit() else None

    @property
    def is_error(self) -> bool:
        """Whether the run did not do what it was asked for."""
        return self.status >= _BAD_REQUEST

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        """Yield its body line by line, as they come."""
        line = b""
        while part := self._part():
            line += part
            if line.endswith(b"\n"):
                yield line
                line = b""
        if line:
            yield line

    def _part(self) -> bytes:
        """Return the next line, or as much of it as there is in one chunk; nothing at the body's end."""
        if self._left == 0 and self._chunked:
            self._left = self._next_chunk()
        if self._left is None:
            return self._file.readline()
        if self._left == 0:
            return b""
        part = self._file.readline(self._left)
        if not part:
            raise ConnectionError("its answer breaks off")
        self._left -= len(part)
        if self._left == 0 and self._chunked:
            self._line()
        return part

    def _next_chunk(self) -> int:
        size = self._line().partition(b";")[0]
        try:
            return int(size, 16)
        except ValueError:
            raise ConnectionError("its answer is not HTTP") from None

    def json(self) -> Any:
        """Return what its body says; ValueError where it is no JSON."""
        return json.loads(b"".join(self))

    def _read_status(self) -> int:
        words = self._line().split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
            raise ConnectionError("the server there does not speak HTTP")
        return int(words[1])

    def _read_head(self) -> dict[bytes, bytes]:
        head: dict[bytes, bytes] = {}
        for _ in range(_MOST_LINES):
            name, _, value = self._line().partition(b":")
            if not name:
                return head
            head[name.lower()] = value.strip()
        raise ConnectionError("its answer's head does not end")

    def _line(self) -> bytes:
        line = self._file.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise ConnectionError("its answer breaks off" if len(line) < _LONGEST_LINE else "its answer is not HTTP")
        return line.rstrip(b"\r\n")


def ask(
    address: tuple[str, int],
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | None,
    seconds: float | None,
) -> Answer:
    """Return the answer to a request; OSError where none comes. No single wait takes longer than ``seconds``."""
    host, port = address
    named = f"[{host}]" if ":" in host else host
    sent = {
        "Host": f"{named}:{port}",
        "Connection": "close",
        **headers,
        **({} if body is None else {"Content-Length": str(len(body))}),
    }
    head = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    # As bytes: for a text Python would import its tables of international names.
    with socket.create_connection((host.encode(), port), timeout=seconds) as connection:  # type: ignore[arg-type]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall("\r\n".join(head).encode("latin-1") + (body or b""))
        return Answer(connection)
