"""VH508, VH514 and VH515: the server ended, by a signal or by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import AFTER_ONE
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Ended

SIGNAL = Definition(
    code="VH508",
    title="A signal ended the server",
    severity=Severity.ERROR,
    why="A server that a signal ends does not print why. A segmentation fault (139) or an illegal instruction "
    "(132) comes from compiled code: a faulty library, a library for another processor, or two libraries that do "
    "not fit together. 137 is a `kill -9`: from a person or program, from the engine, or from the kernel when the "
    "machine has no memory left. Production restarts the server, with growing pauses.",
    remedy={
        "": "Find out which library it is in: `python -X faulthandler` prints where Python was. Pin versions that fit "
        "the "
        "image.",
    },
    example=Example("text", "numpy\ntorch", "numpy==1.26.4\ntorch==2.3.1"),
    rows=("K2",),
)
DONE = Definition(
    code="VH514",
    title="The server's command ends as if it had finished",
    severity=Severity.ERROR,
    why="The container lives as long as `server-command`. A command that starts a server in the background, or starts "
    "no server at all, ends with code 0, and everything that it started ends with it. So does a server that only "
    "answers one request, such as `python -m wsgiref.simple_server`.",
    remedy={
        "": "End `server-command` with a server in the foreground: no `&`, no `--daemon`. Code that only computes, and "
        "then ends, belongs in a `step`.",
        "Flask": 'Call `app.run(…)` under `if __name__ == "__main__":`; or write `wsgi: server:app`.',
    },
    example=Example("yaml", "server-command: python server.py &", "server-command: python server.py"),
    rows=("R2", "K2"),
)
FAILED = Definition(
    code="VH515",
    title="The server ended with an error",
    severity=Severity.ERROR,
    why="Production restarts a server that ends, with growing pauses, and nobody is served meanwhile. Its last output "
    "says why; a Python exception is shown with the project's own lines first.",
    remedy={"": "Fix what fails, or catch the error so that the server keeps running."},
    example=Example("python", 'raise SystemExit("no GPU")', 'log.warning("no GPU: the CPU will do")'),
    rows=("R2", "K2"),
)

_SIGNALS = {
    129: "the terminal hung up",
    130: "interrupted",
    131: "quit",
    132: "illegal instruction",
    133: "trace trap",
    134: "aborted",
    135: "bus error",
    136: "arithmetic error",
    137: "killed",
    139: "segmentation fault",
    141: "broken pipe",
    143: "terminated",
    159: "bad system call",
}

#: Gunicorn's own exit code where a worker ends before it serves.
_NOT_BOOTED = 3

#: How Gunicorn reports a worker's signal, and exit codes by signal.
_WORKER_SIGNAL = re.compile(r"Worker \(pid:\d+\) was sent (SIG[A-Z]+)!")
_NUMBERS = {"SIGILL": 132, "SIGABRT": 134, "SIGBUS": 135, "SIGFPE": 136, "SIGKILL": 137, "SIGSEGV": 139, "SIGSYS": 159}

#: Those of compiled code's own making.
_FAULTS = (132, 134, 135, 136, 139, 159)


def find(ended: Ended) -> Iterator[Finding]:
    """Yield how it ended, where no other rule has said why."""
    name, when = ended.endpoint.name, f" {ended.when}" if ended.when else ""
    during = f", with {', '.join(ended.requests)} in flight" if ended.requests else ""
    code, who = ended.code, "the server"
    if ended.endpoint.wsgi and code == _NOT_BOOTED and (names := _WORKER_SIGNAL.findall(ended.text)):
        code, who = _NUMBERS.get(names[-1], code), "Gunicorn's worker"
    if code in _SIGNALS:
        change = "something else killed it: find out what sent the signal, and look at the system log (`dmesg`)"
        if code in _FAULTS:
            change = (
                "a compiled library crashed: `python -X faulthandler` shows where; check its version against the image"
            )
        seen = f"{who} was ended: {_SIGNALS[code]} (exit code {code}){during}"
        yield Finding(SIGNAL, ended.place, seen, change, name)
    elif ended.code == 0:
        yield _done(ended)
    else:
        seen, change = f"the server ended with exit code {ended.code}{during}", "look in its log for the reason"
        if ended.endpoint.wsgi and ended.code == _NOT_BOOTED and when and "Traceback" not in ended.text:
            seen = f"Gunicorn's worker ended without an exception{when} (exit code {ended.code})"
            change = "look for what ends the process: `os._exit`, an interrupt, a library that gives up"
        yield Finding(FAILED, ended.place, seen, ended.fix or change, name)


def _done(ended: Ended) -> Finding:
    name, when, cause = ended.endpoint.name, f" {ended.when}" if ended.when else "", ended.cause
    if when and cause is not None and ended.when != AFTER_ONE:
        seen = f"`server-command` ended{when} with exit code 0: {cause.seen}"
        return Finding(DONE, ended.command, seen, cause.change, name, edits=cause.edits)
    seen = f"the server ended{when or ' after it had served'} with exit code 0, as if it had finished"
    change = f"end `server-command` with a server that keeps running and listens on port {ended.endpoint.port}"
    if ended.when == AFTER_ONE:
        change = "use a server that keeps running after a request, such as `wsgi: module:name`"
    elif not when:
        change = "something sent SIGTERM, or its code returned: look at its last lines"
    elif ended.endpoint.wsgi is not None:
        change = "look for what ends the process while its code is loaded, such as `sys.exit()`"
    return Finding(DONE, ended.command, seen, change, name)


RULE = Rule((SIGNAL, DONE, FAILED), find)
