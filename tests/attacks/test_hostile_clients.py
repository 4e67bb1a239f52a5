"""Clients of this machine that want a run to have no time and no room for its user; over real sockets."""

from __future__ import annotations

import contextlib
import resource
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from tests.session.conftest import process_run
from tests.session.edited import APP, YAML
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["process_run"]

#: As many as the gateway lets in, and some.
CLIENTS = 4200

#: Files that this process has open besides.
OTHERS = 200

ONE = b"GET /api/endpoints HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def many() -> Iterator[int]:
    """Let this process have so many connections open, and return how many it may have."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = before[1] if before[1] != resource.RLIM_INFINITY else CLIENTS + OTHERS
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], min(soft, CLIENTS + OTHERS)), before[1]))
    yield min(CLIENTS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHERS)
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("where", "asked"),
    [("gateway", b""), ("gateway", ONE), ("page", ONE[:20])],
    ids=["the gateway, for nothing", "the gateway, once", "the page, by half"],
)
def test_thousands_of_idle_clients_lock_out_neither_commands_nor_the_page(project, process_run, many, where, asked):
    """Whether they have asked for nothing, for something once, or have not come to the end of it."""
    run = process_run(project({"valohai.yaml": YAML, "server.py": APP}))
    page = run.vhlocal("ps", "--link", "-C", str(run.directory)).stdout.strip()
    at = urlsplit(run.base_url if where == "gateway" else page)
    with contextlib.ExitStack() as stack:
        for _ in range(many):
            client = stack.enter_context(socket.create_connection((at.hostname, at.port), 60))
            with contextlib.suppress(ConnectionError):
                client.sendall(asked)
        # Who has come just now may be about to ask for something: room is made a second later.
        wait_for(lambda: "words" in run.vhlocal("ps", "-C", str(run.directory)).stdout, "`ps` to tell")
        for url in (page.partition("#")[0], f"{run.base_url}/api/endpoints", run.url("words")):
            wait_for(lambda url=url: reached(url), f"{url} to be reached")
        wait_for(lambda: run.vhlocal("down", "-C", str(run.directory)).returncode == 0, "the run to be ended")


def reached(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=120).status_code == 200
    return False
