"""VH503: the server neither answers nor ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import command_key, place_of
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Silent

DEFINITION = Definition(
    code="VH503",
    title="The server does not answer in time",
    severity=Severity.ERROR,
    why="A version goes live once each of its servers answers. A rollout waits ten minutes for that, and then fails; "
    "until then, the new version serves nobody. Whatever the code loads or waits for at import adds to that time.",
    remedy={
        "": "Load slow things once the server listens: at the first request, or in a thread. Do not wait for services "
        "that production does not have.",
        "FastAPI": "Load it in a `lifespan` handler's background task, not in the module.",
    },
    example=Example(
        "python",
        "model = download_for_an_hour()",
        "@functools.cache\ndef model():\n    return load_from_files()",
    ),
    rows=("R3",),
)


#: Sockets that are named, at most.
_MOST = 3


def find(silent: Silent) -> Iterator[Finding]:
    """Yield what a server does in place of answering, as far as that is known."""
    doing, endpoint = silent.doing, silent.endpoint
    subject = "the new code" if silent.new else "the server"
    place = doing.place if doing else place_of(endpoint, command_key(endpoint))
    yield Finding(
        DEFINITION,
        place,
        f"{subject} has not answered in {silent.seconds:.0f} s{_why(silent)}",
        _change(silent),
        endpoint.name,
    )


def _change(silent: Silent) -> str:
    if silent.cause is not None and silent.sockets == ():
        return silent.cause.change
    if silent.doing is not None and silent.doing.endless and silent.sockets == ():
        return "start the server before this loop, or run the loop in a thread: nothing behind it runs"
    if silent.doing is None and _elsewhere(silent):
        return f"let it listen on 0.0.0.0:{silent.endpoint.port}; the port is in VALOHAI_PORT"
    if silent.doing is None:
        return "`vhlocal logs` shows what it printed"
    kept = ", or keep it warm (`keep-warm`)" if silent.new else ", or to a thread"
    return f"move what takes long there to the first request{kept}"


def _why(silent: Silent) -> str:
    doing, listens = silent.doing, any(socket.port == silent.endpoint.port for socket in silent.sockets or ())
    if silent.cause is not None and silent.sockets == ():
        return f": nothing listens, and {silent.cause.seen}"
    if doing is not None and doing.imports:
        return f": it is still at {doing.place}, importing {doing.imports}"
    if doing is not None:
        return f": it is still at {doing.place}" + (f", in {doing.inner}" if doing.inner else "")
    if silent.sockets is None:
        return ""
    elsewhere = "" if listens else _elsewhere(silent)
    if elsewhere:
        return f": it listens on {elsewhere} only, not on port {silent.endpoint.port}"
    return f": it listens on port {silent.endpoint.port}, but does not answer" if listens else ": nothing listens yet"


def _elsewhere(silent: Silent) -> str:
    """Return where something listens that is not what requests are sent to, "" where nothing does.

    It may be the server itself, or something internal that it has brought up first: only time tells.
    """
    sockets = silent.sockets or ()
    if any(socket.port == silent.endpoint.port for socket in sockets):
        return ""
    return ", ".join(socket.name for socket in sockets[:_MOST])


RULE = Rule((DEFINITION,), find)
