import os
import shutil
import threading
from dataclasses import replace

import pytest

from tests.reload.watching import (
    Seen,
    append,
    commit_all,
    git,
    save_as_vim_does,
    save_atomically,
    save_by_making_anew,
    subject,
    write,
)
from tests.waiting import wait_for
from vhlocal.errors import InputError
from vhlocal.reload.poller import Poller


@pytest.fixture
def directory(tmp_path):
    for path in ("project/app.py", "project/src/deep.py", "elsewhere/model.pkl"):
        write(tmp_path / path, "old")
    return tmp_path / "project"


@pytest.fixture
def seen(directory):
    """What is reported where a file is taken to be settled as soon as it is saved: each difference once."""
    seen = Seen()
    poller = Poller(
        subject(directory, directory.parent / "elsewhere/model.pkl", report=seen), shortest=0.01, settled=-1e9
    )
    poller.start()
    yield seen
    poller.stop()


EDITS = {
    "plain": lambda directory: write(directory / "app.py"),
    "append": lambda directory: append(directory / "src/deep.py"),
    "atomic": lambda directory: save_atomically(directory / "app.py"),
    "vim": lambda directory: save_as_vim_does(directory / "app.py"),
    "anew": lambda directory: save_by_making_anew(directory / "app.py", "old"),
    "mode": lambda directory: (directory / "app.py").chmod(0o755),
    "delete": lambda directory: (directory / "app.py").unlink(),
    "rename": lambda directory: (directory / "app.py").rename(directory / "main.py"),
    "link": lambda directory: (directory / "link").symlink_to("app.py"),
    "new": lambda directory: write(directory / "a/b/c/new.py"),
    "rename directory": lambda directory: (directory / "src").rename(directory / "lib"),
    "delete directory": lambda directory: shutil.rmtree(directory / "src"),
    "delete project": lambda directory: shutil.rmtree(directory),
    "replace project": lambda directory: (
        directory.rename(directory.parent / "old"),
        write(directory / "app.py", "old"),
    ),
    "chosen": lambda directory: save_atomically(directory.parent / "elsewhere/model.pkl"),
    "chosen deleted": lambda directory: (directory.parent / "elsewhere/model.pkl").unlink(),
    "repository": lambda directory: git(directory, "init", "-q"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_every_edit_is_noticed(directory, seen, edit):
    edit(directory)
    assert seen.take() is None


def test_an_edit_that_leaves_size_and_time_as_they_were_is_noticed(directory, seen):
    before = (directory / "app.py").stat()
    write(directory / "app.py", "new")
    os.utime(directory / "app.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert seen.take() is None


def looks(directory, **options):
    poller = Poller(subject(directory, report=None), **options)
    poller.look()
    return poller.look


def test_nothing_is_noticed_where_nothing_that_matters_changes(directory):
    git(directory, "init", "-q")
    write(directory / ".gitignore", "build/\n")
    write(directory / "build/a.o")
    commit_all(directory)
    look = looks(directory, settled=-1e9)
    append(directory / "build/a.o")
    append(directory.parent / "elsewhere/model.pkl")
    git(directory, "commit", "--allow-empty", "-m", "of git's own")
    assert not look()
    append(directory / "app.py")
    assert look()
    assert not look()


def test_a_file_saved_just_before_the_look_is_told_once_more(directory):
    """It may be saved again within one step of the file system's clock, and look the same."""
    look = looks(directory, settled=0.2)
    append(directory / "app.py")
    assert look()
    wait_for(look, "the file to be told again once it is settled")
    assert not look()


def test_a_failure_to_look_is_told_once_and_so_is_its_end(directory):
    failing = threading.Event()

    def unpackaged():
        if failing.is_set():
            raise InputError("git failed")
        return lambda _: False

    poller = Poller(replace(subject(directory, report=None), unpackaged=unpackaged), settled=-1e9)
    assert poller.look()
    assert not poller.look()
    failing.set()
    append(directory / "app.py")
    assert poller.look()
    assert poller.look()  # the edit was seen, then the failure
    assert not poller.look()
    failing.clear()
    assert poller.look()
    assert not poller.look()


def test_the_pause_grows_with_the_cost_of_a_look(directory):
    poller = Poller(subject(directory, report=None), shortest=0.0)
    poller.look()
    assert poller.pause > 0
