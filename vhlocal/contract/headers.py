"""What the ingress does to a request's headers (P7, K9)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

RawHeader = tuple[bytes, bytes]

#: Connection-specific fields (RFC 9110, section 7.6.1) that end at each hop, besides those that Connection names.
#: ``Trailer`` is none of them for nginx, which passes it on although the fields that it announces end there (K9).
HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"})

#: Fields that a sender cannot have dropped by listing them in ``Connection``: without them the message would mean
#: something else to the next reader.
_NEVER_DROPPED = frozenset({b"host", b"content-length", b"content-type", b"authorization", b"cookie", b"set-cookie"})

#: What vhlocal marks a request with that it sends again for its user: nobody's server gets it, and it is not recorded.
REPLAYED = (b"X-VHLocal-Replay", b"1")

#: Names that a client must not choose: production's ingress sets them, or a server could take them for its own.
#: ``Proxy`` would become ``HTTP_PROXY``, which many HTTP clients obey.
_RESERVED = frozenset(
    {b"x-vh-prefix", b"x-request-id", b"x-real-ip", b"x-scheme", b"script-name", b"path-info", b"proxy"}
    | {REPLAYED[0].lower()}
)
_RESERVED_PREFIX = b"x-forwarded-"

#: What nginx takes for a field's name (``ignore_invalid_headers``, and ``underscores_in_headers`` off).
_NAME = re.compile(rb"[A-Za-z0-9-]+")


#: Fields of an answer that nginx reads and removes (K9). The others of this name it passes on.
_FOR_THE_INGRESS = frozenset(
    {b"x-accel-buffering", b"x-accel-charset", b"x-accel-expires", b"x-accel-limit-rate", b"x-accel-redirect"}
)
#: With this field, the client gets what is served at the path in it, in place of the answer (K9).
REDIRECTED = b"X-Accel-Redirect"
#: Stands for the fields after a body, of which no client gets any from the ingress (K9).
TRAILERS = b"trailers"

#: Stands for the name of a cluster's ingress, which requests name as their host in production (K9).
PRODUCTION_HOST = "deployments.example.com"


@dataclass(frozen=True)
class Hop:
    """What the ingress knows of one request: who sent it, over which scheme, to which port, under which id."""

    client: str
    scheme: str
    port: int
    request_id: str


def is_dropped(name: bytes) -> bool:
    """Tell whether a client's header of this name never reaches a server: letters, digits and dashes do (K9)."""
    return not _NAME.fullmatch(name)


def is_reserved(name: bytes) -> bool:
    """Tell whether a client's header of this name is dropped since a server would trust it, in any case (P7, K9)."""
    plain = name.lower()
    return plain in _RESERVED or plain.startswith(_RESERVED_PREFIX)


#: What the sender of a request writes by itself, from what it sends and to whom.
_OF_THE_SENDER = frozenset({b"host", b"content-length", b"expect"})


def is_of_the_request(name: bytes) -> bool:
    """Tell whether a header says something of the request itself, so that whoever sends it again has to send it too.

    The others are the connection's, the sender's own, or the ingress' to set (P7, K9).
    """
    plain = name.lower()
    return plain not in HOP_BY_HOP and plain not in _OF_THE_SENDER and not is_reserved(plain)


def without_the_ingress(headers: Iterable[RawHeader]) -> tuple[list[RawHeader], tuple[bytes, ...]]:
    """Return the headers of an answer that the ingress passes on, and the names of those that change what it does (K9).

    The others that it keeps have no effect with its defaults.
    """
    kept: list[RawHeader] = []
    acted_on: list[bytes] = []
    for name, value in headers:
        plain = name.lower()
        if plain not in _FOR_THE_INGRESS:
            kept.append((name, value))
        elif plain == REDIRECTED.lower():
            acted_on.append(REDIRECTED)
        elif plain == b"x-accel-buffering" and value.lower() == b"yes":
            acted_on.append(b"X-Accel-Buffering")
        elif plain == b"x-accel-limit-rate" and value.isdigit() and value.strip(b"0"):
            acted_on.append(b"X-Accel-Limit-Rate")
    return kept, tuple(acted_on)


def connection_tokens(headers: Iterable[RawHeader]) -> frozenset[bytes]:
    """Return the lower-case field names that ``Connection`` headers list (RFC 9110, section 7.6.1)."""
    tokens: set[bytes] = set()
    for name, value in headers:
        if name.lower() == b"connection":
            tokens.update(token.strip().lower() for token in value.split(b","))
    return frozenset(tokens - {b""})


def end_to_end(headers: Iterable[RawHeader]) -> list[RawHeader]:
    """Return the headers that travel on, in order and as spelled, without the hop's own."""
    kept = list(headers)
    dropped = HOP_BY_HOP | (connection_tokens(kept) - _NEVER_DROPPED)
    return [(name, value) for name, value in kept if name.lower() not in dropped]


def to_send(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Return those of a recorded request's headers, in Latin-1, that whoever sends it again has to send."""
    kept = end_to_end((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in kept if is_of_the_request(name))


def ingress_headers(hop: Hop, host: bytes, prefix: str | None) -> list[RawHeader]:
    """Return the headers that every forwarded request gets (P7, K9).

    ``prefix`` is the path of *this* request's route without trailing slash; ``X-VH-Prefix`` carries it with one. It is
    None for a request that goes to no endpoint, which gets no ``X-VH-Prefix``.
    """
    prefixed = [] if prefix is None else [(b"X-VH-Prefix", prefix.encode() + b"/")]
    return [
        *prefixed,
        (b"X-Request-ID", hop.request_id.encode()),
        (b"X-Real-IP", hop.client.encode()),
        (b"X-Forwarded-For", hop.client.encode()),
        (b"X-Forwarded-Host", host),
        (b"X-Forwarded-Port", str(hop.port).encode()),
        (b"X-Forwarded-Proto", hop.scheme.encode()),
        (b"X-Forwarded-Scheme", hop.scheme.encode()),
        (b"X-Scheme", hop.scheme.encode()),
    ]


def production_headers(prefix: str, request_id: str, host: str = PRODUCTION_HOST) -> list[RawHeader]:
    """Return the headers of a request of vhlocal's own, as one that comes through production's ingress (P7, K9).

    Among them is the ``Host``, which is none of this machine's: an app may answer by it.
    """
    hop = Hop("127.0.0.1", "https", 443, request_id)
    return [(b"Host", host.encode()), *ingress_headers(hop, host.encode(), prefix)]
