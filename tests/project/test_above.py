"""Which project a directory is in. Code of what is found is run: nobody else's may be."""

from __future__ import annotations

import os

import pytest

from vhlocal.project.above import find_project


@pytest.fixture
def inner(tmp_path):
    """A directory two levels below a project."""
    (tmp_path / "project" / "src" / "api").mkdir(parents=True)
    (tmp_path / "project" / "valohai.yaml").touch()
    return tmp_path / "project" / "src" / "api"


def test_the_nearest_directory_with_a_valohai_yaml_is_found(inner, tmp_path):
    assert find_project(tmp_path / "project") == tmp_path / "project"
    assert find_project(inner) == tmp_path / "project"
    (inner.parent / "valohai.yaml").touch()
    assert find_project(inner) == inner.parent


def test_a_project_that_counts_for_another_reason_is_found_first(inner):
    assert find_project(inner, lambda directory: directory == inner.parent) == inner.parent


def test_what_is_above_a_repository_is_another_project(inner):
    (inner / ".git").mkdir()
    assert find_project(inner) is None
    (inner / ".git").rmdir()
    (inner.parent / ".git").touch()  # as of a submodule or a worktree
    assert find_project(inner) is None


def test_the_root_of_a_repository_is_looked_at(inner, tmp_path):
    (tmp_path / "project" / ".git").mkdir()
    assert find_project(inner) == tmp_path / "project"


def test_nothing_above_the_home_directory_is_looked_at(inner, monkeypatch):
    monkeypatch.setenv("HOME", str(inner.parent))
    assert find_project(inner) is None


@pytest.mark.parametrize("path", ["", "valohai.yaml", "src"])
def test_what_everyone_may_write_to_is_not_passed(inner, tmp_path, path):
    place = tmp_path / "project" / path
    place.chmod(0o777)
    assert find_project(inner) is None
    assert find_project(tmp_path / "project") == tmp_path / "project"


@pytest.mark.parametrize("path", ["", "valohai.yaml", "src"])
def test_what_somebody_else_owns_is_not_passed(inner, tmp_path, path, monkeypatch):
    if os.geteuid() == 0:
        os.chown(tmp_path / "project" / path, 12345, -1)
    else:
        stranger = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: stranger + 1)
    assert find_project(inner) is None


def test_without_any_there_is_none(tmp_path):
    assert find_project(tmp_path) is None
