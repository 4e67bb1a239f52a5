"""The page in a browser: the browser is a script that keeps what it was started with."""

from __future__ import annotations

import pytest
import requests

from tests.cli.projects import plain
from tests.command import Running
from tests.waiting import free_port, wait_for


@pytest.fixture
def browser(tmp_path, vhlocal):
    """Return what tells the address that the browser was started with last."""
    kept, script = tmp_path / "address", tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > {kept}.new && mv {kept}.new {kept}\n')
    script.chmod(0o755)
    vhlocal.environment["BROWSER"] = str(script)

    def address() -> str:
        wait_for(kept.exists, "the browser to be started")
        told = kept.read_text()
        kept.unlink()
        return told

    return address


@pytest.fixture
def run(vhlocal, project, tmp_path, browser):
    arguments = ("--runtime", "process", "--no-reload", "--open")
    started = Running(vhlocal, project(plain()), free_port(), arguments, tmp_path / "up.log")
    started.wait_for_state("ready")
    yield started
    assert started.stop() in {0, 130}


def let_in(address: str, link: str) -> None:
    """Follow what a browser was started with: it lets in once, and does not hold the key."""
    page, _, key = link.strip().partition("#key=")
    assert key not in address
    assert address.startswith(f"{page}?once=")
    answer = requests.get(address, allow_redirects=False, timeout=60)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/#key={key}")
    again = requests.get(address, allow_redirects=False, timeout=60)
    assert (again.status_code, again.json()["error"]) == (403, "this link was already used, or is older than a minute")
    assert key not in again.text


def test_the_page_is_opened_by_up_and_by_open_and_its_link_is_printed(run, vhlocal, browser):
    link = vhlocal("ps", "--link", "-C", str(run.directory)).stdout
    let_in(browser(), link)
    done = vhlocal("open", "-C", str(run.directory))
    assert (done.returncode, done.stdout, done.stderr) == (0, link, "")
    let_in(browser(), link)
    done = vhlocal("open", "plain", "-C", str(run.directory))
    assert (done.returncode, done.stdout) == (0, f"{run.url('plain')}\n")
    assert browser() == run.url("plain")
    wrong = vhlocal("open", "plane", "-C", str(run.directory))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean `plain`?" in wrong.stderr
    none = dict.fromkeys(("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"), "")
    done = vhlocal("open", "-C", str(run.directory), environment=none)
    assert (done.returncode, done.stdout) == (0, link)
    assert done.stderr.startswith("No browser found on this machine. Open the link yourself")


def test_without_a_run_there_is_nothing_to_open(vhlocal, project):
    done = vhlocal("open", "-C", str(project(plain())))
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing is running" in done.stderr


def test_an_invitation_needs_the_token_of_the_run(run):
    assert requests.post(f"{run.base_url}/api/invitations", timeout=60).status_code == 401
