"""A project as a run reads it: what the setting of untracked files does to it."""

from __future__ import annotations

from functools import partial

import pytest

from tests.project.conftest import Project
from vhlocal.errors import InputError
from vhlocal.model import Version
from vhlocal.project.settings import load_settings
from vhlocal.session.wanted.load import loader

YAML = """\
- endpoint:
    name: greet
    image: python:3.11-slim
    server-command: python server.py
"""


@pytest.fixture
def repository(tmp_path):
    project = Project(tmp_path)
    project.git("init", "-q")
    project.write("valohai.yaml", YAML)
    project.write("server.py", "1")
    return project


def load(project, *arguments):
    settings = partial(load_settings, project.directory, {"include_untracked": False}, environ={})
    return loader(project.directory, (), settings, Version("o", "p", "d", "1"))("http://x", *arguments).inputs


def test_only_what_git_tracks_is_served_before_and_after_an_edit(repository):
    """B5: `include-untracked: false`."""
    repository.git("add", "valohai.yaml", "server.py")
    repository.write("new.py", "1")
    first = load(repository)
    assert list(first.package.files) == ["server.py", "valohai.yaml"]
    touched = {repository.write("server.py", "2"), repository.write("newer.py", "1")}
    assert list(load(repository, first, frozenset(touched)).package.files) == ["server.py", "valohai.yaml"]


def test_a_valohai_yaml_that_git_does_not_track_is_refused_as_by_the_client(repository):
    """B5: the platform would get none."""
    with pytest.raises(InputError, match="would not be packaged: git does not track it") as refused:
        load(repository)
    assert refused.value.place.file == repository.directory / "valohai.yaml"
    assert refused.value.hint == "git add valohai.yaml, or set include-untracked to true"
