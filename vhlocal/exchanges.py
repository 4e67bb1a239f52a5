"""Requests and their answers as values, with heads and bodies: what is recorded, replayed, compared and tested."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from vhlocal.values import dataclass

#: Name and value as they came, read as Latin-1: one letter for each byte.
Header = tuple[str, str]


class Body(NamedTuple):
    """A body of ``length`` bytes. ``content`` is None where it was not kept, and ``why`` then says why not.

    ``digest`` is the SHA-256 in hexadecimal, where the content was not kept and all of it was seen; see ``digest_of``.
    """

    content: bytes | None
    length: int
    digest: str = ""
    why: str = ""


#: What a request or an answer without a body has.
EMPTY = Body(b"", 0)


def whole(content: bytes) -> Body:
    """Return a body that is known whole."""
    return Body(content, len(content))


def digest_of(body: Body) -> str:
    """Return the SHA-256 of a body in hexadecimal, "" where it was neither kept nor counted up."""
    return body.digest if body.content is None else hashlib.sha256(body.content).hexdigest()


@dataclass(frozen=True)
class Request:
    """A request as the gateway got it: ``target`` is the path with its query, percent-encoded as it came.

    ``says_length`` is whether the head gives the length of an empty body too. None leaves that to whoever sends it.
    """

    method: str
    target: str
    headers: tuple[Header, ...] = ()
    body: Body = EMPTY
    says_length: bool | None = None


@dataclass(frozen=True)
class Answer:
    """An answer. ``prefix`` is the path that its endpoint was asked under, without the slash at its end.

    ``broke_off`` says why an answer did not come to its end, "" where it did.
    """

    status: int
    headers: tuple[Header, ...] = ()
    body: Body = EMPTY
    prefix: str = ""
    broke_off: str = ""


@dataclass(frozen=True)
class Exchange:
    """A request and its answer. ``time`` in seconds since 1970, ``seconds`` from the head to the answer's last byte."""

    id: str
    time: float
    endpoint: str
    revision: str
    request: Request
    answer: Answer
    seconds: float

    @property
    def prefix(self) -> str:
        """The path of the version or alias that was asked, without the slash at its end."""
        return self.answer.prefix


def text_of(value: str) -> str:
    """Return a header's value, which has a letter for each byte, as the text whose UTF-8 those bytes are.

    A byte that is no UTF-8 becomes a lone surrogate, as in the names of files: ``sending`` sends the same byte again.
    """
    return value.encode("latin-1").decode("utf-8", "surrogateescape")


def header(headers: tuple[Header, ...], name: str) -> str | None:
    """Return the values of a header, joined as HTTP joins them, None where there is none; ``name`` in any case."""
    plain = name.lower()
    found = [value for key, value in headers if key.lower() == plain]
    return ", ".join(found) if found else None
