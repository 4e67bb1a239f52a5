"""The last requests and answers of each endpoint, in memory, bounded in bytes."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.exchanges import EMPTY, Answer, Body, Exchange, Request, whole
from vhlocal.recorder.pins import Pins

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vhlocal.contract.headers import RawHeader
    from vhlocal.model import RequestRecord

    #: What a ``Taken`` is made of once somebody looks: as it waits, and with its number and size as it is kept.
    _Passed = tuple[RequestRecord, Sequence[RawHeader], object, Sequence[RawHeader], object]
    _Numbered = tuple[int, int, RequestRecord, Sequence[RawHeader], Body | None, Sequence[RawHeader], Body | bytes]

#: Bytes that all recordings may take together.
MOST_BYTES = 64 * 1024 * 1024
#: A body that is longer, in bytes, is kept as its length and its hash.
MOST_OF_A_BODY = 1024 * 1024

#: What Python takes for a recording besides the bytes in it, and for each header: measured, and rounded up.
_EACH, _EACH_HEADER = 2048, 192
#: Lists of headers whose sizes are remembered, and the largest of them: they stay while they are.
_HEADS, _LARGEST = 64, 16 * 1024
#: What waits to be kept, as that takes a third of the time for many at once: so many recordings, with so many bytes of
#: bodies and so many headers at most. With more of them, it is kept at once.
_WAITING, _SMALL, _FEW_HEADERS = 32, 4096, 64


class Taken(NamedTuple):
    """A request and its answer as the gateway hands them on: nothing is copied or read.

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


_BYTES, _NUMBER = attrgetter("bytes"), itemgetter(0)


class _Kept:
    """What is kept of one endpoint, the oldest first, and its size."""

    __slots__ = ("bytes", "endpoint", "taken")

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.taken: deque[_Numbered] = deque()
        self.bytes = 0


