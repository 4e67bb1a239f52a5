"""The last requests and answers of each endpoint, in memory, bounded in bytes."""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.exchanges import Answer, Body, Exchange, Request
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
    """A request and its answer as the gateway hands them on: nothing is copied or read, and it costs a tuple."""

    record: RequestRecord
    request_headers: Sequence[RawHeader]
    request_body: Body
    answer_headers: Sequence[RawHeader]
    answer_body: Body

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


class Store:
    """Keeps what it is given until all of it together takes more than ``most`` bytes; then the oldest leaves.

    It leaves the endpoint that has the most, so that a busy endpoint does not push out what a quiet one was asked.
    ``pins`` are kept besides. Any thread may look; ``add`` is called in one.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.pins = Pins()
        self._most = most
        self._lock = threading.Lock()
        self._kept: defaultdict[str, deque[tuple[int, int, Taken]]] = defaultdict(deque)
        self._bytes: defaultdict[str, int] = defaultdict(int)
        self._all = 0
        self._number = 0
        #: By the identity of what is kept beside it.
        self._sizes: dict[int, tuple[Sequence[RawHeader], int]] = {}

    def add(self, taken: Taken) -> None:
        """Keep a request and its answer."""
        request, answer = taken.request_body.content, taken.answer_body.content
        size = _EACH + self._size(taken.request_headers) + self._size(taken.answer_headers) + len(taken.record.target)
        size += (len(request) if request else 0) + (len(answer) if answer else 0)
        endpoint = taken.record.endpoint or ""
        with self._lock:
            self._number += 1
            self._kept[endpoint].append((self._number, size, taken))
            self._bytes[endpoint] += size
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
            kept = self._kept.values() if endpoint is None else [self._kept.get(endpoint, ())]
            found = sorted((one for some in kept for one in some), key=lambda one: one[0])
        return tuple(taken for _, _, taken in found[max(0, len(found) - count) :])

    def find(self, beginning: str) -> tuple[Taken, ...]:
        """Return those whose ids begin so, pinned ones first: one, unless too few letters were given or it is gone."""
        kept = {taken.record.id: taken for taken in (*self.pins.all(), *self.last(self._number))}
        return tuple(taken for request, taken in kept.items() if request.startswith(beginning))

    def _size(self, headers: Sequence[RawHeader]) -> int:
        # The gateway remembers heads: the same list comes again and again, and to add it up takes a microsecond.
        known = self._sizes.get(id(headers))
        if known is None:
            if len(self._sizes) >= _HEADS:
                self._sizes.clear()
            known = self._sizes[id(headers)] = headers, _size_of(headers)
        return known[1]

    def _forget(self) -> None:
        endpoint = max(self._bytes, key=self._bytes.__getitem__)
        _, size, _ = self._kept[endpoint].popleft()
        self._bytes[endpoint] -= size
        self._all -= size
        if not self._kept[endpoint]:
            del self._kept[endpoint], self._bytes[endpoint]


def _size_of(headers: Sequence[RawHeader]) -> int:
    return sum([_EACH_HEADER + len(name) + len(value) for name, value in headers])


def _texts(headers: Sequence[RawHeader]) -> tuple[tuple[str, str], ...]:
    def texts() -> Iterator[tuple[str, str]]:
        for name, value in headers:
            yield name.decode("latin-1"), value.decode("latin-1")

    return tuple(texts())
