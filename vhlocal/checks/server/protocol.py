"""VH523: what listens on the endpoint's port answers with something that is not HTTP (K9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import command_key, place_of
from vhlocal.findings import Definition, Example, Finding, Severity
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.model import Endpoint

DEFINITION = Definition(
    code="VH523",
    title="The server's answer is not HTTP",
    severity=Severity.ERROR,
    why="The ingress sends plain HTTP/1.1 requests to the endpoint's port. A server of another protocol, such as TLS, "
    "gRPC or a socket of its own, does not understand them, and clients get 502.",
    remedy={
        "": "Let the endpoint's port serve plain HTTP. TLS ends at the ingress: leave out certificates and keys. In "
        "front of a gRPC server, put a small HTTP server that calls it.",
    },
    example=Example(
        "yaml",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0 --ssl-keyfile key.pem --ssl-certfile cert.pem",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0",
    ),
    rows=("R1", "K9"),
)

#: What a reader of `ready` has to know of such a server.
CAVEAT = "but its answer is not HTTP"

#: The frame that a server of HTTP/2 begins with: its length in three bytes, and then that it holds settings.
_SETTINGS = slice(3, 5)


@dataclass(frozen=True)
class Spoken:
    """An endpoint server's answer to a request, if it is not HTTP; ``tls`` is whether the server speaks TLS."""

    endpoint: Endpoint
    answer: bytes = b""
    tls: bool = False


def find(spoken: Spoken) -> Iterator[Finding]:
    """Yield what the server speaks instead, as far as its first bytes show."""
    place = place_of(spoken.endpoint, command_key(spoken.endpoint))
    if spoken.tls or spoken.answer[:2] == b"\x15\x03":
        seen = f"the server on port {spoken.endpoint.port} speaks TLS"
        change = "serve plain HTTP: leave out the certificate and the key"
    elif spoken.answer[_SETTINGS] == b"\x04\x00":
        seen = f"the server on port {spoken.endpoint.port} speaks HTTP/2 without TLS, as gRPC servers do"
        change = "serve HTTP/1.1 on this port, and gRPC on another one inside the container"
    else:
        seen = f"the server on port {spoken.endpoint.port} answered a GET request with something that is not HTTP"
        change = "serve HTTP on this port"
    yield Finding(DEFINITION, place, seen, change, spoken.endpoint.name, caveat=CAVEAT)


RULE = Rule((DEFINITION,), find)
