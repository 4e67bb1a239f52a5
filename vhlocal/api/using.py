"""A project's run for as long as somebody uses it: joined where there is one, else started, and ended after the last.

Several may use a run that one of them has started: workers of pytest-xdist, or two commands. Each holds a shared lock,
which the system releases however its process ends; whoever has started the run ends it once nobody else holds one. A
second lock is the door: who comes while a run is being started or ended waits there. A run that is started ends with
whoever started it, however that ends, since it reads its standard input.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from vhlocal.api.client import Client
from vhlocal.errors import InputError, VhlocalError
from vhlocal.session.record import ProjectState
from vhlocal.storage import writing
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from vhlocal.session.record import RunRecord

_PAUSE = 0.05

#: Characters of the log's end that the error shows for a run that does not start.
_SHOWN = 4000

#: A run that is started for somebody: its port is nobody else's, and nothing of it changes while it is used.
_QUIETLY = ("--host", "127.0.0.1", "--port", "0", "--no-reload", "--no-doctor", "--fail-fast", "--until-stdin-ends")


@dataclass(frozen=True)
class Used:
    """A run that is ready. ``log`` is what it has printed where it was started here, None where it was joined."""

    record: RunRecord
    log: Path | None = None

    @property
    def client(self) -> Client:
        """What asks it."""
        return Client(self.record)


@dataclass(frozen=True)
class Start:
    """How to start a run: further arguments of ``vhlocal up``, where its output goes, and who hears that meanwhile."""

    arguments: Sequence[str] = ()
    log: Path | None = None
    tell: Callable[[str], None] = lambda _: None


@contextlib.contextmanager
def joined(directory: Path) -> Iterator[Used]:
    """Use the run that there is, once it is ready. InputError where there is none: nothing is started."""
    with _among_users(directory):
        yield Used(_ready(directory, ProjectState(directory).run()))


@contextlib.contextmanager
def joined_or_started(directory: Path, start: Start) -> Iterator[Used]:
    """Use the project's run, or one that is started for this and ended when nobody uses it any more."""
    with _started(directory, start, alone=False) as used:
        yield used


@contextlib.contextmanager
def started(directory: Path, start: Start) -> Iterator[Used]:
    """Use a run that is started for this. InputError where the project is being served already."""
    with _started(directory, start, alone=True) as used:
        yield used


@contextlib.contextmanager
def _started(directory: Path, start: Start, *, alone: bool) -> Iterator[Used]:
    """Both of the above; what was started is ended however the block ends."""
    with contextlib.ExitStack() as stack:
        with _door(directory):
            record = ProjectState(directory).running()
            if record is not None and alone:
                raise InputError(
                    f"this project is already being served at {record.url}",
                    hint="use that run with --live, or stop it with `vhlocal down`",
                )
            if record is None:
                log = start.log or ProjectState(directory).path / "test.log"
                process = _begin(directory, start, log)
                stack.callback(_end_after_all, directory, process)
                used = Used(_follow(directory, process, log, start.tell), log)
            stack.enter_context(_among_users(directory))
        yield used if record is None else Used(_ready(directory, record))


def _ready(directory: Path, record: RunRecord) -> RunRecord:
    """Wait until every endpoint of a run answers, or it is known why not. VhlocalError where it ends before."""
    while not record.ready:
        time.sleep(_PAUSE)
        found = ProjectState(directory).running()
        if found is None or found.run != record.run:
            raise VhlocalError("the run ended before it was ready", hint="see why: vhlocal up")
        record = found
    return record


def _begin(directory: Path, start: Start, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "vhlocal", "up", "-C", str(directory), *_QUIETLY, *start.arguments]
    with writing("the run's log cannot be written", log), log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for who uses it, and ends it in turn
        )


def _follow(directory: Path, process: subprocess.Popen[bytes], log: Path, tell: Callable[[str], None]) -> RunRecord:
    """Wait until a run that was begun is ready, and pass on what it prints. VhlocalError, with its code, if it ends."""
    state = ProjectState(directory)
    with log.open(encoding="utf-8", errors="replace") as lines:
        while True:
            ended = process.poll()
            record = state.running()
            tell(lines.read())
            if ended is not None:
                raise _not_started(ended, log)
            if record is not None and record.pid == process.pid and record.ready:
                return record
            time.sleep(_PAUSE)


def _not_started(code: int, log: Path) -> VhlocalError:
    said = log.read_text(encoding="utf-8", errors="replace")[-_SHOWN:].strip()
    error = VhlocalError("the project did not start", hint=f"its output: {log}", detail=said)
    error.exit_code = code if code > 0 else 1
    return error


def _end_after_all(directory: Path, process: subprocess.Popen[bytes]) -> None:
    """End a run once nobody else uses it; gently, and at once where somebody interrupts that."""
    try:
        while process.poll() is None:
            with _door(directory), _only_user(directory) as alone:
                if alone:
                    process.terminate()
                    process.wait()
            if process.poll() is None:
                time.sleep(_PAUSE)
    except BaseException:
        process.terminate()  # a second time, if it was asked already: then it ends at once
        process.wait()
        raise
    finally:
        if process.stdin is not None:
            process.stdin.close()


def _door(directory: Path) -> contextlib.AbstractContextManager[bool]:
    return _lock(directory, "door.lock", shared=False, wait=True)


def _among_users(directory: Path) -> contextlib.AbstractContextManager[bool]:
    return _lock(directory, "users.lock", shared=True, wait=True)


def _only_user(directory: Path) -> contextlib.AbstractContextManager[bool]:
    return _lock(directory, "users.lock", shared=False, wait=False)


@contextlib.contextmanager
def _lock(directory: Path, name: str, *, shared: bool, wait: bool) -> Iterator[bool]:
    """Hold a lock of the project's, and yield whether that succeeded; with ``wait`` it always does."""
    import fcntl  # noqa: PLC0415 - not there on Windows, where nothing runs

    file = ProjectState(directory).path / name
    with writing("the project's run cannot be shared", file):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
