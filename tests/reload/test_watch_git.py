"""What git does to a working tree is noticed, and a checkout is one batch."""

import math
import queue
import threading
import time

import pytest

from tests.reload.watching import commit_all, git, watching, write
from vhlocal.reload.batch import LONGEST, QUIET, Batch

FILES = 2000


@pytest.fixture
def directory(tmp_path):
    directory = tmp_path / "project"
    directory.mkdir()
    git(directory, "init", "-q", "-b", "main")
    return directory


def batches_during(seen, work):
    """Gather batches as a session does while ``work`` runs in a thread, and until it is quiet after that.

    Returned with them is how many more than one there may be, since a machine that is short of time makes pauses of its
    own: as many as there were gaps between events, and once for each time that a batch may last.
    """
    batch, taken, gaps, since = Batch(time.monotonic), [], 0, time.monotonic()
    last = math.inf
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive() or not seen.queue.empty() or batch.remaining() is not None:
        wait = batch.remaining()
        if wait is not None and wait <= 0:
            taken.append(batch.take())
            continue
        try:
            batch.add(seen.take(0.05 if wait is None else wait))
        except queue.Empty:
            continue
        before, last = last, time.monotonic()
        gaps += last - before >= QUIET
    return taken, gaps + (time.monotonic() - since) // LONGEST


def test_a_checkout_of_thousands_of_files_is_one_batch(directory):
    files = [directory / f"package{number % 50}/module{number}.py" for number in range(FILES)]
    for content in ("main", "other"):
        for number, file in enumerate(files):
            write(file, f"{content} {number}\n" * 20)
        commit_all(directory)
        git(directory, "branch", f"of-{content}")
    with watching(directory) as seen:
        taken, more = batches_during(seen, lambda: git(directory, "checkout", "-q", "of-main"))
        assert frozenset().union(*taken) == set(files)
        assert len(taken) <= 1 + more


def test_a_checkout_that_brings_and_takes_directories_is_noticed(directory):
    write(directory / "app.py", "main")
    commit_all(directory)
    git(directory, "checkout", "-q", "-b", "other")
    write(directory / "new/inner/mod.py", "other")
    commit_all(directory)
    with watching(directory) as seen:
        git(directory, "checkout", "-q", "main")
        seen.until(directory / "new/inner/mod.py", directory / "new")
        git(directory, "checkout", "-q", "other")
        seen.until(directory / "new")


def test_a_stash_and_its_return_are_noticed(directory):
    write(directory / "app.py", "committed")
    commit_all(directory)
    write(directory / "app.py", "edited")
    with watching(directory) as seen:
        git(directory, "stash")
        assert set(seen.until_now(directory)) == {directory / "app.py"}
        git(directory, "stash", "pop")
        assert set(seen.until_now(directory)) == {directory / "app.py"}


def test_what_git_does_for_itself_is_not_noticed(directory):
    write(directory / "app.py", "committed")
    commit_all(directory)
    with watching(directory) as seen:
        git(directory, "commit", "--allow-empty", "-q", "-m", "nothing")
        git(directory, "gc", "-q")
        assert seen.until_now(directory) == []
