"""How a server's end is told, and how long to wait before it is started again (K2, B3). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vhlocal.contract.image import REQUIREMENTS_FILES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vhlocal.model import Endpoint, Place
    from vhlocal.runtime.base import Exit, Listener
    from vhlocal.session.tracebacks import Traceback

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0

#: Where there is nothing better to say; a traceback is.
_LOG = "its log says why"

_SIGNALS = {
    132: "illegal instruction",
    134: "aborted",
    136: "arithmetic error",
    137: "killed",
    139: "segmentation fault",
}

_IN_USE = re.compile(r"Address already in use|Connection in use|EADDRINUSE", re.IGNORECASE)
_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_NO_SHELL = re.compile(r"exec sh failed: ")
_NOT_LOADED = re.compile(r"^wsgi: \S+ could not be loaded: (.+)$", re.MULTILINE)
_NOT_FOUND = re.compile(r"(?:sh: \d+: |line \d+: |sh: )(\S+): (?:command )?not found")


@dataclass(frozen=True)
class Explanation:
    """Why a server is not there: what happened, where in the user's files, and what to do.

    ``detail`` is longer evidence, such as a traceback.
    """

    reason: str
    hint: str
    place: Place | None
    detail: str = ""


def backoff(crashes: int) -> float:
    """Return the seconds to wait before the next start, after this many crashes in a row (K2): 1, 2, 4, up to 30."""
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (max(1, crashes) - 1))


def is_clash(tail: Sequence[str]) -> bool:
    """Tell whether a server has ended since another has its port."""
    return bool(_IN_USE.search("\n".join(tail)))


def explain_exit(
    endpoint: Endpoint, ended: Exit, tail: Sequence[str], requirements: str | None, holder: str = ""
) -> Explanation:
    """Say why a server ended. ``tail`` is the end of its log; ``requirements`` the file that was installed (B2).

    ``holder`` tells who has the endpoint's port on this machine, where that matters and is known.
    """
    text = "\n".join(tail)
    if ended.out_of_memory:
        return _out_of_memory(endpoint)
    if missing := _NO_MODULE.findall(text):
        return _no_module(endpoint, ended, missing[-1], requirements)
    if ended.code == 127:
        return _not_found(endpoint, text)
    if is_clash(tail):
        return Explanation(
            f"port {endpoint.port} is in use{holder}",
            "end that, or let the server listen on the port in VALOHAI_PORT",
            _command(endpoint),
        )
    if not_loaded := _NOT_LOADED.findall(text):
        reason, hint = f"`wsgi: {endpoint.wsgi}` could not be loaded: {not_loaded[-1]}", _LOG
    elif ended.code in _SIGNALS:
        reason, hint = f"the server was ended: {_SIGNALS[ended.code]} (exit code {ended.code})", ""
    else:
        reason, hint = f"the server ended with exit code {ended.code}", _LOG
    return Explanation(reason, hint, _command(endpoint))


def with_traceback(explanation: Explanation, found: Traceback, directory: Path) -> Explanation:
    """Add where in the project, which is in ``directory``, it happened."""
    return replace(
        explanation,
        hint="" if explanation.hint == _LOG else explanation.hint,
        place=found.place(directory) or explanation.place,
        detail=str(found),
    )


def _out_of_memory(endpoint: Endpoint) -> Explanation:
    limit = endpoint.resources.memory_max
    within = f"its memory limit of {limit:g} MB" if limit else "the memory of this machine"
    return Explanation(
        f"OOMKilled: the server passed {within}",
        "raise resources.memory.max, or make the server need less",
        endpoint.place("resources.memory"),
    )


def _no_module(endpoint: Endpoint, ended: Exit, name: str, requirements: str | None) -> Explanation:
    hint = "see that it is not ignored by git or .vhignore"
    if name == re.split("[.:]", endpoint.wsgi or "")[0]:
        hint = f"`wsgi` names it: see that the project has {name}.py, and {hint.removeprefix('see ')}"
    else:
        files = requirements or " or ".join(REQUIREMENTS_FILES)
        hint = f"add what provides it to {files}; if it is the project's own, {hint}"
    return Explanation(
        f"the server ended with exit code {ended.code}: no module named {name}", hint, _command(endpoint)
    )


def _not_found(endpoint: Endpoint, text: str) -> Explanation:
    if _NO_SHELL.search(text):
        return Explanation(
            f"the image {endpoint.image} has no `sh`, which runs the server's command",
            "use a base image that has a shell",
            endpoint.place("image"),
        )
    names = _NOT_FOUND.findall(text)
    if not names:
        return Explanation("the command was not found (exit code 127)", "see that the image has it", _command(endpoint))
    return Explanation(
        f"{names[-1]} was not found (exit code 127)",
        f"pip puts commands in ~/.local/bin, which is not on the PATH in production: write ~/.local/bin/{names[-1]}",
        _command(endpoint),
    )


def _command(endpoint: Endpoint) -> Place | None:
    return endpoint.place("server-command" if endpoint.wsgi is None else "wsgi")


def explain_listeners(endpoint: Endpoint, listeners: Sequence[Listener]) -> Explanation | None:
    """Say why nothing answers on the endpoint's port although something listens, or None where nothing does (R3)."""
    own = [listener for listener in listeners if listener.port == endpoint.port]
    if own and all(listener.loopback for listener in own):
        return Explanation(
            f"the server listens on {own[0].host}:{endpoint.port}, where only its own container would reach it",
            "bind 0.0.0.0 instead of localhost",
            endpoint.place("server-command"),
        )
    others = sorted({listener.port for listener in listeners if not listener.loopback} - {endpoint.port})
    if others and not own:
        return Explanation(
            f"the server listens on port {others[0]}, but the endpoint's port is {endpoint.port}",
            f"write `port: {others[0]}`, or let the server listen on the port in VALOHAI_PORT",
            endpoint.place("port"),
        )
    return None
