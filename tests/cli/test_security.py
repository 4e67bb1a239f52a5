"""Who can look at a run, end it and use its endpoints, as told and done by the command line."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import requests

from tests.cli.projects import plain

LOOK = re.compile(r"http://([0-9.]+:\d+)/\?key=[0-9a-f]+")
PAGE = re.compile(r"http://127\.0\.0\.1:\d+/#key=[\w-]{43}")


def run_files(vhlocal) -> list[Path]:
    return list(Path(vhlocal.environment["XDG_STATE_HOME"]).rglob("run.json"))


def test_a_run_that_is_open_to_the_network_is_seen_by_its_link_and_used_with_a_password(project, vhlocal, starting):
    """K7; the link is printed, the password is not, and ps, logs and down have what they need."""
    directory = project(plain())
    login = {"VHLOCAL_BASIC_AUTH": "ada=very-secret"}
    with starting(directory, "--host", "0.0.0.0", "--port", "0", environment=login) as run:
        run.wait_for_state("ready")
        url = run.url("plain")
        assert requests.get(url, timeout=60).status_code == 401
        assert requests.get(url, timeout=60, auth=("ada", "wrong")).status_code == 401
        assert requests.get(url, timeout=60, auth=("ada", "very-secret")).status_code == 200

        run.wait_for_output("open to the network")
        printed = re.sub(r"\s*\n\s*", "", run.output())
        assert PAGE.search(printed), run.output()
        run.wait_for_output("from other machines: ")
        printed = re.sub(r"\s*\n\s*", "", run.output())
        link = LOOK.search(printed)
        assert link and not link[1].startswith("127."), run.output()
        page = link[0].partition("?")[0]
        assert requests.get(page, timeout=60).status_code == 401
        with requests.Session() as browser:
            assert browser.get(link[0], timeout=60).status_code == 200
            seen = browser.get(page, timeout=60)
            assert (seen.status_code, seen.url) == (200, page)
            assert browser.post(f"{page}api/down", timeout=60).status_code == 401

        assert "plain" in vhlocal("ps", "-C", str(directory)).stdout
        assert vhlocal("logs", "-C", str(directory)).returncode == 0
        assert vhlocal("down", "-C", str(directory)).returncode == 0
        assert "very-secret" not in run.output()


def test_a_run_on_this_machine_shows_nothing_to_other_names_and_sites(project, vhlocal, starting):
    with starting(project(plain()), "--port", "0") as run:
        run.wait_for_state("ready")
        page = run.url("plain").split("/acme")[0].split("/", 3)
        root = f"{page[0]}//{page[2]}/"
        assert requests.get(root, timeout=60).status_code == 200
        assert requests.get(root, timeout=60, headers={"Host": "evil.example"}).status_code == 403
        assert requests.get(root, timeout=60, headers={"Origin": "http://evil.example"}).status_code == 403
        assert requests.post(f"{root}api/down", timeout=60).status_code == 401
        files = run_files(vhlocal)
        assert files
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
