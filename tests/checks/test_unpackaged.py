"""Why a file that is there is in no package."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from vhlocal.checks.unpackaged import why_unpackaged
from vhlocal.project.package import read_package

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path) -> Path:
    (tmp_path / ".vhignore").write_text("ignored.py\n")
    (tmp_path / "server.py").touch()
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("ignored.py", "it is ignored by git or .vhignore"),
        ("untracked.py", "git does not track it, and `include-untracked` is false"),
        ("own.txt", "this run writes it, so it is not packaged"),
        (".hidden.py", "an ad hoc package leaves out top-level names that begin with a dot"),
    ],
)
def test_b5_each_reason_is_told_as_what_it_is(repository, path, reason):
    (repository / path).touch()
    package = read_package(repository, left_out=frozenset({"own.txt"}), include_untracked=path != "untracked.py")
    assert path not in package.files
    assert why_unpackaged(path, package).reason == reason


def test_b5_a_file_that_came_after_the_reading_is_not_called_ignored(repository):
    """As one is that a slow save takes away for a moment."""
    package = read_package(repository)
    (repository / "later.py").touch()
    assert why_unpackaged("later.py", package).reason == "it was created after the project was read"
