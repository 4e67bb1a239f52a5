"""Lines of JSON that go on as long as somebody reads them: what is known, and then what comes."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from vhlocal.events import Event
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vhlocal.events import Bus

#: Seconds between two empty lines of what is followed, by which a client that has gone is found out.
_HEARTBEAT = 5.0

E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Feed(Generic[E]):
    """What is followed: events of one kind that are ``wanted``, the lines of each, and how many may wait for a reader.

    ``missed`` gives the line that stands for so many events which a slow reader has missed.
    """

    kind: type[E]
    wanted: Callable[[E], bool]
    lines: Callable[[E], Iterable[bytes]]
    behind: int
    missed: Callable[[E, int], bytes]


def followed(bus: Bus, past: Callable[[], Iterable[bytes]], feed: Feed[E]) -> Iterator[bytes]:
    """Yield the lines of the past, and then those of what comes, until the reader has gone."""
    follower = _Follower(feed)
    unsubscribe = bus.subscribe(follower.offer)
    try:
        yield from past()
        while True:
            yield from follower.take()
    finally:
        unsubscribe()


class _Follower(Generic[E]):
    """One reader of a feed. If it is too slow, events are left out until it has read all that waits, then counted."""

    def __init__(self, feed: Feed[E]) -> None:
        self._feed = feed
        self._waiting: queue.SimpleQueue[E] = queue.SimpleQueue()
        self._lock = threading.Lock()
        # How many were missed since the last that was not, and the last of them.
        self._missed = 0
        self._last: E

    def offer(self, event: Event) -> None:
        """Take an event that it may follow; the subscriber for the bus."""
        feed = self._feed
        if isinstance(event, feed.kind) and feed.wanted(event):
            with self._lock:
                if not self._missed and self._waiting.qsize() < feed.behind:
                    self._waiting.put(event)
                else:
                    self._missed += 1
                    self._last = event

    def take(self) -> Iterator[bytes]:
        """Yield the next event's lines; an empty one where there is none for a while."""
        if self._missed and self._waiting.empty():
            with self._lock:
                missed, self._missed = self._missed, 0
            yield self._feed.missed(self._last, missed)
        try:
            yield from self._feed.lines(self._waiting.get(timeout=_HEARTBEAT))
        except queue.Empty:
            yield b"\n"
