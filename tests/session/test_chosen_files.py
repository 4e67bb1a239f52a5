"""Chosen files that an app changes: production's are copies of its own, and so are those here."""

from __future__ import annotations

import pytest
import requests

from tests.session.conftest import process_run, up
from vhlocal.runtime.chosen import LARGE

__all__ = ["process_run", "up"]


APP = """\
import os


def app(environ, start_response):
    word = environ["PATH_INFO"].strip("/")
    if word == "append":
        with open("model.bin", "ab") as file:
            file.write(b"more")
    elif word == "shell":
        os.system("printf more >> model.bin")
    elif word == "chmod":
        os.chmod("model.bin", 0o600)
    elif word == "rename":
        os.rename("model.bin", "old.bin")
    elif word == "append-renamed":
        with open("old.bin", "ab") as file:
            file.write(b"more")
    elif word == "delete":
        os.remove("old.bin")
    sizes = {name: os.path.getsize(name) for name in os.listdir(".") if name.endswith(".bin")}
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr(sizes).encode()]
"""
YAML = """\
- endpoint:
    name: greet
    image: python:3.11-slim
    wsgi: web:app
    files:
      - name: model
        path: model.bin
"""


@pytest.mark.parametrize("order", [("append", "rename", "delete"), ("rename", "append-renamed", "delete")])
def test_an_app_writes_renames_and_deletes_a_large_file_and_the_users_stays_as_it_is(order, project, up, tmp_path):
    """B4: in a container too, where the user's own is mounted; and whichever program of the app's it is that writes."""
    directory = project({"valohai.yaml": YAML, "web.py": APP})
    source = tmp_path / "given.bin"
    with source.open("wb") as file:
        file.truncate(LARGE)
    before = source.stat()
    run = up(directory, "--file", f"greet.model={source}")
    url = run.endpoints()["greet"]["urls"][0]
    told = [requests.get(f"{url}/{word}", timeout=30).text for word in ("", "chmod", "shell", *order)]
    shell = LARGE + 4
    expected = {
        "append": [{"model.bin": shell + 4}, {"old.bin": shell + 4}, {}],
        "rename": [{"old.bin": shell}, {"old.bin": shell + 4}, {}],
    }[order[0]]
    first = [{"model.bin": LARGE}, {"model.bin": LARGE}, {"model.bin": shell}]
    assert told == [repr(sizes) for sizes in (*first, *expected)]
    after = source.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_mode) == (before.st_size, before.st_mtime_ns, before.st_mode)
