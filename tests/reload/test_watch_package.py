"""What the watch names is enough to keep the package as it is on disk: the two ends of a save, together."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.project.edits import edit, edits
from tests.reload.watching import git, watching
from tests.waiting import wait_for
from vhlocal.project.package import read_package

# An event names a file by the path that was used: one written by its other name in an ignored directory goes unseen.
seen_edits = edits.filter(lambda one: one[0] != "name")


class Follower:
    """Keeps a package up to date by events."""

    def __init__(self, directory, seen):
        self.directory, self.seen = directory, seen
        self.package = read_package(directory)

    def is_up_to_date(self):
        reported = self.seen.until_now(self.directory)
        touched = None if None in reported else {path.relative_to(self.directory).as_posix() for path in reported}
        self.package = read_package(self.directory, self.package, touched)
        return self.package == read_package(self.directory)


@pytest.mark.parametrize("is_repository", [True, False])
@settings(max_examples=40)
@given(start=st.lists(seen_edits, max_size=12), batches=st.lists(st.lists(seen_edits, max_size=5), max_size=6))
def test_a_package_that_follows_the_events_is_that_on_disk(is_repository, start, batches):
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary).resolve() / "project"
        directory.mkdir()
        if is_repository:
            git(directory, "init", "-q", "-b", "main")
        for one in start:
            edit(directory, *one)
        with watching(directory) as seen:
            follower = Follower(directory, seen)
            for batch in batches:
                for one in batch:
                    edit(directory, *one)
                # At once but for what was just now ignored: that is watched after a second.
                wait_for(follower.is_up_to_date, "the package to be that on disk", 20)
