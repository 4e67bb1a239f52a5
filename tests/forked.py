"""Commands of vhlocal that need not import it: each is forked from a process that has.

The imports of ``vhlocal up`` are two thirds of the CPU that a short run takes, and the tests start some two thousand
commands. But for them, a command does here what it does under ``python -m vhlocal``, in a process of its own.

Run as a program, this module is the process that the commands are forked from. It is told of each on its standard
input, a socket, and reports there which process that is; how one has ended it writes to a pipe of the command's own.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROOT = Path(__file__).parents[1]

#: What Python and its libraries read when they begin: a command with others of these has to begin anew.
_READ_ONCE = ("PYTHON", "COVERAGE", "LANG", "LC_", "LD_", "MALLOC", "TZ")

#: What no command imports. ``__main__`` is run, and not imported.
_NOT_IMPORTED = ("vhlocal.__main__", "vhlocal.runner", "vhlocal.pytest_plugin", "vhlocal.testing")

_NUMBER = 4

#: More files than the process that is forked has open.
_FILES = 256


class Forked:
    """A command; it is waited for, signalled and killed as a ``subprocess.Popen`` is."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        output: int,
        errors: int,
        directory: Path | None = None,
    ) -> None:
        self.args = ["vhlocal", *arguments]
        self.returncode: int | None = None
        self._ended, ended = os.pipe()
        place = str(Path.cwd() if directory is None else directory)
        told = {"arguments": list(arguments), "environment": dict(environment), "directory": place}
        try:
            self.pid = _parent().fork(told, (output, errors, ended))
        finally:
            os.close(ended)

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal; None while it lives."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended; TimeoutExpired after ``timeout`` seconds."""
        code = self._look(timeout)
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _look(self, seconds: float | None) -> int | None:
        if self.returncode is None and _readable([self._ended], seconds):
            status = os.read(self._ended, _NUMBER)
            assert status, "the process that commands are forked from has ended"
            os.close(self._ended)
            self.returncode = os.waitstatus_to_exitcode(int.from_bytes(status, "big"))
        return self.returncode

    def __del__(self) -> None:
        if self.returncode is None:
            os.close(self._ended)


def run(
    arguments: Sequence[str], environment: Mapping[str, str], directory: Path | None, seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as ``subprocess.run`` does."""
    texts: dict[int, bytearray] = {}
    with contextlib.ExitStack() as stack:
        pipes = [os.pipe(), os.pipe()]
        for read, _ in pipes:
            texts[read] = bytearray()
            stack.callback(os.close, read)
        try:
            command = Forked(arguments, environment, pipes[0][1], pipes[1][1], directory)
        finally:
            for _, write in pipes:
                os.close(write)
        end, left = time.monotonic() + seconds, set(texts)
        while left:
            ready = _readable(left, max(end - time.monotonic(), 0))
            if not ready:
                command.kill()
                command.wait()
                raise subprocess.TimeoutExpired(command.args, seconds)
            for one in ready:
                piece = os.read(one, 65536)
                texts[one] += piece
                left -= set() if piece else {one}
        code = command.wait(max(end - time.monotonic(), 0))
    output, errors = (io.TextIOWrapper(io.BytesIO(text)).read() for text in texts.values())
    return subprocess.CompletedProcess(command.args, code, output, errors)


def _readable(files: Iterable[int], seconds: float | None) -> list[int]:
    """Return which of the files can be read, or have ended, within so many seconds; ``select`` knows 1,024 alone."""
    poll = select.poll()
    for file in files:
        poll.register(file, select.POLLIN)
    return [file for file, _ in poll.poll(None if seconds is None else seconds * 1000)]


def can_be_forked(environment: Mapping[str, str]) -> bool:
    """Tell whether a command in this environment is the same if forked as if begun anew."""
    return _read_once(environment) == _read_once(os.environ) and "COVERAGE_PROCESS_START" not in environment


def _read_once(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_ONCE)}


@functools.cache
def _parent() -> _Parent:
    return _Parent()


class _Parent:
    """The process that this process's commands are forked from."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen([sys.executable, "-m", __name__], cwd=ROOT, stdin=theirs.fileno())
        atexit.register(self._end)

    def fork(self, told: Mapping[str, Any], files: Sequence[int]) -> int:
        """Fork a command whose output and errors go to the first two ``files``; how it ends comes by the third."""
        text = json.dumps(told).encode()
        with self._one_at_a_time:
            socket.send_fds(self._socket, [len(text).to_bytes(_NUMBER, "big")], list(files))
            self._socket.sendall(text)
            return int.from_bytes(_whole(self._socket, _NUMBER), "big")

    def _end(self) -> None:
        self._socket.close()
        self._process.wait()


def _whole(connected: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count:
        piece = connected.recv(count - len(read))
        assert piece, "the other side has ended"
        read += piece
    return read


def _be_forked_from(orders: socket.socket) -> None:
    """Fork commands until nobody orders any more; this returns in each of them, ready to be run."""
    ended: dict[int, int] = {}
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    while True:
        ready = _readable([orders.fileno(), woken], None)
        if woken in ready:
            os.read(woken, 65536)
            _report(ended)
        if orders.fileno() in ready:
            length, files, _, _ = socket.recv_fds(orders, _NUMBER, 3)
            if not length:
                sys.exit()
            told = json.loads(_whole(orders, int.from_bytes(length, "big")))
            output, errors, end = files
            if (pid := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                _become(told, output, errors)
                return
            os.close(output)
            os.close(errors)
            ended[pid] = end
            orders.sendall(pid.to_bytes(_NUMBER, "big"))


def _report(ended: dict[int, int]) -> None:
    while ended:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with contextlib.suppress(BrokenPipeError):  # nobody waits for it
            os.write(ended[pid], status.to_bytes(_NUMBER, "big"))
        os.close(ended.pop(pid))


def _become(told: Mapping[str, Any], output: int, errors: int) -> None:
    """Have the streams, the directory, the environment and the arguments that a command is to have."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, output, errors)):
        os.dup2(file, number)
    os.closerange(3, _FILES)
    os.chdir(told["directory"])
    os.environ.clear()
    os.environ.update(told["environment"])
    sys.path[0] = told["directory"]
    sys.argv = [str(ROOT / "vhlocal" / "__main__.py"), *told["arguments"]]


def _program() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for module in pkgutil.walk_packages([str(ROOT / "vhlocal")], "vhlocal."):
        if not module.name.startswith(_NOT_IMPORTED):
            importlib.import_module(module.name)
    import uvloop  # noqa: F401, PLC0415 - what a run imports once it begins

    gc.freeze()
    _be_forked_from(orders)
    orders.detach()
    from vhlocal.__main__ import main  # noqa: PLC0415 - the command itself

    main()


if __name__ == "__main__":
    _program()
