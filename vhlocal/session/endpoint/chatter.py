"""Finds the lines of a server that say nothing to its user: banners, and what it logs of vhlocal's own requests."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

from vhlocal.values import dataclass
from vhlocal.visible import SGR

if TYPE_CHECKING:
    from vhlocal.model import ServedAt

#: Seconds within which a server logs what it was asked.
_SOON = 10.0

#: What servers say of their start and end. The addresses in it cannot be opened: they are inside of the container, or
#: behind the gateway.
_BANNERS = re.compile(
    "|".join(
        (
            # Gunicorn
            r"\[[^]]+\] \[\d+\] \[INFO\] (Starting gunicorn|Listening at: |Using worker: |Booting worker with pid"
            r"|Control socket listening|Serving an ASGI application|Worker shutting down"
            r"|Handling signal: (term|int)|Worker exiting|Shutting down: Master"
            r"|(ASGI|Started|Waiting for) )",
            # Uvicorn, and Gunicorn with its workers
            r"(INFO:\s+|\[[^]]+\] \[\d+\] \[INFO\] )(Started server process|Waiting for application (startup|shutdown)"
            r"|Application (startup|shutdown) complete|Uvicorn running on |Shutting down$|Finished server process"
            r"|Started parent process|Stopping parent process|Waiting for connections to close|ASGI 'lifespan')",
            # Hypercorn
            r"\[[^]]+\] \[\d+\] \[INFO\] Running on http",
            # Flask and Werkzeug
            r" \* (Serving Flask app|Debug mode: off|Running on )",
            r"WARNING: This is a development server|Press CTRL\+C to quit",
            # Waitress
            r"(INFO:waitress:)?Serving on http",
        )
    )
)


@dataclass
class _Asked:
    """A request on its way to a server: how it stands in a log, and until when."""

    words: str
    pattern: re.Pattern[str]
    until: float

    def is_in(self, text: str) -> bool:
        """Tell whether a line is the log's of this request. In a long line the pattern alone takes milliseconds."""
        return self.words in text and self.pattern.search(text) is not None


class Chatter:
    """One run's. From any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[ServedAt, list[_Asked]] = {}

    def expect(self, at: ServedAt, method: str, target: str) -> None:
        """Take note that vhlocal itself is about to send a server this request."""
        words = f"{method} {target}"
        pattern = re.compile(rf"(?<!\w){re.escape(words)}(?![^\s\"'])")
        with self._lock:
            self._asked.setdefault(at, []).append(_Asked(words, pattern, time.monotonic() + _SOON))

    def has(self, at: ServedAt, text: str) -> bool:
        """Tell whether a line is of that kind. Each request is taken for one line: others' look the same."""
        text = SGR.sub("", text)
        if _BANNERS.match(text):
            return True
        with self._lock:
            now = time.monotonic()
            asked = self._asked[at] = [each for each in self._asked.get(at, ()) if each.until > now]
            found = next((each for each in asked if each.is_in(text)), None)
            if found is not None:
                asked.remove(found)
            return found is not None
