"""What is removed under a run, an image or an environment, is made again when the next server is made in it."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

import pytest
import requests

from tests.cli.projects import plain
from tests.command import READY_SECONDS
from tests.waiting import wait_for

AGAIN = "was removed: making it again"


@pytest.fixture
def files(vhlocal, engine):
    """A project whose server imports what its requirements install; its image goes after the test."""
    name = f"there{secrets.token_hex(4)}"
    setup = f"import setuptools\nsetuptools.setup(name={name!r}, py_modules=[{name!r}])\n"
    server = plain()["server.py"].replace("import http.server", f"import {name}\nimport http.server")
    more = {"server.py": server, "requirements.txt": "./local\n", "local/setup.py": setup, f"local/{name}.py": ""}
    yield plain() | more
    for image in engine.images.list(filters={"label": f"vhlocal.owner={identity(vhlocal)}"}):
        engine.images.remove(image.id, force=True)


def identity(vhlocal) -> str:
    """Return what images of this test's user are known by; nothing's where no image was made."""
    file = Path(vhlocal.environment["XDG_STATE_HOME"], "vhlocal", "identity")
    return file.read_text() if file.exists() else "nobody"


def remove_images(vhlocal, engine) -> None:
    for image in engine.images.list(filters={"label": f"vhlocal.owner={identity(vhlocal)}"}):
        engine.images.remove(image.tags[0], force=True)


def crash(url: str) -> None:
    with pytest.raises(requests.RequestException):
        requests.get(f"{url}exit", timeout=60).raise_for_status()


def answers(url: str) -> bool:
    return requests.get(f"{url}said", timeout=60).status_code == 200


def edit(directory: Path, text: str) -> None:
    changed = (directory / "server.py").read_text().replace("else self.path", f"else {text!r}")
    (directory / "server.py").write_text(changed)


def test_an_image_that_is_removed_is_made_again_for_a_replacement(project, files, starting, vhlocal, engine):
    directory = project(files)
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
        url = run.url("plain")
        remove_images(vhlocal, engine)
        yaml = directory / "valohai.yaml"
        yaml.write_text(yaml.read_text().replace("python server.py", "TEST_HOST=0.0.0.0 python server.py"))
        run.wait_for_output(AGAIN)
        run.wait_for_output("(replace)")
        assert answers(url)
        assert run.output().count(AGAIN) == 1


def test_an_image_that_is_removed_does_not_keep_a_crashed_server_away(project, files, starting, vhlocal, engine):
    directory = project(files)
    with starting(directory, "--port", "0") as run:
        run.wait_for_state("ready")
        url = run.url("plain")
        remove_images(vhlocal, engine)
        crash(url)
        run.wait_for_output(AGAIN)
        wait_for(lambda: answers(url), "the server that is started again", READY_SECONDS)


@pytest.mark.parametrize("removed", ["environments", "servers", ""], ids=["environments", "servers", "the whole cache"])
def test_as_processes_what_is_removed_is_made_again_after_a_crash(project, files, starting, tmp_path, removed):
    cache = tmp_path / "own-cache"
    environment = {"XDG_CACHE_HOME": str(cache)}
    with starting(project(files), "--port", "0", "--runtime", "process", environment=environment) as run:
        run.wait_for_state("ready")
        url = run.url("plain")
        shutil.rmtree(cache / "vhlocal" / removed)
        crash(url)
        wait_for(lambda: answers(url), "the server that is started again", READY_SECONDS)
        assert (AGAIN in run.output()) == (removed != "servers")
        assert "Traceback" not in run.output()


def test_as_processes_an_edit_is_brought_in_though_the_environment_is_removed(project, files, starting, tmp_path):
    cache = tmp_path / "own-cache"
    directory = project(files)
    environment = {"XDG_CACHE_HOME": str(cache)}
    with starting(directory, "--port", "0", "--runtime", "process", environment=environment) as run:
        run.wait_for_state("ready")
        url = run.url("plain")
        shutil.rmtree(cache / "vhlocal" / "environments")
        (directory / "server.py").write_text("import zoneinfo, xmlrpc.server\n" + (directory / "server.py").read_text())
        edit(directory, "new")
        wait_for(lambda: requests.get(f"{url}said", timeout=60).text == "new", "the edit")


def test_a_run_whose_project_was_moved_is_still_shown_and_ended(project, starting, vhlocal, tmp_path):
    directory = project(plain())
    with starting(directory) as run:
        run.wait_for_state("ready")
        directory.rename(tmp_path / "moved")
        url = run.url("plain").rstrip("/")
        gateway = url[: url.index("/", len("http://"))]
        assert url in vhlocal("ps", "-C", str(directory)).stdout
        assert vhlocal("down", "-C", str(directory)).stdout == f"Stopped the run at {gateway}\n"
    done = vhlocal("down", "-C", str(directory))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"there is no directory {directory}" in done.stderr
