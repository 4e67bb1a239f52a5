"""The timeline of saves, on a run whose code is edited."""

from __future__ import annotations

import pytest
import requests

from tests.cli.projects import SERVER
from tests.page.runs import command_line, up, written
from tests.page.watching import overflow, watching
from tests.session.edited import endpoint
from tests.waiting import wait_for

FILES = {
    "valohai.yaml": endpoint("plain", "server-command: python server.py"),
    "server.py": SERVER,
    "vhlocal.yaml": "replay-on-save:\n  plain: safe\n",
}


@pytest.fixture
def directory(tmp_path):
    return written(tmp_path / "project", FILES)


@pytest.fixture
def run(tmp_path, environments, tools, directory):
    with up(command_line(tmp_path, environments, tools), directory) as started:
        yield started


def entries(page):
    """What each save is told as, the newest first."""
    return page.locator("vh-reloads .timeline > li").all_inner_texts()


def test_each_save_is_told_as_it_comes_with_what_changed_and_what_was_broken(run, chromium, directory):
    with watching(chromium, run, "reloads") as page:
        page.get_by_text("No save yet").wait_for()
        assert requests.get(run.url("plain"), timeout=60).ok
        written(directory, {"server.py": f"{SERVER}# edited\n"})
        (served,) = wait_for(lambda: entries(page), "the save to be told")
        assert "live in" in served and "server.py" in served
        assert "ready" in served, "the phases"
        page.evaluate("window.held = document.querySelector('vh-reloads .timeline > li')")
        assert page.locator("vh-reloads .phases-bar span").count() > 1
        page.get_by_text("1 replayed: 1 same").wait_for()

        written(directory, {"server.py": "raise RuntimeError('<b>no</b>')\n"})
        wait_for(lambda: len(entries(page)) == 2, "the broken save to be told")
        broken = entries(page)[0]
        assert page.evaluate("held.isConnected && held === held.parentNode.lastElementChild"), "not made anew"
        for words in ("broken", "<b>no</b>", "server.py:1", "RuntimeError: <b>no</b>"):
            assert words in broken, broken

        written(directory, {"valohai.yaml": "- endpoint:\n    name: plain\n"})
        wait_for(lambda: len(entries(page)) == 3 and "not read" in entries(page)[0], "the save that is no project")
        assert "valohai.yaml" in entries(page)[0]

        # One file after the other: two at once may come in as one save or as two.
        written(directory, {"valohai.yaml": FILES["valohai.yaml"]})
        written(directory, {"server.py": SERVER})
        wait_for(lambda: all(word in entries(page)[0] for word in ("live in", "1 same")), "the mended save")
        told = entries(page)
        page.get_by_label("Endpoint").select_option("plain")
        wait_for(lambda: page.url.endswith("#/reloads?endpoint=plain"), "the address to say it")
        assert entries(page) == told, "what could not be read is every endpoint's"
        page.reload()
        wait_for(lambda: entries(page) == told, "the same after a reload of the page")
        page.set_viewport_size({"width": 360, "height": 800})
        page.evaluate("location.hash = `#/reloads?endpoint=${'n'.repeat(200)}`")
        page.get_by_label("Endpoint").locator("option", has_text="n" * 200).wait_for(state="attached")
        assert overflow(page) <= 0
