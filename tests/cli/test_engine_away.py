"""An engine that goes away while a run serves, and comes back: a relay before the real one, which can be cut."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from pathlib import Path

import pytest

from tests.cli.projects import plain

REAL = "/var/run/docker.sock"


class Relay:
    """Hands on every connection to its socket to the real engine, both ways, until it is cut."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.open()

    def open(self) -> None:
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(self.path))
        self.listening.listen(64)
        threading.Thread(target=self.accept, args=(self.listening,), daemon=True).start()

    def accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(REAL)
                self.pairs.append((near, far))
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    def carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """End all connections, and accept no more."""
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.path.unlink()
        for pair in self.pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self.pairs.clear()


@pytest.fixture
def relay():
    with tempfile.TemporaryDirectory(prefix="vh-") as place:  # Short: a socket's path has a limit.
        started = Relay(Path(place, "engine.sock"))
        yield started
        started.cut()


def test_an_engine_that_goes_away_is_told_and_its_return_mends_the_run(engine, project, starting, relay):
    directory = project(plain())
    with starting(directory, environment={"DOCKER_HOST": f"unix://{relay.path}"}) as run:
        run.wait_for_state("ready")
        relay.cut()
        for container in engine.containers.list(filters={"label": f"vhlocal.directory={directory}"}):
            container.kill()
        run.wait_for_output("the Docker engine went away")
        run.wait_for_state("crashed")
        relay.open()
        run.wait_for_state("ready")
        assert "unexpected" not in run.output()
        assert "Traceback" not in run.output()
