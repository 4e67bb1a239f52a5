"""``vhlocal up --detach``: the same command in a process of its own, watched until every endpoint answers."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, NoReturn

import click

from vhlocal.cli.standing import from_here
from vhlocal.session.record import ProjectState
from vhlocal.storage import writing

if TYPE_CHECKING:
    from pathlib import Path

_PAUSE = 0.05


def detached(directory: Path) -> None:
    """Start the run in the background and show what it prints until it is up; its exit code is ours when it ends."""
    state = ProjectState(directory)
    command, *arguments = [argument for argument in sys.argv[1:] if argument != "--detach"]
    with writing("the background run cannot write its log", state.log), state.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "vhlocal", command, "-C", str(directory), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _follow(process, state)
    except KeyboardInterrupt:
        _interrupt(process)
        raise
    stop = from_here()("`vhlocal down`")
    click.echo(f"Running in the background (process {process.pid}). Stop it with {stop}. Log: {state.log}")


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """End the run as Ctrl-C ends one that is not detached: gently, and at once when it comes a second time."""
    process.terminate()
    try:
        process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()


def _follow(process: subprocess.Popen[bytes], state: ProjectState) -> None:
    with state.log.open(encoding="utf-8", errors="replace") as log:
        while True:
            ended = process.poll()
            record = state.running()
            _copy(log.read())
            if ended is not None:
                _end(ended)
            if record is not None and record.pid == process.pid and record.ready:
                return
            time.sleep(_PAUSE)


def _copy(text: str) -> None:
    if text:
        click.echo(text, nl=False)


def _end(code: int) -> NoReturn:
    raise click.exceptions.Exit(code if code > 0 else 1)
