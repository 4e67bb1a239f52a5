"""Watches of real directories, and what they report."""

import contextlib
import queue
import subprocess
import time
from pathlib import Path

from tests.waiting import LONG, wait_for
from vhlocal.project.unpackaged import Unpackaged
from vhlocal.reload.source import Subject
from vhlocal.reload.watch import Watch

_MARK = ".mark-"
_IDENTITY = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")


class Seen:
    """What was reported and not taken yet: paths, or None for anything."""

    def __init__(self):
        self.queue = queue.Queue()
        self._marks = queue.Queue()

    def __call__(self, path):
        marks = path is not None and path.name.startswith(_MARK)
        (self._marks if marks else self.queue).put(path)

    def take(self, seconds=LONG):
        return self.queue.get(timeout=seconds)

    def until(self, *wanted):
        """Take until all that is wanted was reported, and return all that was."""
        taken, missing = [], set(wanted)
        deadline = time.monotonic() + LONG
        while missing:
            try:
                taken.append(self.take(max(0, deadline - time.monotonic())))
            except queue.Empty:
                raise AssertionError(f"waited in vain for {missing}, saw {taken[-20:]}") from None
            missing.discard(taken[-1])
        return taken

    def until_now(self, directory):
        """Take all that was reported of what happened before this call: events keep their order."""
        mark = Path(directory, f"{_MARK}{time.monotonic_ns()}")
        mark.touch()
        while self._marks.get(timeout=LONG) != mark:
            pass
        mark.unlink()
        return [self.queue.get() for _ in range(self.queue.qsize())]

    def until_noticed(self, file):
        """Change a file until that is noticed: that its directory is watched anew is told by nothing else."""
        wait_for(lambda: append(file) or file in list(self.queue.queue), f"{file} to be watched")
        self.until(file)


@contextlib.contextmanager
def watching(directory, *files, expected=True, **seams):
    """Watch a directory by events, or by polling if events are not ``expected``, and give what it reports."""
    seen = Seen()
    watch = Watch(directory, files, seen, **seams)
    assert (watch.start() is None) == expected
    try:
        yield seen
    finally:
        watch.stop()


def subject(directory, *files, report, fail=None):
    """Return what a source is given."""
    return Subject(
        directory=directory,
        files=files,
        unpackaged=lambda: Unpackaged(directory).has,
        report=lambda path: report(None if path is None else Path(path)),
        fail=fail or report,
    )


def git(directory, *arguments):
    subprocess.run(["git", *_IDENTITY, *arguments], cwd=directory, check=True, capture_output=True)


def commit_all(directory):
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "a commit")


def write(path, text="new"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def save_atomically(path, text="new"):
    new = path.with_name(f"{path.name}.tmp")
    new.write_text(text)
    new.replace(path)


def save_as_vim_does(path, text="new"):
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    path.write_text(text)
    backup.unlink()


def save_by_making_anew(path, text="new"):
    path.unlink()
    path.write_text(text)


def append(path):
    with path.open("a") as file:
        file.write("more")
