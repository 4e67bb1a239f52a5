"""The runner with its warm master, as a real process, and vhlocal's side of its control connection."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
from typing import TYPE_CHECKING

from tests.runner.served import ALIAS, PATIENCE, VERSION, started
from tests.waiting import LONG, wait_for
from tests.waiting import free_port as free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "a token"


class Control:
    """A control connection: ``ask`` waits for an answer, ``event`` for what is told without being asked."""

    def __init__(self, port: int, token: str = TOKEN) -> None:
        self.port = port
        self._socket = wait_for(lambda: _connect(port), "the control port")
        self._file = self._socket.makefile("rb")
        self._asked = 0
        self.events: list[dict] = []
        try:
            self._socket.sendall(token.encode() + b"\n")
            self.facts = self.ask(do="attend")
        except AssertionError:
            self.close()
            raise

    def send(self, **command) -> None:
        self._asked += 1
        self._socket.sendall(json.dumps({**command, "id": self._asked}).encode() + b"\n")

    def ask(self, **command) -> dict:
        self.send(**command)
        while True:
            message = self._read()
            if message.get("id") == self._asked:
                return message
            if "event" in message:
                self.events.append(message)

    def event(self, kind: str, **wanted) -> dict:
        """Return the first event of a kind that has come or comes, and forget it."""
        end = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < end, f"no {kind!r} among {self.events}"
            for event in self.events:
                if event["event"] == kind and all(event.get(name) == value for name, value in wanted.items()):
                    self.events.remove(event)
                    return event
            self.events.append(self._read())

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _read(self) -> dict:
        line = self._file.readline()
        assert line, "the runner has hung up"
        return json.loads(line)


def _connect(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=LONG)
    except OSError:
        return None


class Warm:
    """A runner, its code directory, and a directory of libraries that is on the path beside it."""

    def __init__(self, server, control: Control, code: Path, libraries: Path, staging: Path) -> None:
        self.server = server
        self.control = control
        self.code = code
        self.libraries = libraries
        self.staging = staging
        self.number = 1
        self._saved = 0
        self.ports = {1: server.port}

    def fork(self) -> int:
        """Begin the next server and return its number."""
        self.number += 1
        self.ports[self.number] = free_port()
        answer = self.control.ask(do="fork", number=self.number, port=self.ports[self.number])
        assert "refused" not in answer, answer
        return self.number

    def save(self, path: str, text: str) -> None:
        """Bring a file into the code's directory, as an edit comes."""
        self._saved += 1
        name = f"blob-{self._saved}"
        (self.staging / name).write_text(text)
        entry = {"path": path, "mode": 0o644, "blob": name}
        assert "error" not in self.control.ask(do="write", written=[entry], removed=[])

    def serve(self, number: int) -> dict:
        return self.control.ask(do="serve", number=number)

    def get(self, number: int, prefix: str = VERSION):
        """Return what a server answers, once it does."""

        def ask():
            try:
                return self.server.get(prefix, "/", port=self.ports[number])
            except OSError:
                return None

        try:
            return wait_for(ask, f"server {number} to answer")
        except AssertionError as error:
            raise AssertionError(f"{error}; the output was:\n{self.server.said()}") from None

    def warm_up(self) -> dict:
        """Let the first server be asked, and wait until the master has what it imports."""
        self.get(1)
        self.serve(1)
        return self.control.event("warm")

    def next(self):
        """Fork, and return what the new server answers."""
        number = self.fork()
        answer = self.get(number)
        assert self.serve(number)["bound"]
        return answer


@contextlib.contextmanager
def warm(
    runner: Path, place: Path, command, python: Path, files, libraries=(), variables=(), **settings
) -> Iterator[Warm]:
    """Start ``command`` under the runner: words, or what returns them for a port.

    ``files`` and ``libraries`` are texts by name, ``variables`` further ones of the environment.
    """
    code, beside, staging = place / "code", place / "libraries", place / "staging"
    for directory, texts in ((code, dict(files)), (beside, dict(libraries))):
        for name, text in texts.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text)
            (directory / name).chmod(0o755 if text.startswith("#!") else 0o644)
    beside.mkdir(exist_ok=True)
    staging.mkdir()
    home = shutil.copytree(runner, place / "runner")
    control, port = free_port(), free_port()
    known = {
        "declared": port,
        "port": port,
        "host": "127.0.0.1",
        "control": control,
        "token": TOKEN,
        "code": str(code),
        "staging": str(staging),
        "marker": "mounted",
        "keep": [],
        "warm": True,
        "modules": [],
        "denied": {},
        "profile": False,
        "beside": False,
    }
    (home / "serve_warm.json").write_text(json.dumps({**known, **settings}))
    environment = {"HOME": str(place), "PYTHONPATH": str(beside), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    # Compiled modules are what production has, and what an edit must not be hidden by.
    environment |= {"PYTHONDONTWRITEBYTECODE": "", **dict(variables)}
    words = command(port) if callable(command) else command
    start = [str(python), str(home / "serve_warm.py"), *words]
    with started(start, code, environment, port=port) as server:
        connection = Control(control)
        try:
            yield Warm(server, connection, code, beside, staging)
        finally:
            connection.close()


__all__ = ["ALIAS", "VERSION", "Control", "Warm", "free_port", "warm"]
