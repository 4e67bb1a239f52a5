import shutil
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.reload.watching import (
    Seen,
    append,
    commit_all,
    git,
    save_as_vim_does,
    save_atomically,
    save_by_making_anew,
    watching,
    write,
)
from tests.waiting import wait_for
from vhlocal.reload.inotify_watch import InotifyEvents
from vhlocal.reload.watch import Watch


@pytest.fixture
def directory(tmp_path):
    for path in ("project/app.py", "project/src/deep.py", "project/src/inner/x.py", "elsewhere/model.pkl"):
        write(tmp_path / path, "old")
    return tmp_path / "project"


@pytest.fixture
def seen(directory):
    with watching(directory, directory.parent / "elsewhere/model.pkl") as seen:
        yield seen


SAVES = [lambda path: write(path), append, save_atomically, save_as_vim_does, save_by_making_anew]
SAVE_NAMES = ["plain", "append", "atomic", "vim", "anew"]


@pytest.mark.parametrize("path", ["project/app.py", "project/src/inner/x.py", "elsewhere/model.pkl"])
@pytest.mark.parametrize("save", SAVES, ids=SAVE_NAMES)
def test_a_save_is_noticed(directory, seen, save, path):
    file = directory.parent / path
    save(file)
    seen.until(file)
    append(file)
    seen.until(file)


def test_a_file_that_is_deleted_or_renamed_is_noticed_by_both_names(directory, seen):
    (directory / "app.py").rename(directory / "src/main.py")
    seen.until(directory / "app.py", directory / "src/main.py")
    (directory / "src/main.py").unlink()
    seen.until(directory / "src/main.py")


def test_a_file_that_is_being_written_is_reported_once_it_is_closed(directory):
    """A writer empties a file first, and may take a while to fill it."""
    with watching(directory, events=partial(InotifyEvents, to_close=600)) as seen:
        for file in (directory / "app.py", directory / "src" / "new.py"):
            with file.open("w") as writing:
                writing.write("half of it")
                writing.flush()
                file.chmod(0o600)
                assert file not in seen.until_now(directory)
            seen.until(file)
        (directory / "app.py").unlink()
        seen.until(directory / "app.py")


def test_a_file_that_is_kept_open_is_reported_all_the_same(directory):
    with (
        watching(directory, events=partial(InotifyEvents, to_close=0.01)) as seen,
        (directory / "app.py").open("a") as log,
    ):
        for _ in range(3):
            log.write("a line")
            log.flush()
            seen.until(directory / "app.py")


def test_what_comes_whole_is_reported_at_once(directory):
    with watching(directory, events=partial(InotifyEvents, to_close=600)) as seen:
        (directory / "link").symlink_to("app.py")
        (directory / "second.py").hardlink_to(directory / "app.py")
        (directory / "src" / "deep.py").rename(directory / "moved.py")
        seen.until(directory / "link", directory / "second.py", directory / "moved.py")


def test_that_a_file_can_be_executed_is_noticed(directory):
    with watching(directory) as seen:
        (directory / "app.py").chmod(0o755)
        seen.until(directory / "app.py")


def test_a_link_and_its_new_target_are_noticed(directory, seen):
    link = directory / "link.py"
    link.symlink_to("app.py")
    seen.until(link)
    new = directory / "link.new"
    new.symlink_to("src/deep.py")
    new.replace(link)
    seen.until(link)


def test_a_link_to_a_directory_is_noticed_and_not_what_is_behind_it(directory, seen):
    """The package has links to files, and nothing of what is behind a link to a directory."""
    write(directory.parent / "behind/mod.py")
    (directory / "link").symlink_to(directory.parent / "behind")
    seen.until(directory / "link")
    write(directory.parent / "behind/mod.py", "newer")
    assert not [path for path in seen.until_now(directory) if path.name == "mod.py"]


def test_directories_made_and_filled_at_once_are_noticed_and_watched(directory, seen):
    write(directory / "a/b/c/new.py")
    seen.until(directory / "a")
    # Until the others are watched, what is told of them is that they are new.
    seen.until_now(directory)
    append(directory / "a/b/c/new.py")
    seen.until(directory / "a/b/c/new.py")


