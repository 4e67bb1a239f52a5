"""One request to a run's control plane, and its answer: what ``http.client`` would do, which takes longer to import
than the rest of ``vhlocal ps`` takes to run.

It speaks HTTP/1.0, so that an answer is what comes until its end, or as long as its head says.
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
            self._left = self._read_length()
        except BaseException:
            self._file.close()
            raise

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
        while line := self._file.readline() if self._left is None else self._file.readline(self._left):
            self._left = None if self._left is None else self._left - len(line)
            yield line
        if self._left:
            raise ConnectionError("its answer breaks off")

    def json(self) -> Any:
        """Return what its body says; ValueError where it is no JSON."""
        return json.loads(b"".join(self))

    def _read_status(self) -> int:
        words = self._line().split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
            raise ConnectionError("what answers there speaks no HTTP")
        return int(words[1])

    def _read_length(self) -> int | None:
        length = None
        for _ in range(_MOST_LINES):
            name, _, value = self._line().partition(b":")
            if not name:
                return length
            if name.lower() == b"content-length" and value.strip().isdigit():
                length = int(value)
        raise ConnectionError("its answer's head does not end")

    def _line(self) -> bytes:
        line = self._file.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise ConnectionError("it hung up before it had answered" if len(line) < _LONGEST_LINE else "no HTTP")
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
    sent = {"Host": f"{named}:{port}", **headers, **({} if body is None else {"Content-Length": str(len(body))})}
    head = [f"{method} {target} HTTP/1.0", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    # As bytes: for a text Python would import its tables of international names.
    with socket.create_connection((host.encode(), port), timeout=seconds) as connection:  # type: ignore[arg-type]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall("\r\n".join(head).encode("latin-1") + (body or b""))
        return Answer(connection)
