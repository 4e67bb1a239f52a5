"""Every path that a project's files may hold, made up: what is used of it is inside, or it is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vhlocal.errors import InputError, VhlocalError
from vhlocal.project.config import load_config
from vhlocal.project.settings import load_settings
from vhlocal.project.trust import UntrustedError

NAMES = "..", ".", "", "inside", "out", "deep", "file", "~", "~root", "~nobody-here", "etc", "\0", "\n", " ", "a:b"
PARTS = st.lists(st.sampled_from(NAMES) | st.text(max_size=4), max_size=6)
PATHS = st.builds(lambda begin, parts: begin + "/".join(parts), st.sampled_from(["", "/", "//"]), PARTS)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A project with a file, directories, and links that lead out of it."""
    base = tmp_path_factory.mktemp("paths")
    project = base / "project"
    (project / "inside" / "deep").mkdir(parents=True)
    for place in (project / "file", project / "inside" / "file", base / "file"):
        place.write_text("A=1\n")
    (project / "out").symlink_to(base)
    (project / "inside" / "out").symlink_to("/etc")
    return project


def is_inside(path: Path, directory: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(directory)


def outcome(directory: Path, yaml: dict):
    (directory / "vhlocal.yaml").write_text(json.dumps(yaml))
    try:
        names = {"owner": "acme", "project": "words"}  # so that git is not asked for them, each time
        return load_settings(directory, names, environ={"HOME": str(directory.parent)})
    except UntrustedError as error:
        assert all(not is_inside(each.path, directory) for each in error.outside)
    except InputError as error:
        assert error.message
    return None


@settings(max_examples=100, derandomize=True)
@given(path=PATHS)
def test_no_path_of_the_settings_leads_out(directory, path):
    quoted = json.dumps(path)
    for yaml in (
        {"env-file": path},
        {"access-log": path},
        {"smoke": path},
        {"files": {"web.model": path}},
        {"warm-up": {"web": f"POST /predict {quoted}"}},
        {"warm-up": {"web": f"/predict {quoted}"}},
        {"basic-auth": {"ada": f"file:{path}"}},
        {"variables": {"TOKEN": f"file:{path}"}},
    ):
        found = outcome(directory, yaml)
        if found is None:
            continue
        used = [found.env_file, found.access_log, found.smoke, *found.files.values()]
        assert all(is_inside(each, directory) for each in used if each is not None), path


ENDPOINT = "- endpoint:\n    name: web\n    image: python:3.13-slim\n    wsgi: web:app\n"


@settings(max_examples=100, derandomize=True)
@given(path=PATHS)
def test_no_path_of_valohai_yaml_leads_out_of_the_code_or_of_a_volume(directory, path):
    quoted = json.dumps(path)
    files = f"    files:\n      - name: model\n        description: x\n        path: {quoted}\n"
    volumes = f"    shared-volumes:\n      - pvc-name: {quoted}\n        mount-path: /data\n"
    within = f"    shared-volumes:\n      - pvc-name: claim\n        mount-path: /data\n        sub-path: {quoted}\n"
    for more in (files, volumes, within):
        (directory / "valohai.yaml").write_text(ENDPOINT + more)
        try:
            [endpoint] = load_config(directory).endpoints
        except VhlocalError as error:
            assert error.message
            continue
        places = [directory / entry.path for entry in endpoint.files]
        places += [directory / volume.claim / (volume.sub_path or "") for volume in endpoint.shared_volumes]
        for place in places:
            assert Path(os.path.normpath(place)).is_relative_to(directory), (more, place)
