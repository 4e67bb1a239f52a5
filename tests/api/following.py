"""A reader of a run's stream, as the page's is."""

from __future__ import annotations

import http.client
import json
from typing import Any

from tests.waiting import LONG


class Following:
    """Reads messages of some kinds, from the one after ``last`` on."""

    def __init__(self, origin: str, key: str, kinds: str = "status", last: str | None = None) -> None:
        self._connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=LONG)
        headers = {"Authorization": f"Bearer {key}", **({} if last is None else {"Last-Event-ID": last})}
        self._connection.request("GET", f"/api/events?kinds={kinds}", headers=headers)
        self.answer = self._connection.getresponse()
        #: The last message's id, and how many comment lines came.
        self.last = last
        self.comments = 0

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def next(self) -> tuple[str, Any]:
        """Return the next message's event and data; EOFError at the stream's end."""
        found: dict[str, str] = {}
        while line := self.answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if line == "\n" and found:
                self.last = found["id"]
                return found["event"], json.loads(found["data"])
            if name == "":
                self.comments += bool(value)
            else:
                found[name] = value
        raise EOFError

    def until(self, event: str) -> Any:
        """Return the data of the next message of an event."""
        while True:
            name, data = self.next()
            if name == event:
                return data
