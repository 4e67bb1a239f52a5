"""What is wrong with answers: those that failed, came from code older than what was live, or mix two codes."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Digits of a revision by which ``vhlocal up`` tells it from others.
SHOWN = 7


class Code(NamedTuple):
    """The numbers of the two edited files. They only grow, so that older code has a smaller one."""

    number: int
    second: int

    def is_older_than(self, other: Code) -> bool:
        """Tell whether one of the files is an older one."""
        return self.number < other.number or self.second < other.second


class Answer(NamedTuple):
    """One request and its end; times are monotonic seconds.

    ``revision`` is what the gateway tells, ``code`` what the app does, None where there was no whole answer: ``fault``
    says why then. ``marked`` is whether the gateway says that what was saved last cannot be served.
    """

    endpoint: str
    kind: str
    sent: float
    came: float
    fault: str = ""
    revision: str = ""
    code: Code | None = None
    marked: bool = False


class Live(NamedTuple):
    """When new code was told to be live, and its revision's first digits."""

    at: float
    endpoint: str
    revision: str


def failed(answers: Iterable[Answer]) -> list[str]:
    """Return what went wrong with requests."""
    return [f"{each.fault}: {_request(each)}" for each in answers if each.fault]


def mixed(answers: Sequence[Answer], saved: Mapping[str, Code | None]) -> list[str]:
    """Return the answers whose revision has another code: by what was ``saved``, or by an answer before.

    ``saved`` has, by a revision's first digits, what it stands for, None for what cannot be loaded.
    """
    known: dict[str, Code | None] = dict(saved)
    found = []
    for each in answers:
        if each.code is None or not each.revision:  # the answer to a WebSocket's handshake does not tell one
            continue
        expected = known.setdefault(each.revision[:SHOWN], each.code)
        if expected != each.code:
            wanted = "broken code" if expected is None else f"{tuple(expected)}"
            found.append(f"{_request(each)}: revision {each.revision} is {wanted}, but answered {tuple(each.code)}")
    return found


def stale(answers: Iterable[Answer], lives: Iterable[Live], saved: Mapping[str, Code | None]) -> list[str]:
    """Return the answers by code that is older than what had been told to be live before they were asked for."""
    due = _Due(lives, saved)
    found = []
    for each in answers:
        newest = due.at(each.endpoint, each.sent)
        if each.code is not None and newest is not None and each.code.is_older_than(newest):
            found.append(f"{_request(each)}: answered {tuple(each.code)} when {tuple(newest)} was live")
    return found


class _Due:
    """What each endpoint has to answer with at a time: the newest that had been live by then."""

    def __init__(self, lives: Iterable[Live], saved: Mapping[str, Code | None]) -> None:
        self._times: dict[str, list[float]] = {}
        self._codes: dict[str, list[Code]] = {}
        for live in sorted(lives):
            code = saved.get(live.revision)
            if code is not None:
                codes = self._codes.setdefault(live.endpoint, [])
                before = codes[-1] if codes else code
                codes.append(Code(max(code.number, before.number), max(code.second, before.second)))
                self._times.setdefault(live.endpoint, []).append(live.at)

    def at(self, endpoint: str, time: float) -> Code | None:
        """Return what is the oldest right answer, None where nothing was told yet."""
        index = bisect.bisect_left(self._times.get(endpoint, []), time)
        return self._codes[endpoint][index - 1] if index else None


def _request(answer: Answer) -> str:
    return f"{answer.endpoint} {answer.kind}, sent at {answer.sent:.2f}, ended at {answer.came:.2f}"
