"""What happens in a run, sent to its page at once: numbered messages, the last kept for pages that reconnect.

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from vhlocal.api import describe
from vhlocal.api.gathered import Gathered
from vhlocal.api.ticks import Ticks
from vhlocal.events import RequestsEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator

    from vhlocal.api.reloads import Reload
    from vhlocal.events import Event
    from vhlocal.session.view import View

KINDS = ("status", "logs", "requests", "reloads", "metrics", "ticks")

#: Seconds that messages are gathered.
_BATCH = 0.1

#: Seconds between two lines that say only that the run is there.
_HEARTBEAT = 5.0

#: What is kept for who comes back: messages, their bytes, and the seconds that a kind is followed on for nobody.
_KEPT, _KEPT_BYTES = 2000, 4 << 20
_LINGER = 30.0

#: Seconds at the end of a run for the last messages to be read.
_FAREWELL = 1.0


class _Message(NamedTuple):
    number: int
    kind: str
    text: bytes


class Stream:
    """See the module; ``endpoints`` returns all that is known of the run. A kind that nobody follows costs nothing."""

    def __init__(self, view: View, endpoints: Callable[[], dict[str, Any]]) -> None:
        self._view = view
        self._endpoints = endpoints
        self._ticks = Ticks(view, lambda tick: self._tell("ticks", "ticks", tick))
        self._changed = threading.Condition()
        self._ring: deque[_Message] = deque()
        self._bytes = 0
        self._number = 0
        self._closed = False
        #: How many follow each kind, and until when a kind is followed for those who may come back.
        self._following: dict[str, int] = dict.fromkeys(KINDS, 0)
        self._until: dict[str, float] = {}
        self._live: frozenset[str] = frozenset()
        #: The message from which on all of a kind is sent.
        self._since: dict[str, int] = {}
        self._gathering: threading.Thread | None = None
        self._news = threading.Event()
        self._pending = Gathered()
        self._findings: dict[str, Any] | None = None
        self._hearing = threading.Lock()
        self._heard = False

    # What happens.

    def offer(self, event: Event) -> None:
        """Take in what happens; the subscriber for the bus, which is not to wait."""
        if not self._live:
            return
        with self._changed:
            if self._pending.add(event, self._live):
                self._news.set()
        if isinstance(event, RequestsEnded) and "ticks" in self._live:
            self._ticks.add(event.records)

    def reloaded(self, reload: Reload) -> None:
        """Take in how a save went."""
        self._tell("reloads", "reloads", {"reload": describe.reload(reload)})

    def close(self) -> None:
        """End for all, once they have the last messages or have had a moment for that."""
        self._flush()
        self._ticks.stop()
        with self._changed:
            self._closed = True
            self._news.set()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not any(self._following.values()), _FAREWELL)

    # Who follows.

    def follow(self, kinds: Collection[str], last: str | None) -> Generator[bytes, None, None]:
        """Yield messages of these kinds for as long as the reader stays, from the one after ``last`` on.

        The first has all that is known; it says if there is a gap after ``last``, and so does another one if the reader
        is slower than the messages come.
        """
        self._join(kinds)
        try:
            number, gap = self._place(kinds, last)
            text = self._hello(number, gap=gap)
            while True:
                if text:
                    yield text
                    due = time.monotonic() + _HEARTBEAT
                messages, text = self._after(number, due), b""
                if messages is None:
                    number = self._number
                    text = self._hello(number, gap=True)
                elif messages:
                    number = messages[-1].number
                    text = b"".join(each.text for each in messages if each.kind in kinds)
                elif self._closed:
                    return
                # Also while others get many messages: a reader that hears nothing gives up, and only sending shows
                # that a reader has gone.
                if not text and time.monotonic() >= due:
                    text = b": here\n\n"
        finally:
            self._leave(kinds)

    def _join(self, kinds: Collection[str]) -> None:
        # Before the reader gets all that is known, and without the lock that the bus waits for.
        with self._hearing:
            if not self._heard:
                self._view.bus.subscribe(self.offer)
                self._heard = True
        with self._changed:
            for kind in kinds:
                self._following[kind] += 1
            self._set_live()
            if self._gathering is None and not self._closed:
                self._gathering = threading.Thread(target=self._gather, name="vhlocal-stream", daemon=True)
                self._gathering.start()

    def _leave(self, kinds: Collection[str]) -> None:
        with self._changed:
            for kind in kinds:
                self._following[kind] -= 1
                self._until[kind] = time.monotonic() + _LINGER
            self._set_live()
            self._changed.notify_all()

    def _set_live(self) -> None:
        now = time.monotonic()
        live = {kind for kind in KINDS if self._following[kind] or self._until.get(kind, 0.0) > now}
        if not self._following["ticks"]:
            live.discard("ticks")
        # What happened while nobody followed a kind is never sent: a gap for readers who are behind this message.
        # Ticks are of their moment: nobody misses one.
        begun = live - self._live - {"ticks"}
        if begun:
            self._append("", b"")
            self._since.update(dict.fromkeys(begun, self._number))
        self._live = frozenset(live)
        if "ticks" in live and not self._closed:
            self._ticks.start()
        else:
            self._ticks.stop()
        if not live:
            self._ring.clear()
            self._bytes = 0
            self._pending = Gathered()

    def _place(self, kinds: Collection[str], last: str | None) -> tuple[int, bool]:
        """Return the number of the last message that a reader has, and whether it has missed some of these kinds."""
        run, _, said = (last or "").rpartition(".")
        with self._changed:
            first = self._ring[0].number if self._ring else self._number + 1
            known = max(first - 1, *(self._since.get(kind, 0) for kind in kinds))
            if run == self._view.run and said.isdecimal() and known <= int(said) <= self._number:
                return int(said), False
            return self._number, last is not None

    def _after(self, number: int, due: float) -> list[_Message] | None:
        """Return what comes after a message until it is due, perhaps nothing; None where some of it is gone."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._number > number, max(0.0, due - time.monotonic()))
            if self._number > number and (not self._ring or self._ring[0].number > number + 1):
                return None
            behind = self._number - number
            return [self._ring[index] for index in range(len(self._ring) - behind, len(self._ring))]

    def _hello(self, number: int, *, gap: bool) -> bytes:
        self._findings = None
        facts = {**self._endpoints(), "id": f"{self._view.run}.{number}", "gap": gap}
        return self._message("hello", number, facts)

    def _message(self, event: str, number: int, data: dict[str, Any]) -> bytes:
        # No line end of others' ends one here: JSON writes it out.
        return f"id: {self._view.run}.{number}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode()

    # From one to the other.

    def _tell(self, kind: str, event: str, data: dict[str, Any]) -> None:
        if kind not in self._live:
            return
        with self._changed:
            self._append(kind, self._message(event, self._number + 1, data))

    def _append(self, kind: str, text: bytes) -> None:
        self._number += 1
        self._ring.append(_Message(self._number, kind, text))
        self._bytes += len(text)
        while len(self._ring) > _KEPT or (self._bytes > _KEPT_BYTES and len(self._ring) > 1):
            self._bytes -= len(self._ring.popleft().text)
        self._changed.notify_all()

    def _gather(self) -> None:
        """Send what came, in batches, until nobody has followed for a while."""
        while True:
            if self._news.wait(_HEARTBEAT):
                time.sleep(_BATCH)
                self._flush()
            with self._changed:
                self._set_live()
                if self._closed or not self._live:
                    self._gathering = None
                    return

    def _flush(self) -> None:
        self._news.clear()
        with self._changed:
            pending, self._pending = self._pending, Gathered()
        for kind, event, data in pending.messages(self._view):
            # A message has all findings: most changes leave them as they were.
            if event == "finding":
                if data == self._findings:
                    continue
                self._findings = data
            self._tell(kind, event, data)
