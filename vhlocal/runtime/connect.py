"""Chooses what servers run in: the runtimes are this table, and ``auto``."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError
from vhlocal.events import Notice
from vhlocal.project.settings import environment
from vhlocal.runtime.base import Connected
from vhlocal.runtime.docker.address import NoAddressError, check_socket, knock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vhlocal.runtime.base import Connect, Runtime

_SOCKET = "/var/run/docker.sock"

_INSTEAD = (
    "less like production: this machine's Python, files and network in place of the image's, and limits only where its "
    "kernel grants them; `--runtime docker` or `--strict` require an engine"
)


def connector(name: str, directory: Path, *, strict: bool) -> Connect:
    """Return what reaches the runtime of this name for the project in ``directory``; EngineError where there is none.

    ``auto`` is docker where an engine answers, else a process for each server, unless it is to be ``strict``, or where
    what was set as the engine's address is none.
    """

    def connect(run: str) -> Connected:
        if name != "auto":
            return _connected(RUNTIMES[name](str(directory), run))
        why = "no container engine answers"
        if strict or engine_may_answer(environment()):
            try:
                return _connected(_docker(str(directory), run))
            except EngineError as error:
                if strict or isinstance(error, NoAddressError):
                    raise
                why = error.message
        notice = Notice(f"{why}: endpoints run as processes on this machine", hint=_INSTEAD)
        return _connected(_process(str(directory), run), notice)

    return connect


def reachable(directory: Path, run: str, needed: str | None) -> dict[str, Runtime]:
    """Return every runtime that can be reached, by name; EngineError where the ``needed`` one cannot."""
    found: dict[str, Runtime] = {}
    for name, reach in RUNTIMES.items():
        try:
            if name != "docker" or name == needed or engine_may_answer(environment()):
                found[name] = reach(str(directory), run)
        except EngineError:
            if name == needed:
                raise
    return found


def _connected(runtime: Runtime, *notices: Notice) -> Connected:
    return Connected(runtime, (*notices, *runtime.notices))


def _docker(directory: str, run: str) -> Runtime:
    check_socket(environment())
    from vhlocal.runtime.docker.connect import connect  # noqa: PLC0415 - the SDK takes long to import

    return connect(directory, run)


def _process(directory: str, run: str) -> Runtime:
    from vhlocal.runtime.process.connect import connect  # noqa: PLC0415 - is not needed where an engine answers

    return connect(directory, run)


RUNTIMES: Mapping[str, Callable[[str, str], Runtime]] = {"docker": _docker, "process": _process}


def engine_may_answer(environ: Mapping[str, str]) -> bool:
    """Tell, without the SDK, whether one may: False only where nobody is at the one place for it."""
    if sys.platform != "linux" or environ.get("DOCKER_HOST") or environ.get("DOCKER_CONTEXT") or _has_context(environ):
        return True
    refused = knock(_SOCKET)
    return refused is None or isinstance(refused, PermissionError)


def _has_context(environ: Mapping[str, str]) -> bool:
    home = environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/"), ".docker")
    with suppress(OSError, ValueError, AttributeError):
        return bool(json.loads(Path(home, "config.json").read_text()).get("currentContext", "default") != "default")
    return False
