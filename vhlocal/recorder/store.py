"""The last requests and answers of each endpoint, in memory, bounded in bytes."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.exchanges import EMPTY, Answer, Body, Exchange, Request, whole
from vhlocal.recorder.pins import Pins

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vhlocal.contract.headers import RawHeader
    from vhlocal.model import RequestRecord

#: Bytes that all recordings may take together.
MOST_BYTES = 64 * 1024 * 1024
#: A body that is longer, in bytes, is kept as its length and its hash.
MOST_OF_A_BODY = 1024 * 1024

#: What Python takes for a recording besides the bytes in it, and for each header: measured, and rounded up.
_EACH, _EACH_HEADER = 2048, 192
#: Lists of headers whose sizes are remembered.
_HEADS = 64


class Taken(NamedTuple):
    """A request and its answer as the gateway hands them on: nothing is copied or read, and it costs a tuple.

    ``answer`` is the answer's body, its bytes where they came at once.
    """

    record: RequestRecord
    request_headers: Sequence[RawHeader]
    request_body: Body
    answer_headers: Sequence[RawHeader]
    answer: Body | bytes

    @property
    def answer_body(self) -> Body:
        """The answer's body."""
        return whole(self.answer) if isinstance(self.answer, bytes) else self.answer

    def exchange(self) -> Exchange:
        """Return it as it is compared, shown and written."""
        record = self.record
        broke_off = "" if record.whole else record.reason or "it broke off"
        answer = Answer(record.status, _texts(self.answer_headers), self.answer_body, record.prefix, broke_off)
        request = Request(record.method, record.target, _texts(self.request_headers), self.request_body)
        began = record.time - record.seconds
        return Exchange(record.id, began, record.endpoint or "", record.revision, request, answer, record.seconds)


class BodyTap:
    """Takes a body in as it passes, and keeps it, or its length and hash once it is longer than ``most`` bytes."""

    def __init__(self, most: int = MOST_OF_A_BODY) -> None:
        self._most = most
        self._parts: list[bytes] = []
        self._length = 0
        self._hash: hashlib._Hash | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes. They are not copied."""
        self._length += len(data)
        if self._hash is not None:
            self._hash.update(data)
            return
        self._parts.append(data)
        if self._length > self._most:
            self._hash = hashlib.sha256()
            for part in self._parts:
                self._hash.update(part)
            self._parts.clear()

    def body(self) -> Body:
        """Return what has come."""
        if self._hash is not None:
            return Body(None, self._length, self._hash.hexdigest(), f"longer than {self._most} bytes")
        return Body(b"".join(self._parts), self._length)


_BYTES = attrgetter("bytes")


class _Kept:
    """What is kept of one endpoint, the oldest first: how many came before it, its size, and itself."""

    __slots__ = ("bytes", "endpoint", "taken")

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.taken: deque[tuple[int, int, Taken]] = deque()
        self.bytes = 0


class Store:
    """Keeps what it is given until all of it together takes more than ``most`` bytes; then the oldest leaves.

    It leaves the endpoint that has the most, so that a busy endpoint does not push out what a quiet one was asked.
    ``pins`` are kept besides. Any thread may look; ``add`` is called in one.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.pins = Pins()
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._all = 0
        self._number = 0
        #: By the identity of what is kept beside it.
        self._sizes: dict[int, tuple[Sequence[RawHeader], int]] = {}

    def add(self, taken: Taken) -> None:
        """Keep a request and its answer."""
        # Each request pays for this: no call that can be spared.
        record, asked, body, told, answer = taken
        endpoint = record.endpoint or ""
        sizes, content = self._sizes, answer if isinstance(answer, bytes) else answer.content
        size = _EACH + len(record.target) + (sizes.get(id(asked)) or self._measured(asked))[1]
        size += (sizes.get(id(told)) or self._measured(told))[1]
        if content:
            size += len(content)
        if body is not EMPTY and body.content:
            size += len(body.content)
        with self._lock:
            self._number += 1
            kept = self._kept.get(endpoint) or self._kept.setdefault(endpoint, _Kept(endpoint))
            kept.taken.append((self._number, size, taken))
            kept.bytes += size
            self._all += size
            while self._all > self._most:
                self._forget()

    @property
    def bytes(self) -> int:
        """What is kept takes so many bytes, as they are counted here; never more than the bound."""
        return self._all

    def last(self, count: int, endpoint: str | None = None) -> tuple[Taken, ...]:
        """Return the last ones, oldest first, of all endpoints or of one."""
        with self._lock:
            some = self._kept.values() if endpoint is None else filter(None, [self._kept.get(endpoint)])
            found = sorted((one for kept in some for one in kept.taken), key=lambda one: one[0])
        return tuple(taken for _, _, taken in found[max(0, len(found) - count) :])

    def find(self, beginning: str) -> tuple[Taken, ...]:
        """Return those whose ids begin so, pinned ones first: one, unless too few letters were given or it is gone."""
        kept = {taken.record.id: taken for taken in (*self.pins.all(), *self.last(self._number))}
        return tuple(taken for request, taken in kept.items() if request.startswith(beginning))

    def _measured(self, headers: Sequence[RawHeader]) -> tuple[Sequence[RawHeader], int]:
        # The gateway remembers heads: the same list comes again and again, and to add it up takes a microsecond.
        if len(self._sizes) >= _HEADS:
            self._sizes.clear()
        known = self._sizes[id(headers)] = headers, _size_of(headers)
        return known

    def _forget(self) -> None:
        kept = max(self._kept.values(), key=_BYTES)
        _, size, _ = kept.taken.popleft()
        kept.bytes -= size
        self._all -= size
        if not kept.taken:
            del self._kept[kept.endpoint]


def _size_of(headers: Sequence[RawHeader]) -> int:
    return sum([_EACH_HEADER + len(name) + len(value) for name, value in headers])


def _texts(headers: Sequence[RawHeader]) -> tuple[tuple[str, str], ...]:
    def texts() -> Iterator[tuple[str, str]]:
        for name, value in headers:
            yield name.decode("latin-1"), value.decode("latin-1")

    return tuple(texts())
