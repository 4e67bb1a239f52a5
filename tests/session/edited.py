"""A small app without a dependency, its edits, and who asks it meanwhile."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


def endpoint(name: str, how: str) -> str:
    """Return an endpoint's lines of ``valohai.yaml``; ``how`` is ``wsgi: …`` or ``server-command: …``."""
    return f"- endpoint:\n    name: {name}\n    image: python:3.11-slim\n    {how}\n"


YAML = endpoint("words", "wsgi: server:app")

#: The same app behind the standard library's server: ``SERVE`` is its ``serve.py``.
COMMAND = endpoint("words", "server-command: python serve.py")
SERVE = """\
import sys, wsgiref.simple_server
from server import app

wsgiref.simple_server.make_server("0.0.0.0", 8000, app).serve_forever()
"""

#: Answers with its number, the sum of a POST's bytes, and what it has kept; it minds nothing but its own lines.
APP = """\
import json, os
NUMBER = 0


def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"number": NUMBER, "sum": sum(body), "pid": os.getpid()}).encode()]
"""


def numbered(number: int) -> str:
    """Return the app's text with another number."""
    return APP.replace("NUMBER = 0", f"NUMBER = {number}")


@dataclass(frozen=True)
class Asked:
    """A request and its answer: when it was sent, whether all was well, the number of the code that gave it, and the
    revision that the code has been told to be.
    """

    sent: float
    fault: str
    number: int
    revision: str | None = None


class Load:
    """Asks at a steady rate until it is left: over new connections and one that is kept, with bodies and without."""

    def __init__(self, url: str, rate: float) -> None:
        self._parts = urlsplit(url)
        self._pause = 1 / rate
        self._stop = threading.Event()
        self.asked: list[Asked] = []
        self._threads = [threading.Thread(target=self._ask, args=(keep,)) for keep in (False, True)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, keep: bool) -> None:
        connection = self._connect()
        for body in self._bodies():
            began = time.monotonic()
            self.asked.append(self._one(connection, body))
            if not keep:
                connection.close()
                connection = self._connect()
            if self._stop.wait(max(0.0, 2 * self._pause - (time.monotonic() - began))):
                break
        connection.close()

    def _bodies(self) -> Iterator[bytes | None]:
        while True:
            yield from (None, b"\x01" * 10, b"\x02" * 70_000)

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(str(self._parts.hostname), self._parts.port, timeout=60)

    def _one(self, connection: http.client.HTTPConnection, body: bytes | None) -> Asked:
        sent = time.monotonic()
        try:
            connection.request("GET" if body is None else "POST", self._parts.path, body)
            answer = connection.getresponse()
            text = answer.read()
            facts = json.loads(text) if answer.status == 200 else {"number": -1, "sum": -1}
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            return Asked(sent, repr(error), -1)
        fault = "" if answer.status == 200 else f"{answer.status}: {text[:200]!r}"
        if not fault and facts["sum"] != sum(body or b""):
            fault = f"the body came as {facts['sum']}"
        return Asked(sent, fault, facts["number"], answer.headers["X-VHLocal-Revision"])
