"""What a run writes into its project is no edit of it; what anybody else writes is."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
import requests

from tests.command import Running
from tests.session.edited import YAML, numbered
from tests.waiting import free_port, wait_for
from vhlocal.project.package import read_package
from vhlocal.session.wanted.writers import held_open

if TYPE_CHECKING:
    from pathlib import Path

#: Writes into its project when it is started and with each request, in ways that apps do.
WRITES = """\
import json, logging, os, pathlib, sqlite3
NUMBER = 0
HERE = pathlib.Path({directory!r})
(HERE / "starts.txt").write_text(os.urandom(8).hex())
{kept}

def app(environ, start_response):
    with open(HERE / "hits.txt", "a") as hits:
        hits.write("hit ")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({{"number": NUMBER}}).encode()]
"""

LOG = 'log = logging.FileHandler(HERE / "app.log"); log.emit(logging.makeLogRecord({"msg": "begun"}))'
DATABASE = 'db = sqlite3.connect(HERE / "app.db"); db.execute("create table if not exists t(x)"); db.commit()'


def number(url: str) -> int:
    return int(requests.get(url, timeout=30).json()["number"])


def reloads(run: Running) -> int:
    return run.output().count(" live in ")


def test_its_own_output_is_left_out_and_told_once(project, process_run, vhlocal):
    directory = project({"valohai.yaml": YAML, "server.py": numbered(1)})
    run = Running(vhlocal, directory, free_port(), (), directory / "up.log")
    try:
        run.wait_for_state("ready")
        url = run.url("words")
        for count in range(2, 5):
            (directory / "server.py").write_text(numbered(count))
            wait_for(lambda count=count: number(url) == count, f"save {count}")
            wait_for(lambda count=count: reloads(run) == count - 1, f"reload {count}")
        told = " ".join(run.output().split())
        assert told.count("this run writes up.log itself") == 1
        assert reloads(run) == 3
    finally:
        run.stop()


@pytest.mark.parametrize(
    ("shell", "own"),
    [
        ("{look} > in/up.log", ["up.log"]),
        ("{look} >> in/up.log 2> in/errors.log", ["errors.log", "up.log"]),
        ("{look} 2>&1 | tee in/up.log > out.log", ["up.log"]),
        ("{look} 2>&1 | cat | tee -a in/up.log > in/more.log", ["more.log", "up.log"]),
        ("{look} > out.log", []),
        ("{look} < in/read.txt > out.log", []),
        ("{look} | cat > out.log; exec 5> in/later.log", []),
    ],
)
def test_the_files_that_output_is_led_to_are_known(tmp_path, shell, own):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "read.txt").touch()
    look = tmp_path / "look.py"
    look.write_text(
        "import sys, time\nfrom pathlib import Path\nfrom vhlocal.session.wanted.writers import own_output\n"
        f"found = lambda: sorted(path.name for path in own_output(Path({str(tmp_path / 'in')!r})))\n"
        f"until = time.monotonic() + 60\n"  # the rest of the pipeline may begin a moment later
        f"while found() != {own!r} and time.monotonic() < until: pass\n"
        f"Path({str(tmp_path / 'found')!r}).write_text(repr(found()))\n"
    )
    command = shell.format(look=f"{sys.executable} {look}")
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, timeout=120, start_new_session=True)
    assert (tmp_path / "found").read_text() == repr(own)


def test_who_copies_a_file_does_not_write_it(tmp_path):
    """The copy is often opened under the number that the file had, as staging does it: that was taken for the file."""
    code, done = tmp_path / "server.py", threading.Event()
    code.write_text("code")

    def copy(number: int) -> None:
        while not done.is_set():
            (tmp_path / f"copy{number}").write_bytes(code.read_bytes())

    copying = [threading.Thread(target=copy, args=(number,)) for number in range(4)]
    for thread in copying:
        thread.start()
    try:
        assert not any(held_open({str(code)}) for _ in range(2000))
        with code.open("a"):
            assert held_open({str(code)}) == {str(code)}
    finally:
        done.set()
        for thread in copying:
            thread.join()


def without_what_is_written(directory: Path) -> str:
    """The revision of the files that are the project's own."""
    written = {path.name for path in directory.iterdir()} - {"valohai.yaml", "server.py"}
    return read_package(directory, left_out=frozenset(written)).revision


@pytest.mark.parametrize("kept", ["", LOG, DATABASE], ids=["closed", "log", "database"])
def test_what_the_app_writes_is_told_and_left_out_and_other_edits_come_in(project, process_run, kept):
    directory = project({"valohai.yaml": YAML, "server.py": numbered(1)})
    text = WRITES.format(directory=str(directory), kept=kept)
    (directory / "server.py").write_text(text)
    run = process_run(directory)
    url = run.url("words")
    wait_for(lambda: "this run writes starts.txt itself" in " ".join(run.output().split()), "starts.txt")
    told = "this run writes hits.txt itself"
    wait_for(lambda: number(url) == 0 and told in " ".join(run.output().split()), "hits.txt")
    wait_for(lambda: run.endpoints()["words"]["revision"] == without_what_is_written(directory), "all to be left out")
    settled = reloads(run) + 1  # as the line of the last one may come yet
    (directory / "server.py").write_text(text.replace("NUMBER = 0", "NUMBER = 1"))
    wait_for(lambda: number(url) == 1, "an edit of the code")
    wait_for(lambda: reloads(run) >= settled, "it to be told")
    for _ in range(20):
        assert number(url) == 1
    (directory / "server.py").write_text(text.replace("NUMBER = 0", "NUMBER = 2"))
    wait_for(lambda: number(url) == 2, "another edit of the code")
    wait_for(lambda: reloads(run) >= settled + 1, "it to be told")
    assert reloads(run) <= settled + 2, "no request and no start has caused a reload since it was told"
    told = " ".join(run.output().split())
    assert told.count("this run writes hits.txt itself") == 1


#: Writes into its project when it is asked to.
WHEN_ASKED = """\
import pathlib


def app(environ, start_response):
    if environ["QUERY_STRING"]:
        pathlib.Path({directory!r}, "counts.txt").write_text(environ["QUERY_STRING"])
    start_response("200 OK", [])
    return [b"asked"]
"""


def test_what_somebody_else_edits_is_an_edit_again(project, process_run, tmp_path):
    directory = project({"valohai.yaml": YAML, "server.py": "", "counts.txt": "none"})
    (directory / "server.py").write_text(WHEN_ASKED.format(directory=str(directory)))
    run = process_run(directory)
    url = run.url("words")
    told = "this run writes counts.txt itself"
    asked = iter(range(1, 10_000))
    wait_for(
        lambda: requests.get(f"{url}?{next(asked)}", timeout=30) and told in " ".join(run.output().split()),
        "the notice",
    )
    left = read_package(directory, left_out=frozenset({"counts.txt"})).revision
    wait_for(lambda: run.endpoints()["words"]["revision"] == left, "it to be served without")
    requests.get(f"{url}?again", timeout=30)
    edited = tmp_path / "edited"
    edited.write_text("by hand")
    os.utime(edited, (time.time() + 60, time.time() + 60))
    edited.replace(directory / "counts.txt")
    whole = read_package(directory).revision
    wait_for(lambda: run.endpoints()["words"]["revision"] == whole, "the edit")
    run.wait_for_count(told, 1)
