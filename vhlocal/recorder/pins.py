"""Requests that are pinned: kept whatever else is recorded, and sent to old and new code at each save.

They end with the run. What is recorded is in memory alone, passwords and bodies included; what is to outlast a run is
written as a smoke test, without them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from vhlocal.errors import InputError

if TYPE_CHECKING:
    from vhlocal.recorder.store import Taken

#: So many requests can be pinned, and so many bytes of bodies may they have together.
MOST_PINS, MOST_PINNED_BYTES = 20, 16 * 1024 * 1024


class Pins:
    """The pinned requests, the oldest pin first. Any thread may use it."""

    def __init__(self, most: int = MOST_PINS, most_bytes: int = MOST_PINNED_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.Lock()
        self._kept: dict[str, Taken] = {}

    def all(self) -> tuple[Taken, ...]:
        """Return all of them."""
        with self._lock:
            return tuple(self._kept.values())

    def add(self, taken: Taken) -> None:
        """Pin a request, which may be pinned already.

        InputError where its body was not kept, so that it could not be sent again, and where no room is left.
        """
        request = taken.record.id
        if taken.request_body.content is None:
            raise InputError(
                f"request {request} cannot be pinned: its body was not kept, {taken.request_body.why}",
                hint="write a smoke test that sends the body's file: `< ./file`",
            )
        with self._lock:
            kept = {**self._kept, request: taken}
            hint = "unpin one (`vhlocal requests unpin ID`), or keep it as a smoke test (`requests --http FILE ID`)"
            if len(kept) > self._most:
                raise InputError(f"{self._most} requests are pinned, which is the limit", hint=hint)
            if sum(map(_bytes, kept.values())) > self._most_bytes:
                raise InputError(
                    f"the pinned requests would take more than {self._most_bytes // 1024 // 1024} MiB", hint=hint
                )
            self._kept = kept

    def remove(self, request: str) -> None:
        """Unpin the request of this id."""
        with self._lock:
            self._kept.pop(request, None)


def _bytes(taken: Taken) -> int:
    return taken.request_body.length + len(taken.answer_body.content or b"")
