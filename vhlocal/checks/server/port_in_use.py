"""VH512: the server cannot have its port."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vhlocal.checks.server.evidence import Ended

DEFINITION = Definition(
    code="VH512",
    title="The server's port is in use",
    severity=Severity.ERROR,
    why="In a container, only an earlier server can have taken the port, such as one that an earlier line of "
    "`server-command` left in the background, or the server itself if it listens twice. Without a container "
    "engine, any other program on this machine may have taken it.",
    remedy={
        "": "Start only one server; stop what holds the port, or let the server listen on the port in `VALOHAI_PORT`."
    },
    example=Example(
        "yaml",
        "server-command:\n  - python server.py &\n  - python server.py",
        "server-command:\n  - python server.py",
    ),
    rows=("R1", "P8"),
)

_IN_USE = re.compile(r"Address already in use|Connection in use|EADDRINUSE", re.IGNORECASE)


def is_clash(lines: Sequence[str]) -> bool:
    """Tell whether a server has ended since another has its port."""
    return bool(_IN_USE.search("\n".join(lines)))


def find(ended: Ended) -> Iterator[Finding]:
    """Yield that another has the port."""
    if is_clash(ended.lines):
        yield Finding(
            DEFINITION,
            ended.place,
            f"port {ended.endpoint.port} is in use{ended.holder}",
            "stop that, or let the server listen on the port in VALOHAI_PORT",
            ended.endpoint.name,
        )


RULE = Rule((DEFINITION,), find)