def test_a_renamed_directory_is_noticed_and_watched_by_its_new_name(directory, seen):
    (directory / "src").rename(directory / "lib")
    seen.until(directory / "src", directory / "lib")
    append(directory / "lib/inner/x.py")
    seen.until(directory / "lib/inner/x.py")


def test_a_directory_moved_into_one_just_made_is_still_watched(directory):
    """The watch of what was moved goes by its new name, whichever is learnt first. (Watchdog's thread would die.)"""
    with watching(directory) as seen:
        (directory / "new").mkdir()
        (directory / "src").rename(directory / "new/src")
        seen.until(directory / "new", directory / "src")
        seen.until_now(directory)
        append(directory / "new/src/inner/x.py")
        seen.until(directory / "new/src/inner/x.py")


def test_a_directory_moved_out_is_not_watched_any_more(directory):
    outside = directory.parent / "outside"
    with watching(directory) as seen:
        (directory / "src").rename(outside)
        assert seen.until_now(directory) == [directory / "src"]
        append(outside / "deep.py")
        assert seen.until_now(directory) == []


def test_a_directory_moved_in_is_watched(directory, seen):
    write(directory.parent / "outside/inner/x.py")
    (directory.parent / "outside").rename(directory / "in")
    seen.until(directory / "in")
    append(directory / "in/inner/x.py")
    seen.until(directory / "in/inner/x.py")


def test_a_directory_deleted_and_made_again_is_watched(directory, seen):
    shutil.rmtree(directory / "src")
    seen.until(directory / "src")
    write(directory / "src/deep.py")
    seen.until(directory / "src")
    append(directory / "src/deep.py")
    seen.until(directory / "src/deep.py")


def test_a_project_deleted_and_made_again_is_anything_and_watched(directory):
    with watching(directory) as seen:
        shutil.rmtree(directory)
        write(directory / "src/new.py")
        seen.until(None)
        seen.until_noticed(directory / "src/new.py")


def test_a_project_with_another_in_its_place_is_anything_and_watched(directory):
    former, other = directory.parent / "former", directory.parent / "other"
    write(other / "src/deep.py")
    with watching(directory) as seen:
        directory.rename(former)
        other.rename(directory)
        seen.until(None)
        seen.until_noticed(directory / "src/deep.py")
        seen.until_now(directory)
        append(former / "src/deep.py")
        assert seen.until_now(directory) == []


def test_a_project_that_is_absent_for_a_while_is_watched_when_it_is_there_again(directory):
    with watching(directory) as seen:
        shutil.rmtree(directory)
        seen.until(None)
        write(directory / "src/new.py")
        seen.until(None)
        seen.until_noticed(directory / "src/new.py")


def test_a_directory_of_a_chosen_file_deleted_and_made_again_is_watched(directory, seen):
    model = directory.parent / "elsewhere/model.pkl"
    shutil.rmtree(model.parent)
    seen.until(model)
    write(model)
    seen.until(None)
    seen.until_noticed(model)


def test_of_a_directory_elsewhere_the_chosen_file_alone_counts(directory, seen):
    write(directory.parent / "elsewhere/other.pkl")
    assert seen.until_now(directory) == []


def test_the_target_of_a_chosen_link_counts_and_so_does_its_next(directory):
    elsewhere = directory.parent / "elsewhere"
    link, following = elsewhere / "latest.pkl", write(elsewhere / "more/next.pkl")
    link.symlink_to("model.pkl")
    with watching(directory, link) as seen:
        append(elsewhere / "model.pkl")
        seen.until(link)
        (elsewhere / "new").symlink_to("more/next.pkl")
        (elsewhere / "new").replace(link)
        seen.until(link)
        seen.until_now(directory)
        wait_for(lambda: append(following) or not seen.queue.empty(), "the new target to be watched")
        seen.until(link)


def test_a_chosen_file_in_an_ignored_directory_counts(directory):
    model = write(directory / "models/model.pkl")
    write(directory / ".gitignore", "models/\n")
    with watching(directory, model) as seen:
        write(directory / "models/other.pkl")
        assert seen.until_now(directory) == []
        save_atomically(model)
        seen.until(model)


@pytest.fixture
def repository(directory):
    git(directory, "init", "-q", "-b", "main")
    write(directory / ".gitignore", "build/\n*.pyc\n/models/\n")
    commit_all(directory)
    return directory


