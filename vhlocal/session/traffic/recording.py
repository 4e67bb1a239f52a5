"""Records what passes the gateway: the last requests and answers of each endpoint, bounded in bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.exchanges import EMPTY, Body
from vhlocal.recorder.store import BodyTap, Store, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.contract.headers import RawHeader
    from vhlocal.gateway.tap import Part
    from vhlocal.model import RequestRecord


class Recording:
    """See ``gateway.tap.Tap``, which it is."""

    def __init__(self) -> None:
        self.store = Store()

    def part(self) -> BodyTap:
        """Return what takes in a body."""
        return BodyTap()

    def take(
        self,
        record: RequestRecord,
        asked: Sequence[RawHeader],
        body: Part | None,
        told: Sequence[RawHeader],
        answer: Part | bytes,
    ) -> None:
        """Keep an endpoint's request and its answer, unless it was recorded before and is sent again."""
        if record.replayed:
            return
        kept = answer if isinstance(answer, bytes) else _body(answer)
        self.store.add(Taken(record, asked, _body(body), told, kept))


def _body(part: Part | None) -> Body:
    return part.body() if isinstance(part, BodyTap) else EMPTY
