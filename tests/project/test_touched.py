"""Reading a package by what file events named gives what reading all of it gives, and looks at less."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.project.conftest import Project
from tests.project.edits import edit, edits
from vhlocal.project.package import read_package


def same(package, directory):
    whole = read_package(directory)
    assert package.files == whole.files
    assert list(package.files) == list(whole.files)
    assert package.revision == whole.revision


@pytest.mark.parametrize("is_repository", [True, False])
@settings(max_examples=100)
@given(data=st.data(), start=st.lists(edits, max_size=12), batches=st.lists(st.lists(edits, max_size=4), max_size=6))
def test_what_was_touched_suffices(is_repository, data, start, batches):
    with tempfile.TemporaryDirectory() as temporary:
        project = Project(Path(temporary).resolve() / "project")
        project.directory.mkdir()
        if is_repository:
            project.git("init", "-q", "-b", "main")
        for one in start:
            edit(project.directory, *one)
        if is_repository and data.draw(st.booleans(), label="tracked"):
            project.git("add", "-A")
        package = read_package(project.directory)
        for batch in batches:
            touched = set().union(*(edit(project.directory, *one) for one in batch))
            package = read_package(project.directory, package, touched)
            same(package, project.directory)


@pytest.fixture(params=["project", "repository"])
def read(request):
    """A project of a few files, and its package."""
    project = request.getfixturevalue(request.param)
    for path in ("app.py", "sub/mod.py", "sub/other.py"):
        project.write(path, "old")
    return project, read_package(project.directory)


def only_what_was_touched(project, package, *touched):
    """Tell whether an edit that is not named goes unseen, which shows that nothing else was looked at."""
    project.write("sub/other.py", "an edit that no event named")
    return read_package(project.directory, package, touched).files["sub/other.py"] is package.files["sub/other.py"]


@pytest.mark.parametrize("touched", ["app.py", "app.py~", "sub/.swap", "gone/with/all", ".env", ".vhlocal-probe-1"])
def test_nothing_else_is_looked_at(read, touched):
    project, package = read
    project.write("app.py", "new")
    project.write(".env", "x")
    assert only_what_was_touched(project, package, touched)
    assert read_package(project.directory, package, ["app.py"]).revision != package.revision


def test_a_file_that_is_gone_needs_nothing_else(read):
    project, package = read
    (project.directory / "app.py").unlink()
    assert only_what_was_touched(project, package, "app.py")
    assert "app.py" not in read_package(project.directory, package, ["app.py"]).files


@pytest.mark.parametrize("path", ["new.py", ".gitignore", "sub/.gitignore", ".vhignore", ".gitmodules"])
def test_what_may_change_which_files_are_packaged_needs_everything(read, path):
    project, package = read
    project.write(path)
    assert not only_what_was_touched(project, package, path)


@pytest.mark.parametrize("touched", ["sub", ".", ".git"])
def test_a_directory_needs_everything(read, touched):
    project, package = read
    assert not only_what_was_touched(project, package, touched)


def test_a_directory_that_is_gone_takes_its_files_with_it(read):
    project, package = read
    (project.directory / "sub").rename(project.directory.parent / "elsewhere")
    assert list(read_package(project.directory, package, ["sub"]).files) == ["app.py"]


def test_a_file_that_is_known_not_to_be_packaged_needs_nothing_the_next_time(read):
    """Such as a log that is written to without end."""
    project, _ = read
    project.write(".vhignore", "*.log\n")
    project.write("app.log", "1")
    package = read_package(project.directory)
    assert not only_what_was_touched(project, package, "app.log")
    package = read_package(project.directory, package, ["app.log"])
    project.write("app.log", "2")
    project.write("sub/other.py", "another edit")
    assert only_what_was_touched(project, package, "app.log")
    (project.directory / "app.log").unlink()
    project.write("app.log/mod.py")
    assert not only_what_was_touched(project, package, "app.log")
    project.write(".vhignore", "")
    assert "app.log/mod.py" in read_package(project.directory, package, [".vhignore"]).files


def test_the_links_to_what_was_touched_are_looked_at(read):
    project, _ = read
    (project.directory / "link.py").symlink_to("sub/mod.py")
    package = read_package(project.directory)
    assert "link.py" in package.files
    (project.directory / "sub/mod.py").unlink()
    package = read_package(project.directory, package, ["sub/mod.py"])
    assert list(package.files) == ["app.py", "sub/other.py"]
    project.write("sub/mod.py")
    package = read_package(project.directory, package, ["sub/mod.py"])
    assert list(package.files) == ["app.py", "link.py", "sub/mod.py", "sub/other.py"]


def test_a_file_of_two_names_changes_under_both(read):
    project, _ = read
    (project.directory / "twin.py").hardlink_to(project.directory / "app.py")
    package = read_package(project.directory)
    project.write("app.py", "new")
    same(read_package(project.directory, package, ["app.py"]), project.directory)


def test_a_tracked_file_behind_a_link_to_a_directory_changes_with_what_is_there(repository):
    repository.write("sub/mod.py", "tracked")
    repository.commit()
    (repository.directory / "sub").rename(repository.directory / "real")
    (repository.directory / "sub").symlink_to("real")
    package = read_package(repository.directory)
    assert list(package.files) == ["real/mod.py", "sub/mod.py"]
    repository.write("real/mod.py", "new")
    same(read_package(repository.directory, package, ["real/mod.py"]), repository.directory)


def test_a_link_may_lead_to_the_rules(project):
    project.write("app.py")
    project.write("a.log")
    project.write("rules", "")
    (project.directory / ".vhignore").symlink_to("rules")
    package = read_package(project.directory)
    project.write("rules", "*.log\n")
    assert list(read_package(project.directory, package, ["rules"]).files) == ["app.py", "rules"]


def test_a_file_that_is_none_any_more_is_absent(read):
    project, package = read
    (project.directory / "app.py").unlink()
    os.mkfifo(project.directory / "app.py")
    assert list(read_package(project.directory, package, ["app.py"]).files) == ["sub/mod.py", "sub/other.py"]
