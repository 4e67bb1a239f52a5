"""Whoever takes in requests and answers whole, with heads and bodies, as they pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.contract.headers import RawHeader
    from vhlocal.model import RequestRecord


class Part(Protocol):
    """A body as it passes."""

    def feed(self, data: bytes) -> None:
        """Take the next bytes, which nobody changes any more."""


class Tap(Protocol):
    """Each call comes in the event loop's thread, and has to be quick."""

    def part(self) -> Part:
        """Return what takes in a body."""
        ...

    def take(
        self,
        record: RequestRecord,
        asked: Sequence[RawHeader],
        body: Part | None,
        answer_head: Sequence[RawHeader],
        answer: Part | bytes,
    ) -> None:
        """Take in an endpoint's request that has ended, with its answer's head and body; no ``body`` where it had none.

        ``answer_head`` is the answer's headers, empty where no server answered.
        """
