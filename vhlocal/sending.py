"""Sends a request and gives its answer as it comes: neither body is ever held whole, and no redirect is followed."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vhlocal.exchanges import Header, Request

#: Bytes of an answer, and of a file, that are read at a time.
CHUNK = 65536

#: Methods whose requests say how long their body is, even if there is none (RFC 9110, section 8.6).
_WITH_BODY = ("POST", "PUT", "PATCH")

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Content(NamedTuple):
    """A body to send: its ``parts``, and their ``length`` in bytes, None where it shows only as they come."""

    parts: Iterable[bytes]
    length: int | None


class Head(NamedTuple):
    """What comes before an answer's body."""

    status: int
    reason: str
    headers: tuple[Header, ...]


class BrokenOffError(Exception):
    """An answer did not come to its end, and why."""


def says_length(request: Request, length: int) -> bool:
    """Tell whether the head of a request gives the length of its body, which is ``length``."""
    if length or request.says_length is None:
        return bool(length) or request.method in _WITH_BODY
    return request.says_length


class _Connection(http.client.HTTPConnection):
    """Sends a target that is not ASCII as the bytes that came: there are clients that send one so."""

    def _encode_request(self, request: str) -> bytes:
        return request.encode("latin-1")


class Sent:
    """A request on its way; as a context manager, it ends with the block.

    ``content`` stands for the request's own body. Header values are texts, sent as UTF-8, and lone surrogates in them
    as the bytes that they stand for (``exchanges.text_of``). No single wait takes longer than ``seconds``. The body is
    sent beside, since some servers answer before they have read all of it. Raises OSError as the socket does,
    ValueError for a request that cannot be written.
    """

    def __init__(
        self, host: str, port: int, request: Request, content: Content | None = None, seconds: float | None = None
    ) -> None:
        known = request.body.content or b""
        self._content = content or Content((known,) if known else (), len(known))
        self._connection = _Connection(host, port, timeout=seconds)
        self._failure: Exception | None = None
        try:
            self._write_head(request)
        except http.client.InvalidURL as error:
            raise ValueError(str(error)) from error
        except BaseException:
            self._connection.close()
            raise
        self._socket: socket.socket = self._connection.sock
        if self._content.length != 0:
            threading.Thread(target=self._send_content, name="vhlocal-sending", daemon=True).start()

    def __enter__(self) -> Sent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def head(self) -> Head:
        """Return the answer's head once it is there. Raises OSError and HTTPException where none comes."""
        try:
            self._answer = self._connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            # What went wrong with the request's body is why.
            raise (self._failure or error) from error
        return Head(self._answer.status, self._answer.reason, tuple(self._answer.getheaders()))

    def parts(self) -> Iterator[bytes]:
        """Yield the answer's body as it comes; after ``head``. Raises BrokenOffError, or TimeoutError."""
        try:
            while part := self._answer.read1(CHUNK):
                yield part
        except TimeoutError:
            raise
        except http.client.IncompleteRead as error:
            raise BrokenOffError("it breaks off") from error
        except (OSError, http.client.HTTPException) as error:
            why = self._failure or error
            raise BrokenOffError(str(why) or type(why).__name__) from error
        if self._answer.length:
            raise BrokenOffError(f"{self._answer.length} bytes are missing at its end")

    def give_up(self) -> None:
        """Have nobody wait any longer, from any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it."""
        self.give_up()
        with contextlib.suppress(AttributeError):  # no head has come
            self._answer.close()
        self._connection.close()

    def _write_head(self, request: Request) -> None:
        connection, length = self._connection, self._content.length
        if not _TOKEN.fullmatch(request.method):
            raise ValueError(f"`{request.method}` is not a method")
        names = {name.lower() for name, _ in request.headers}
        connection.putrequest(request.method, request.target, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in request.headers:
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"`{name}` is not a header name")
            connection.putheader(name, value.encode("utf-8", "surrogateescape"))
        if length is None:
            connection.putheader("Transfer-Encoding", "chunked")
        elif says_length(request, length):
            connection.putheader("Content-Length", str(length))
        connection.endheaders()

    def _send_content(self) -> None:
        try:
            if self._content.length is None:
                self._send_chunks()
            else:
                self._send_plain(self._content.length)
        except Exception as error:  # noqa: BLE001 - the waiting reader raises whatever stops the parts
            self._failure = error
            self.give_up()

    def _send_chunks(self) -> None:
        for part in self._content.parts:
            if part and not self._send(b"%x\r\n%b\r\n" % (len(part), part)):
                return
        self._send(b"0\r\n\r\n")

    def _send_plain(self, left: int) -> None:
        for part in self._content.parts:
            if not self._send(part[:left]):
                return
            left -= min(left, len(part))
        if left:
            raise OSError(f"{left} bytes are missing at the end of the request's body")

    def _send(self, data: bytes) -> bool:
        """Tell whether the server wants more; where it does not, its answer says why."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True