def watched():
    """Return how many inotify watches this process has."""
    return sum(
        line.startswith("inotify ") for info in Path("/proc/self/fdinfo").iterdir() for line in read(info).splitlines()
    )


def read(path):
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


IGNORED = [
    ".git/x",
    ".venv/lib/a.py",
    ".tox/a",
    "build/deep/a.o",
    "src/build/a.o",
    "src/__pycache__/app.pyc",
    "docs/a/b",
]


@pytest.mark.parametrize("there", [True, False], ids=["there", "new"])
def test_what_cannot_be_packaged_is_neither_noticed_nor_watched(repository, there):
    write(repository / ".vhignore", "/docs/\n")
    if there:
        for path in IGNORED:
            write(repository / path)
    before = watched()
    with watching(repository) as seen:
        for path in IGNORED:
            write(repository / path)
        noticed = seen.until_now(repository)
        if there:
            assert noticed == []
        wait_for(lambda: watched() - before == 3, "the watches to be of the project, src and src/inner alone")
        for path in IGNORED:
            append(repository / path)
        assert seen.until_now(repository) == []


def test_what_is_no_longer_ignored_is_noticed_and_watched(repository):
    write(repository / "build/deep/a.py")
    with watching(repository) as seen:
        write(repository / ".gitignore", "")
        seen.until(repository / ".gitignore", repository / "build", repository / "build/deep")
        append(repository / "build/deep/a.py")
        seen.until(repository / "build/deep/a.py")


def test_a_new_cache_that_is_packaged_is_noticed(directory):
    """Nothing ignores it here: it is passed over until that is asked, and then told."""
    with watching(directory) as seen:
        write(directory / "src/__pycache__/app.pyc")
        seen.until(directory / "src/__pycache__")
        append(directory / "src/__pycache__/app.pyc")
        seen.until(directory / "src/__pycache__/app.pyc")


def test_a_virtual_environment_made_meanwhile_is_let_alone_once_it_is_known(repository):
    before = watched()
    with watching(repository) as seen:
        write(repository / "env/lib/a.py")
        seen.until(repository / "env")
        write(repository / "env/.gitignore", "# Created by venv\n*\n")
        write(repository / "env/pyvenv.cfg")
        wait_for(lambda: watched() - before == 3, "the watches of env to be given back")
        seen.until_now(repository)
        append(repository / "env/lib/a.py")
        assert seen.until_now(repository) == []


def test_that_the_project_becomes_a_repository_is_noticed_and_that_it_is_none_any_more(directory, seen):
    git(directory, "init", "-q")
    seen.until(directory / ".git")
    write(directory / ".git/info/x")
    assert directory / ".git/info/x" not in seen.until_now(directory)
    shutil.rmtree(directory / ".git")
    seen.until(directory / ".git")


def test_an_environment_of_thousands_of_directories_takes_no_watches(repository):
    for number in range(3000):
        (repository / f".venv/lib/package{number % 100}/{number}").mkdir(parents=True)
    before = watched()
    with watching(repository):
        assert watched() - before == 3


def test_reading_a_file_is_no_event(directory):
    with watching(directory) as seen:
        (directory / "app.py").read_text()
        list(directory.iterdir())
        assert seen.until_now(directory) == []


def test_lost_events_are_anything_and_what_was_made_meanwhile_is_watched(directory):
    """The kernel keeps no more than max_queued_events; ours are held up while more happen than that."""
    held, go_on = threading.Event(), threading.Event()
    seen = Seen()

    def hold_up(path):
        held.set()
        assert go_on.wait(60)
        seen(path)

    watch = Watch(directory, [], hold_up)
    assert watch.start() is None
    append(directory / "app.py")
    assert held.wait(60)
    one, two = directory / "app.py", directory / "two.py"
    for _ in range(int(Path("/proc/sys/fs/inotify/max_queued_events").read_text()) // 4 + 1):
        one.rename(two)
        two.rename(one)
    write(directory / "made/meanwhile/mod.py")
    go_on.set()
    seen.until(None)
    append(directory / "made/meanwhile/mod.py")
    seen.until(directory / "made/meanwhile/mod.py")
    watch.stop()


def test_nothing_is_reported_after_the_stop(directory):
    with watching(directory) as seen:
        pass
    append(directory / "app.py")
    assert seen.queue.empty()
    assert not [thread for thread in threading.enumerate() if thread.name in {"file events", "polling"}]