class Store:
    """Keeps what it is given until all of it together takes more than ``most`` bytes; then the oldest leaves.

    It leaves the endpoint that has the most, so that a busy endpoint does not push out what a quiet one was asked.
    ``pins`` are kept besides. Any thread may look; ``take`` is called in one. See ``gateway.tap.Tap``, which it is.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.pins = Pins()
        self._most = most
        self._lock = threading.Lock()
        self._waiting: list[_Passed] = []
        self._kept: dict[str, _Kept] = {}
        self._all = 0
        self._number = 0
        #: By the identity of what is kept beside it.
        self._sizes: dict[int, tuple[Sequence[RawHeader], int]] = {}

    def part(self) -> BodyTap:
        """Return what takes in a body."""
        return BodyTap()

    def take(
        self,
        record: RequestRecord,
        asked: Sequence[RawHeader],
        body: object,
        answer_head: Sequence[RawHeader],
        answer: object,
    ) -> None:
        """Keep an endpoint's request and its answer, unless it was recorded before and is sent again.

        ``body`` is a ``Body`` or what has taken it in, None where there was none; ``answer`` may be bytes, too.
        """
        # Each request pays for this: no call that can be spared.
        waiting = self._waiting
        waiting.append((record, asked, body, answer_head, answer))
        if (
            len(waiting) >= _WAITING
            or record.bytes_in + record.bytes_out > _SMALL
            or len(asked) + len(answer_head) > _FEW_HEADERS
        ):
            with self._lock:
                self._take_in()

    @property
    def bytes(self) -> int:
        """What is kept takes so many bytes, as they are counted here; never more than the bound."""
        with self._lock:
            self._take_in()
            return self._all

    def last(self, count: int, endpoint: str | None = None) -> tuple[Taken, ...]:
        """Return the last ones, oldest first, of all endpoints or of one."""
        found = self._found(endpoint)
        return tuple(map(_taken, found[max(0, len(found) - count) :]))

    def find(self, beginning: str) -> tuple[Taken, ...]:
        """Return those whose ids begin so, pinned ones first: one, unless too few letters were given or it is gone."""
        begin_so = [passed for passed in self._found() if passed[2].id.startswith(beginning)]
        pinned = [taken for taken in self.pins.all() if taken.record.id.startswith(beginning)]
        return tuple({taken.record.id: taken for taken in (*pinned, *map(_taken, begin_so))}.values())

    def _found(self, endpoint: str | None = None) -> list[_Numbered]:
        with self._lock:
            self._take_in()
            some = self._kept.values() if endpoint is None else filter(None, [self._kept.get(endpoint)])
            return sorted((one for kept in some for one in kept.taken), key=_NUMBER)

    def _take_in(self) -> None:
        """Keep what waits; more may come to wait meanwhile."""
        count = len(self._waiting)
        if not count:
            return
        waiting, number, added = self._waiting[:count], self._number, 0
        del self._waiting[:count]
        # Mostly the last one's heads and endpoint once more: the gateway remembers heads.
        kept = None
        last_asked: object = None
        last_answer_head: object = None
        heads = 0
        for record, asked, body, answer_head, answer in waiting:
            if record.replayed:
                continue
            if asked is not last_asked or answer_head is not last_answer_head:
                last_asked, last_answer_head = asked, answer_head
                heads = _EACH + self._measured(asked) + self._measured(answer_head)
            if kept is None or kept.endpoint != record.endpoint:
                kept = self._kept_of(record.endpoint or "")
            answered = answer if isinstance(answer, bytes) else _body(answer)
            content = answered if isinstance(answered, bytes) else answered.content or b""
            size = heads + len(record.target) + len(content)
            sent = None if body is None else _body(body)
            if sent is not None:
                size += len(sent.content or b"")
            number += 1
            # One tuple for all: each object of what leaves, untouched for long, costs a look at memory.
            kept.taken.append((number, size, record, asked, sent, answer_head, answered))
            kept.bytes += size
            added += size
        self._number = number
        self._all += added
        while self._all > self._most:
            self._forget()

    def _kept_of(self, endpoint: str) -> _Kept:
        return self._kept.get(endpoint) or self._kept.setdefault(endpoint, _Kept(endpoint))

    def _measured(self, headers: Sequence[RawHeader]) -> int:
        # The gateway remembers heads: the same list comes again and again, and to add it up takes a microsecond.
        known = self._sizes.get(id(headers))
        if known is not None:
            return known[1]
        size = _size_of(headers)
        if size <= _LARGEST:
            if len(self._sizes) >= _HEADS:
                self._sizes.clear()
            self._sizes[id(headers)] = headers, size
        return size

    def _forget(self) -> None:
        """Let the oldest of the endpoint that has the most leave, until there is room or another has more."""
        kept, *others = sorted(self._kept.values(), key=_BYTES, reverse=True)
        taken, size = kept.taken, kept.bytes
        free = self._most - self._all
        stay = max(size + free, others[0].bytes - 1 if others else 0)
        while taken and size > stay:
            size -= taken.popleft()[1]
        self._all -= kept.bytes - size
        kept.bytes = size
        if not taken:
            del self._kept[kept.endpoint]


def _body(what: object) -> Body:
    return what.body() if isinstance(what, BodyTap) else what if isinstance(what, Body) else EMPTY


def _taken(numbered: _Numbered) -> Taken:
    _, _, record, asked, body, answer_head, answer = numbered
    return Taken(record, asked, body or EMPTY, answer_head, answer)


def _size_of(headers: Sequence[RawHeader]) -> int:
    return sum([_EACH_HEADER + len(name) + len(value) for name, value in headers])


def _texts(headers: Sequence[RawHeader]) -> tuple[tuple[str, str], ...]:
    def texts() -> Iterator[tuple[str, str]]:
        for name, value in headers:
            yield name.decode("latin-1"), value.decode("latin-1")

    return tuple(texts())
