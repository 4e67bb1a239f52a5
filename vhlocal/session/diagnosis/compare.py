"""Asks two replicas of an endpoint the same, and says what one of them does not know of."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from vhlocal.checks.prefix.evidence import Asked
from vhlocal.checks.server.registry import COMPARED
from vhlocal.checks.server.replicas import Compared, cookies_of
from vhlocal.findings import Finding
from vhlocal.session.diagnosis.examine import Seen, UnansweredError, ask
from vhlocal.session.tasks import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.checks.prefix.evidence import Answer
    from vhlocal.session.diagnosis.examine import ExaminedServer

#: Cookies of an answer that are sent back.
_MOST_COOKIES = 2


async def compare(two: tuple[ExaminedServer, ExaminedServer], numbers: tuple[int, int], paths: Iterable[str]) -> Seen:
    """Return what is found of two replicas' answers to GETs of these paths below the version's prefix (K3).

    Each is asked twice, in turn, and where it sets cookies, each is sent the other's. Nothing is found at a path that
    one of them does not answer in time.
    """
    found: list[Finding] = []
    for path in paths:
        with contextlib.suppress(UnansweredError):
            compared = await in_thread(_compared, two, numbers, path)
            found += [finding for rule in COMPARED for finding in rule.find(compared) if isinstance(finding, Finding)]
    return Seen(tuple(found))


def _compared(two: tuple[ExaminedServer, ExaminedServer], numbers: tuple[int, int], path: str) -> Compared:
    first, second = two
    once = (_answer(first, path), _answer(second, path))
    again = (_answer(first, path), _answer(second, path))
    given = [cookies_of(answer) for answer in once]
    cookies = {}
    for name in [name for name in given[0] if name in given[1]][:_MOST_COOKIES]:
        mine, others = (f"{name}={each[name]}" for each in given)
        cookies[name] = (
            (_answer(first, path, mine), _answer(second, path, mine)),
            (_answer(second, path, others), _answer(first, path, others)),
        )
    target = f"{first.prefix}{path}"
    return Compared(first.endpoint, target, numbers, ((once[0], again[0]), (once[1], again[1])), cookies)


def _answer(server: ExaminedServer, path: str, cookie: str = "") -> Answer:
    target = f"{server.prefix}{path}"
    server.asks("GET", target)
    return ask(server.address, Asked(server.prefix, target, cookie=cookie), server.host)
