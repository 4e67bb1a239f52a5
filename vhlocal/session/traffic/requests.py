"""The requests of a run: the last ones kept, all of them counted, and published to the displays in batches."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.events import RequestsEnded
from vhlocal.model import RequestRecord
from vhlocal.session.traffic.sums import Traffic, columns, is_uniform

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from vhlocal.events import Bus

#: Requests kept for the API and the page.
KEPT = 1000

#: Seconds until a request is published, where it comes alone; and between two batches, where there are many.
_SOON, _BETWEEN = 0.05, 0.5
#: Counted at the latest when so many wait: all of half a second at once would hold up the next requests.
_MANY = 1000


class Whose(NamedTuple):
    """Who was asked: ``endpoint`` is "" for the control plane, ``replica`` 0 where its endpoint has no other."""

    endpoint: str
    version: str
    replica: int


#: By position, in one call: each request pays for it.
_WHOSE = itemgetter(*(RequestRecord._fields.index(name) for name in Whose._fields))


class Requests:
    """Takes each request's record in passing; the work on it is done later and for many at once.

    The control plane's own requests are counted and published, not kept: a page that refreshes itself would push all
    others out.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, bus: Bus) -> None:
        self._loop = loop
        self._bus = bus
        self._new: list[RequestRecord] = []
        self._due = False
        self._published_at = 0.0
        self._lock = threading.Lock()
        self._unpublished: list[RequestRecord] = []
        self._publishing: list[RequestRecord] = []
        self._kept: deque[RequestRecord] = deque(maxlen=KEPT)
        self._traffic: defaultdict[Whose, Traffic] = defaultdict(Traffic)

    def add(self, record: RequestRecord) -> None:
        """Take in a request that ended; only in the event loop's thread."""
        self._new.append(record)
        if not self._due:
            self._due = True
            now = self._loop.time()
            self._loop.call_later(max(_SOON, self._published_at + _BETWEEN - now), self._tell)
        elif len(self._new) >= _MANY:
            with self._lock:
                self._take_in()

    def last(self, count: int, wanted: Callable[[RequestRecord], bool] = lambda _: True) -> tuple[RequestRecord, ...]:
        """Return the last requests that are ``wanted``, oldest first; from any thread."""
        with self._lock:
            self._take_in()
            kept = [record for record in self._kept if wanted(record)]
        return tuple(kept[max(0, len(kept) - count) :])

    def traffic(self) -> dict[Whose, Traffic]:
        """Return the sums of each replica that was asked; from any thread, to be read at once."""
        with self._lock:
            self._take_in()
            return dict(self._traffic)

    def all_told(self) -> bool:
        """Tell whether each request so far has been published; from any thread.

        What the control plane has answered well does not count: asking for this makes such a request each time.
        """
        with self._lock:
            self._take_in()
            return all(record.is_control and record.status < 300 for record in (*self._unpublished, *self._publishing))

    def close(self) -> None:
        """Publish what has not been published yet."""
        self._publish()

    def _tell(self) -> None:
        self._due = False
        self._published_at = self._loop.time()
        self._publish()

    def _publish(self) -> None:
        with self._lock:
            self._take_in()
            records, self._unpublished = self._unpublished, []
            self._publishing = records
        if records:
            self._bus.publish(RequestsEnded(tuple(records)))
        self._publishing = []

    def _take_in(self) -> None:
        count = len(self._new)
        if not count:
            return
        # The loop's thread may add meanwhile: what is taken out here is taken out once.
        records = self._new[:count]
        del self._new[:count]
        self._unpublished += records
        asked = columns(records)
        if is_uniform(asked.endpoint) and is_uniform(asked.version) and is_uniform(asked.replica):
            by_whose = {_WHOSE(records[0]): asked}
        else:
            some: defaultdict[tuple[str | None, str, int], list[RequestRecord]] = defaultdict(list)
            for record in records:
                some[_WHOSE(record)].append(record)
            by_whose = {whose: columns(theirs) for whose, theirs in some.items()}
        for (endpoint, version, replica), theirs in by_whose.items():
            self._traffic[Whose(endpoint or "", version, replica)].add(theirs)
        if not all(endpoint for endpoint, _, _ in by_whose):
            records = [record for record in records if record.endpoint or not record.is_control]
        self._kept.extend(records)
