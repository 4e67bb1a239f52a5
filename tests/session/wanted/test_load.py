"""A project as a run reads it: what settings do to it, and the commits that are served beside it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.project.conftest import Project
from vhlocal.errors import BuildError, InputError
from vhlocal.model import Place, Version
from vhlocal.project.settings import load_settings
from vhlocal.session.wanted.desired import desired
from vhlocal.session.wanted.load import Asked, loader, read_versions

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


def layer_of(project):
    (wanted,) = desired(load(project), str)
    (layer,) = wanted.environment.layers
    return layer, {entry.path.removeprefix("/valohai/code/"): entry for entry in layer.entries}


def test_b2_requirements_that_are_saved_before_they_are_installed_do_not_get_the_tag_of_what_was_read(repository):
    """A layer is kept by its tag for every later run."""
    repository.write("requirements.txt", "-r more.txt\n")
    repository.write("more.txt", "six\n")
    repository.commit("requirements")
    layer, entries = layer_of(repository)
    repository.write("more.txt", "numpy\n")
    assert [entries[path].content for path in ("requirements.txt", "more.txt")] == [b"-r more.txt\n", b"six\n"]
    layer.check_sources()
    repository.write("requirements.txt", "-e .\n")
    repository.write("pyproject.toml", "[project]\nname = 'own'\nversion = '1'\n")
    repository.commit("a package")
    layer, _ = layer_of(repository)
    repository.write("server.py", "2")  # of an editable install no code counts
    layer.check_sources()
    repository.write("pyproject.toml", "[project]\nname = 'own'\nversion = '2'\n")
    with pytest.raises(BuildError, match=r"pyproject\.toml was saved while"):
        layer.check_sources()


def versions(project, yaml="", **flags):
    project.write("vhlocal.yaml", yaml)
    return read_versions(project.directory, load_settings(project.directory, flags, environ={}))


def test_k10_the_commits_to_serve_are_found_before_anything_is_built(repository):
    repository.commit("first")
    repository.git("tag", "v1")
    found = versions(repository, "versions:\n  old: v1 prod\n", versions=("new=HEAD",))
    assert sorted(found, key=lambda each: each.name) == [Asked("HEAD", "new"), Asked("v1", "old", ("prod",))]


@pytest.mark.parametrize(
    ("ref", "said", "hint"),
    [
        ("relase", 'there is no commit "relase"', "did you mean `release`?"),
        ("HEAD:server.py", '"HEAD:server.py" is a file', "name the commit that has it: HEAD"),
        ("--all", '"--all" cannot name a commit', "name a branch, a tag or a commit's hash"),
    ],
)
def test_k10_a_ref_that_is_no_commit_is_told_before_anything_is_built_with_its_place(repository, ref, said, hint):
    repository.commit("first")
    repository.git("tag", "release")
    with pytest.raises(InputError) as refused:
        versions(repository, f"port: 0\nversions:\n  fine: release\n  old: {ref} prod\n")
    error = refused.value
    assert error.message.startswith(said)
    assert error.message.endswith(": old cannot be served (vhlocal.yaml:4)")
    assert (str(error.place), error.hint) == (f"{repository.directory}/vhlocal.yaml:4:8", hint)
    with pytest.raises(InputError) as refused:
        versions(repository, versions=(f"old={ref} prod",))
    error = refused.value
    assert error.message.endswith(": old cannot be served (flag --with-version)")
    assert (error.place, error.hint) == (None, hint)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("- endpoint:\n    name: web\n    image: python:3.11-slim\n    wsgi: [a\n", ":5:1", "not valid YAML"),
        ("- endpoint:\n    name: web\n    image: python:3.11-slim\n    port: 80\n    wsgi: a\n", ":4:11", "port"),
        ("- step: {}\n", "", "has no endpoint"),
        (None, "", "has no valohai.yaml"),
    ],
)
def test_k10_what_is_wrong_with_a_commits_own_yaml_is_told_before_anything_is_built(repository, text, place, said):
    sound = (repository.directory / "valohai.yaml").read_text()
    if text is None:
        (repository.directory / "valohai.yaml").unlink()
    else:
        repository.write("valohai.yaml", text)
    repository.commit("broken")
    repository.git("tag", "old")
    repository.write("valohai.yaml", sound)
    with pytest.raises(InputError) as refused:
        versions(repository, "versions:\n  former: old\n")
    error = refused.value
    assert said in error.message
    assert error.message.endswith(": former cannot be served (vhlocal.yaml:2)")
    assert str(error.place) == f"old:valohai.yaml{place}"


def test_k10_versions_of_a_project_without_a_commit_are_told_with_how_to_make_one(repository):
    with pytest.raises(InputError, match="has no commit yet: old cannot be served") as refused:
        versions(repository, "versions: {old: HEAD}\n")
    assert refused.value.hint == "make one: git add -A && git commit -m first"


def test_k10_a_place_in_a_commits_files_is_told_as_git_names_it(repository):
    repository.git("add", "valohai.yaml")
    inputs = load(repository)
    place, beside = Place(inputs.package.directory / "part" / "server.py", 3, 5), Place(Path("/etc/hosts"), 1)
    assert inputs.named(place) == place
    for name in ("v1:", "v1:services/words/"):
        frozen = replace(inputs, frozen=name)
        assert frozen.named(place) == Place(Path(f"{name}part/server.py"), 3, 5)
        assert frozen.named(frozen.named(place)) == frozen.named(place)
        assert frozen.named(beside) == beside
