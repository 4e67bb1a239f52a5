"""Whose end it is, and what it printed that may explain that: not what it outlived. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.session.diagnosis.tracebacks import end_of, heads
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhlocal.events import LogLine
    from vhlocal.model import Endpoint, RequestRecord, ServedAt

#: What stands above the traceback of an exception that was caught: whoever writes this goes on.
_CAUGHT = re.compile(
    "|".join(
        (
            r"Exception ignored in\b",  # Python
            r"--- Logging error ---",
            r"(Task|Future) exception was never retrieved",  # asyncio
            r"Exception in callback ",
            r"Exception occurred during processing of request from ",  # socketserver
            r"(Exception|Error) in ASGI application",  # Uvicorn, and Gunicorn's ASGI worker
            r"Error in ASGI Framework",  # Hypercorn
            r"Error handling request",  # Gunicorn, aiohttp
            r"Exception on (request )?[^ ]+ [^ ]+$",  # Flask, Quart
            r"Error on request:",  # Werkzeug
            r"Exception while serving /",  # Waitress
            r"Internal Server Error: /",  # Django
            r"Uncaught exception [A-Z]+ /",  # Tornado
            r"Exception occurred while handling uri",  # Sanic
        )
    )
)

#: So many lines above a traceback its heading stands at most.
_ABOVE = 2

#: Seconds by which the line of an exception may be read later than the answer that it led to.
_LATER = 1.0


@dataclass(frozen=True)
class Served:
    """One replica's server: which it is, what it serves, and the revision of its code."""

    at: ServedAt
    endpoint: Endpoint
    revision: str

    def has(self, record: RequestRecord) -> bool:
        """Whether a request was for this code, there."""
        asked = (record.version, record.endpoint, record.replica or 1, record.revision)
        return asked == (self.at.version, self.at.endpoint, self.at.replica, self.revision)


def last_words(lines: Sequence[LogLine], answered: Sequence[RequestRecord], first: float) -> list[str]:
    """Return the text of those ``lines`` that may explain the end of a server that has served.

    What it printed before a request that it then answered does not count: ``answered`` are such requests, and ``first``
    is when its first one went out, in epoch seconds. Nor does an exception for which a request was answered with a
    500, nor one whose heading says that it was caught. What is left may still be harmless.
    """
    since = max([first, *(_passed_on(record) for record in answered)])
    left = [line for line in lines if line.time >= since]
    texts = [line.text for line in left]
    starts = heads(texts)
    caught = {start for start in starts if any(map(_CAUGHT.search, texts[max(0, start - _ABOVE) : start]))}
    others = [start for start in starts if start not in caught]
    if others:
        soonest = left[others[0]].time - _LATER
        failed = sum(record.status >= 500 and record.time >= soonest for record in answered)
        if failed >= len(others):  # each of these answers is for one of the exceptions
            return texts[end_of(texts, starts[-1]) :]
    gone = {number for start in caught for number in range(start, end_of(texts, start))}
    return [text for number, text in enumerate(texts) if number not in gone]


def _passed_on(record: RequestRecord) -> float:
    """Return when a request went on to its server, in epoch seconds."""
    return record.time - record.seconds + (record.gateway_seconds or 0.0)
