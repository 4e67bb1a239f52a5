"""The source of macOS and Windows, tested with watchdog's observer of this system.

Without what Linux's does not bear: its thread may die of directories that are made in quick succession.
"""

import pytest

from tests.reload.watching import (
    append,
    commit_all,
    git,
    save_as_vim_does,
    save_atomically,
    save_by_making_anew,
    watching,
    write,
)
from vhlocal.reload.watchdog_watch import WatchdogEvents


@pytest.fixture
def directory(tmp_path):
    for path in ("project/app.py", "project/src/deep.py", "project/build/a.o", "elsewhere/model.pkl"):
        write(tmp_path / path, "old")
    directory = tmp_path / "project"
    write(directory / ".gitignore", "build/\n")
    git(directory, "init", "-q", "-b", "main")
    commit_all(directory)
    return directory


@pytest.fixture
def seen(directory):
    with watching(directory, directory.parent / "elsewhere/model.pkl", events=WatchdogEvents) as seen:
        yield seen


@pytest.mark.parametrize("path", ["project/app.py", "project/src/deep.py", "elsewhere/model.pkl"])
@pytest.mark.parametrize("save", [write, append, save_atomically, save_as_vim_does, save_by_making_anew])
def test_a_save_is_noticed(directory, seen, save, path):
    save(directory.parent / path)
    seen.until(directory.parent / path)


def test_a_renamed_and_a_deleted_file_are_noticed(directory, seen):
    (directory / "app.py").rename(directory / "src/main.py")
    seen.until(directory / "app.py", directory / "src/main.py")
    (directory / "src/main.py").unlink()
    seen.until(directory / "src/main.py")


def test_what_cannot_be_packaged_is_not_noticed_and_neither_are_neighbours_of_a_chosen_file(directory, seen):
    append(directory / "build/a.o")
    append(directory / ".git/description")
    write(directory.parent / "elsewhere/other.pkl")
    assert seen.until_now(directory) == []


def test_what_is_no_longer_ignored_is_noticed(directory, seen):
    write(directory / ".gitignore", "")
    seen.until(directory / ".gitignore")
    seen.until_noticed(directory / "build/a.o")


def test_a_new_cache_that_is_packaged_is_told_once_that_is_known(directory, seen):
    write(directory / "src/__pycache__/app.pyc")
    seen.until(None)
    append(directory / "src/__pycache__/app.pyc")
    seen.until(directory / "src/__pycache__/app.pyc")


def test_a_project_with_another_in_its_place_is_anything_and_watched(directory, seen):
    write(directory.parent / "other/src/deep.py")
    directory.rename(directory.parent / "former")
    (directory.parent / "other").rename(directory)
    seen.until(None)
    seen.until_noticed(directory / "src/deep.py")
    seen.until_now(directory)
    append(directory.parent / "former/src/deep.py")
    assert seen.until_now(directory) == []


def test_where_there_is_no_directory_events_are_refused(tmp_path):
    """Polling takes over, and finds it once it is there."""
    with watching(tmp_path / "absent", events=WatchdogEvents, expected=False) as seen:
        write(tmp_path / "absent/app.py")
        seen.until(None)
