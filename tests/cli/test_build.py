"""``vhlocal build`` makes an image that serves by itself, and nothing of the host's network is left in it."""

from __future__ import annotations

import contextlib
import json

import pytest
import requests
from docker.errors import ImageNotFound

from tests.cli.projects import PLAIN, plain
from tests.engine_fixtures import containers_of
from tests.waiting import wait_for

FILES = "    files:\n      - name: model\n        path: models/model.pkl\n"
SECRET = "https://user:secret-of-the-index@127.0.0.1:9/simple"


@pytest.fixture
def built(vhlocal, engine, base_image):
    """Build a project and return its image's tag; the image and the layer below it go after the test."""
    tags: list[str] = []

    def build(directory, *arguments, environment=None) -> str:
        done = vhlocal("build", "-C", str(directory), *arguments, environment=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert containers_of(engine, directory) == []
        tags.extend(done.stdout.split())
        return tags[-1]

    yield build
    for tag in tags:
        with contextlib.suppress(ImageNotFound):
            parent = engine.images.get(engine.images.get(tag).labels["vhlocal.parent"])
            engine.images.remove(tag, force=True)
            if parent.labels.get("vhlocal.kind") == "layer":
                engine.images.remove(parent.id, force=True)


def answered(url: str) -> str:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(url, timeout=60).text
    return ""


def test_a_built_image_serves_by_itself_with_its_files(project, built, engine, tmp_path):
    """B1, B4: the whole artifact that production would make, the chosen files included."""
    model = tmp_path / "chosen.bin"
    model.write_text("the model")
    tag = built(project(plain(FILES)), "--file", f"plain.model={model}", "--version-name", "v1")
    assert tag == "vhlocal/project/plain:v1"
    container = engine.containers.run(tag, detach=True)
    try:
        assert container.exec_run(["cat", "/valohai/code/models/model.pkl"]).output == b"the model"
        container.reload()
        address = next(iter(container.attrs["NetworkSettings"]["Networks"].values()))["IPAddress"]
        assert wait_for(lambda: answered(f"http://{address}:8000/a//b"), "the image to serve") == "/a//b"
    finally:
        container.remove(force=True, v=True)


def test_the_hosts_network_settings_are_not_in_the_image(project, built, engine, one_off):
    """B2: the host's package index, with its password, is in neither the image's settings nor its history."""
    tag = built(project(PLAIN | one_off), environment={"PIP_EXTRA_INDEX_URL": SECRET, "PIP_NO_INDEX": "1"})
    image = engine.images.get(tag)
    told = json.dumps([image.attrs, image.history()])
    assert "secret-of-the-index" not in told
    assert "PIP_" not in told
    assert "ca.pem" not in told
