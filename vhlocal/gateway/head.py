"""Message heads: checked, read, and written anew for the next hop. Pure: bytes in, bytes out.

The request line is read here, since httptools takes only the methods and versions that it knows; httptools reads the
fields. On top stands what a proxy must refuse so that the server behind can never read another request than the gateway
did (RFC 9112, sections 6 and 11.2).
"""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import httptools

from vhlocal.contract import headers as contract
from vhlocal.contract import paths
from vhlocal.gateway import strict
from vhlocal.gateway.body import Framing
from vhlocal.gateway.host import is_host, sent_on
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.contract.headers import RawHeader

#: What may stand in a head besides CR and LF: no other control character but the tab.
_ALLOWED = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100)) + b"\t\r\n"
#: As nginx reads it: methods are capitals, dashes and underscores, known or not; a version has up to 3 digits twice.
_REQUEST_LINE = re.compile(
    rb"([A-Z_-]+) +([^\x00-\x20\x7f]+) +HTTP/([1-9][0-9]{0,2})\.([0-9]{1,3}) *\r\n",
)
#: Stands in the request line's place before httptools, which reads the fields.
_ANY_LINE = b"GET / HTTP/1.1\r\n"
_BAD_HOST = "the Host header, or the target's host, is malformed"
_LENGTH = re.compile(rb"0*([0-9]{1,19})")
_LONGEST = 2**63 - 1

#: Methods that no server gets: the first would show what the ingress added to a request, the second makes a tunnel.
_NOT_ALLOWED = frozenset({b"TRACE", b"CONNECT"})

#: RFC 9110, section 7.8. What is none a server might still read as one, after stripping blanks of other kinds.
_PROTOCOL = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?")

#: Protocols that would carry requests past the gateway, by how their names begin (lower case).
_HTTP_2 = (b"h2", b"http/2")

#: Clients and servers repeat themselves: the same head, byte for byte, comes again and again. Heads up to this size are
#: remembered with what was read from them, this many of each kind.
_REMEMBERED_BYTES = 2048
_REMEMBERED_HEADS = 512

#: Stands for the request's id while a head is prepared; cannot occur in one.
_ID = "\0"

#: May be sent a second time when the first got no answer (RFC 9110, section 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})

#: What the gateway says of an answer's code (``table.Route``), and the server therefore cannot.
_OWN = frozenset({b"x-vhlocal-revision", b"x-vhlocal-version", b"x-vhlocal-replica", b"x-vhlocal-stale"})
_OWN_START = b"x-vhlocal-"
_FOR_THE_INGRESS = b"x-accel-"
_WORKER_SCOPE = b"service-worker-allowed"
#: A path in which a browser reads nothing but what is written.
_PLAIN_PATH = re.compile(rb"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")


class HeadError(Exception):
    """A head that must not be forwarded. ``status`` is what a client gets for it, ``str()`` the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class RequestHead:
    """A request that may be forwarded. ``target`` is in origin form and untouched, ``path`` the same as text.

    ``prefix`` is the decoded five-segment prefix that the target begins with, None when it has none (P1), or when dots
    lead out of it. ``forward`` is the part of the head that travels on: without the framing of what came in chunks, the
    ingress' own headers and the end. ``upgrade`` lists the protocols that may be switched to, ``dropped`` the names of
    fields that the ingress drops (K9). ``awaits_continue``: the client may send its body only once it is asked to (RFC
    9110, section 10.1.1). ``replayed``: vhlocal sends it again for its user.
    """

    method: str
    target: bytes
    path: str
    prefix: str | None
    http_1_0: bool
    headers: list[RawHeader]
    host: bytes
    framing: Framing
    has_body: bool
    length: int
    keep_alive: bool
    upgrade: bytes
    dropped: tuple[bytes, ...] = ()
    awaits_continue: bool = False
    replayed: bool = False
    forward: bytes = b""

    def header(self, name: bytes) -> bytes:
        """Return the first value of ``name`` (lower case), or nothing."""
        return next((value for key, value in self.headers if key.lower() == name), b"")

    @property
    def idempotent(self) -> bool:
        """Whether it may be sent again to a server that gave no answer, as far as its method goes."""
        return self.method in _IDEMPOTENT


@dataclass(frozen=True)
class ResponseHead:
    """A server's answer. ``framing`` regards the request's method.

    ``keep_alive`` is whether the server's connection may carry another request; ``open_ended`` is True where the
    head does not give the body's length. ``forward`` is the part of the head that travels on: without the framing
    towards the client and the end. ``worker_scope`` is the reach that the server asks for its service worker;
    ``acted_on`` names the fields with which the ingress would give another answer (K9).
    """

    status: int
    phrase: bytes
    headers: list[RawHeader]
    framing: Framing
    length: int
    open_ended: bool
    keep_alive: bool
    upgrade: bytes
    forward: bytes = b""
    worker_scope: bytes = b""
    acted_on: tuple[bytes, ...] = ()

    @property
    def is_event_stream(self) -> bool:
        """Whether its body is server-sent events."""
        kinds = [value for name, value in self.headers if name.lower() == b"content-type"]
        return len(kinds) == 1 and kinds[0].partition(b";")[0].strip().lower() == b"text/event-stream"


class _Sink:
    __slots__ = ("headers", "phrase")

    def __init__(self) -> None:
        self.phrase = b""
        self.headers: list[RawHeader] = []

    def on_status(self, phrase: bytes) -> None:
        self.phrase += phrase

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))


class _Fields(NamedTuple):
    """What the two kinds of head have to look for, from one pass over the fields."""

    hosts: list[bytes]
    lengths: list[bytes]
    codings: list[bytes]
    connection: frozenset[bytes]
    upgrade: bytes


def parse_request(raw: bytes) -> RequestHead:
    """Read one whole request head, its final empty line included.

    Raises ``HeadError``: 400 for bad syntax and ambiguous framing, 405 for ``TRACE`` and ``CONNECT``, 414 and 431 for
    what the ingress' buffers do not hold, 501 for a transfer coding that is not known, 505 for HTTP/2 and later.
    """
    return _remembered_request(raw) if len(raw) <= _REMEMBERED_BYTES else _read_request(raw)


def parse_response(raw: bytes, method: str) -> ResponseHead:
    """Read one whole response head to a request of this method. Raises ``HeadError`` with status 502."""
    read = _remembered_response if len(raw) <= _REMEMBERED_BYTES else _read_response
    return read(raw, method == "HEAD")


def with_host(head: RequestHead, host: bytes) -> RequestHead:
    """Return a request that named no host, naming this one."""
    named = replace(head, host=host)
    return replace(named, forward=_request_forward(named))


def upstream_head(
    head: RequestHead, client: str, port: int, request_id: str, prefix: str | None, framing: bytes = b""
) -> bytes:
    """Return the head that the server gets: the client's, less what ends or lies at this hop, plus P7 and K9.

    ``client`` is its address, ``port`` the gateway's; ``prefix`` as in ``contract.headers.ingress_headers``;
    ``framing`` the line that frames a body which came in chunks.
    """
    before, after = _ingress_lines(client, port, head.host, prefix)
    return b"".join((head.forward, framing, before, request_id.encode(), after))


@functools.lru_cache(_REMEMBERED_HEADS)
def client_lines(chunked: bool, close: bool, http_1_0: bool, route_lines: bytes) -> bytes:
    """Return what the gateway adds to an answer, and the head's end: framing, what the route says, persistence."""
    framing = b"Transfer-Encoding: chunked\r\n" if chunked else b""
    persistence = b"Connection: close\r\n" if close else b"Connection: keep-alive\r\n" if http_1_0 else b""
    return framing + route_lines + persistence + b"\r\n"


def switch_lines(protocol: bytes, route_lines: bytes) -> bytes:
    """Return the head's end, which says to the client that the connection is the new protocol's from now on."""
    return route_lines + _lines([(b"Connection", b"Upgrade"), (b"Upgrade", protocol)]) + b"\r\n"


def worker_scope_line(wanted: bytes, prefix: str) -> bytes:
    """Return the line by which a browser lets an endpoint's service worker reach no further than its prefix.

    One that reached further would answer in the place of all that is served at the gateway, the runs of other projects
    among it: browsers keep workers.
    """
    top = prefix.encode() + b"/"
    below = _PLAIN_PATH.fullmatch(wanted) and wanted.startswith(top) and not {b".", b".."} & set(wanted.split(b"/"))
    return b"Service-Worker-Allowed: %b\r\n" % (wanted if below else top)


def may_switch(request: RequestHead, answer: ResponseHead) -> bool:
    """Tell whether a ``101`` names what it switches to, and that was asked for (RFC 9110, section 7.8)."""
    chosen = _protocols(answer.upgrade.lower())
    return bool(chosen) and set(chosen) <= set(_protocols(request.upgrade.lower()))


def has_bare_line_feed(data: bytes) -> bool:
    """Tell whether some line of a head, or of a part of one, ends without a carriage return."""
    return data.count(b"\n") != data.count(b"\r\n")


def _read_request(raw: bytes) -> RequestHead:
    _check_bytes(raw)
    method, target, http_1_0, lines = _request_line(raw)
    sink = _Sink()
    _feed(httptools.HttpRequestParser(sink), _ANY_LINE + _without_trailing_blanks(lines))
    headers = [header for header in sink.headers if not contract.is_dropped(header[0])]
    fields = _scan(headers)
    framing, length = _request_framing(fields, http_1_0)
    formed = strict.origin_form(target)
    if formed is None:
        has_host = target.lower().startswith((b"http://", b"https://"))
        raise HeadError(400, _BAD_HOST if has_host else "the request target is malformed")
    target, authority = formed
    if wrong := strict.trouble(target, len(raw) - len(lines), lines, headers):
        raise HeadError(*wrong)
    connection = fields.connection
    # After a body nobody could say where the new protocol begins.
    upgrades = b"upgrade" in connection and not http_1_0 and framing is Framing.NONE
    offered = [name for name in _protocols(fields.upgrade) if _may_be_offered(name)]
    head = RequestHead(
        method=method.decode(),
        target=target,
        path=target.decode("latin-1"),
        prefix=_prefix(strict.path_of(target)),
        http_1_0=http_1_0,
        headers=headers,
        host=_host(fields.hosts, http_1_0, authority),
        framing=framing,
        has_body=framing is not Framing.NONE,
        length=length,
        keep_alive=b"keep-alive" in connection if http_1_0 else b"close" not in connection,
        # Without any that is left, the request is served as HTTP/1.1.
        upgrade=b", ".join(offered) if upgrades else b"",
        dropped=tuple(name for name, _ in sink.headers if contract.is_dropped(name)),
        replayed=contract.REPLAYED in headers,
    )
    expects = not http_1_0 and head.header(b"expect").lower() == b"100-continue"
    return replace(head, forward=_request_forward(head), awaits_continue=expects)


def _read_response(raw: bytes, to_head: bool) -> ResponseHead:
    try:
        _check_bytes(raw)
        sink = _Sink()
        parser = httptools.HttpResponseParser(sink)
        _feed(parser, raw)
        version = parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise HeadError(502, f"HTTP/{version} is not supported")
        fields = _scan(sink.headers)
        status = parser.get_status_code()
        if status < 100:  # three digits are all that httptools reads
            raise HeadError(502, f"the status {status} does not have three digits")
        framing, length = _declared_framing(fields)
    except HeadError as error:
        raise HeadError(502, str(error)) from error
    connection = fields.connection
    bodiless = status < 200 or status in (204, 304) or to_head
    # RFC 9110, section 8.6: no length where there can be no content.
    no_length = status < 200 or status == 204
    kept = _end_to_end(sink.headers)
    if no_length:
        kept = [header for header in kept if header[0].lower() != b"content-length"]
    # Looked for in the whole first: hardly any answer has one.
    lower, worker_scope = raw.lower(), b""
    acted_on: tuple[bytes, ...] = ()
    if _FOR_THE_INGRESS in lower:
        kept, acted_on = contract.without_the_ingress(kept)
    if _OWN_START in lower:
        kept = [header for header in kept if header[0].lower() not in _OWN]
    if _WORKER_SCOPE in lower:
        worker_scope = b", ".join(value for name, value in kept if name.lower() == _WORKER_SCOPE)
        kept = [header for header in kept if header[0].lower() != _WORKER_SCOPE]
    framing = Framing.NONE if bodiless else framing or Framing.CLOSE
    return ResponseHead(
        status=status,
        phrase=sink.phrase,
        headers=sink.headers,
        framing=framing,
        length=0 if bodiless else length,
        open_ended=framing in (Framing.CHUNKED, Framing.CLOSE),
        keep_alive=framing is not Framing.CLOSE
        and (b"keep-alive" in connection if version == "1.0" else b"close" not in connection),
        upgrade=fields.upgrade,
        forward=b"HTTP/1.1 %d %b\r\n%b" % (status, sink.phrase, _lines(kept)),
        worker_scope=worker_scope,
        acted_on=acted_on,
    )


_remembered_request = functools.lru_cache(_REMEMBERED_HEADS)(_read_request)
_remembered_response = functools.lru_cache(_REMEMBERED_HEADS)(_read_response)


def _request_forward(head: RequestHead) -> bytes:
    # nginx answers Expect itself, as the gateway does (K9).
    kept = [
        header
        for header in _end_to_end(head.headers)
        if not contract.is_reserved(header[0]) and header[0].lower() != b"expect"
    ]
    named = [(name, head.host if name.lower() == b"host" else value) for name, value in kept]
    if not any(name.lower() == b"host" for name, _ in kept):
        named.insert(0, (b"Host", head.host))
    if head.upgrade:
        named += [(b"Connection", b"Upgrade"), (b"Upgrade", head.upgrade)]
    return b"%b %b HTTP/1.1\r\n%b" % (head.method.encode(), head.target, _lines(named))


def _end_to_end(headers: Iterable[RawHeader]) -> list[RawHeader]:
    """Return the headers that travel on. As from nginx, no zeros stand before a length: not all read them alike."""
    return [
        (name, value.lstrip(b"0") or b"0") if value[:1] == b"0" and name.lower() == b"content-length" else (name, value)
        for name, value in contract.end_to_end(headers)
    ]


@functools.lru_cache(_REMEMBERED_HEADS)
def _ingress_lines(client: str, port: int, host: bytes, prefix: str | None) -> tuple[bytes, bytes]:
    """Return what stands before and after the request's id, to the end of the head."""
    lines = _lines(contract.ingress_headers(contract.Hop(client, "http", port, _ID), host, prefix))
    before, _, after = lines.partition(_ID.encode())
    return before, after + b"\r\n"


def _lines(headers: Iterable[RawHeader]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def _host(hosts: list[bytes], http_1_0: bool, authority: bytes | None) -> bytes:
    """Return what a request says that its host is; nothing where it may and does say nothing."""
    if len(hosts) > 1 or (not hosts and not http_1_0):
        raise HeadError(400, "a request needs exactly one Host header")
    header = hosts[0].strip(b" \t") if hosts else None
    if not all(named is None or is_host(named) for named in (header, authority)):
        raise HeadError(400, _BAD_HOST)
    return sent_on(header, authority)


def _check_bytes(raw: bytes) -> None:
    lines = raw.count(b"\r\n")
    if raw.count(b"\n") != lines:
        raise HeadError(400, "a line of the head ends in a bare line feed")
    if raw.count(b"\r") != lines or raw.translate(None, _ALLOWED):
        raise HeadError(400, "the head contains a control character")
    if b"\n " in raw or b"\n\t" in raw:
        raise HeadError(400, "a header is folded over several lines")


def _request_line(raw: bytes) -> tuple[bytes, bytes, bool, bytes]:
    """Return the method, the target, whether it is HTTP/1.0, and the lines that follow the first."""
    match = _REQUEST_LINE.match(raw)
    if match is None:
        raise HeadError(400, strict.line_trouble(raw[: raw.find(b"\r\n")].split()))
    if match.end() > strict.LINE_BYTES:
        raise HeadError(414, f"the request line is longer than {strict.LINE_BYTES // 1024} KiB")
    method, target, major, minor = match.groups()
    if major != b"1":
        raise HeadError(505, f"HTTP/{major.decode()}.{minor.decode()} is not supported")
    if method in _NOT_ALLOWED:
        raise HeadError(405, f"{method.decode()} is not allowed here")
    # What comes after 1.1 may be read as 1.1 (RFC 9110, section 2.5).
    return method, target, not int(minor), raw[match.end() :]


def _prefix(path: bytes) -> str | None:
    split = paths.split_target(path)
    return None if split is None or strict.leads_out(path, split[0]) else split[0]


def _without_trailing_blanks(lines: bytes) -> bytes:
    """Blanks at a line's end are no part of a field's value (RFC 9110, section 5.5), though httptools takes some so."""
    if b" \r\n" in lines or b"\t\r\n" in lines:
        return b"\r\n".join([line.rstrip(b" \t") for line in lines.split(b"\r\n")])
    return lines


def _feed(parser: httptools.HttpRequestParser | httptools.HttpResponseParser, raw: bytes) -> None:
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise HeadError(400, f"the head is malformed: {error}") from error


def _may_be_offered(protocol: bytes) -> bool:
    return bool(_PROTOCOL.fullmatch(protocol)) and not protocol.lower().startswith(_HTTP_2)


def _protocols(upgrade: bytes) -> list[bytes]:
    return [protocol for word in upgrade.split(b",") if (protocol := word.strip(b" \t"))]


def _scan(headers: list[RawHeader]) -> _Fields:
    hosts: list[bytes] = []
    lengths: list[bytes] = []
    codings: list[bytes] = []
    connection: frozenset[bytes] = frozenset()
    upgrades: list[bytes] = []
    for name, value in headers:
        match name.lower():
            case b"host":
                hosts.append(value)
            case b"content-length":
                lengths.append(value)
            case b"transfer-encoding":
                codings.append(value)
            case b"connection":
                connection |= contract.connection_tokens([(name, value)])
            case b"upgrade":
                upgrades.append(value)
    return _Fields(hosts, lengths, codings, connection, b", ".join(upgrades))


def _request_framing(fields: _Fields, http_1_0: bool) -> tuple[Framing, int]:
    if fields.codings and http_1_0:
        raise HeadError(400, "HTTP/1.0 has no Transfer-Encoding")
    framing, length = _declared_framing(fields)
    return framing or Framing.NONE, length


def _declared_framing(fields: _Fields) -> tuple[Framing | None, int]:
    """Refuse every message of which two readers could see different ends (RFC 9112, section 6.3)."""
    if fields.codings and fields.lengths:
        raise HeadError(400, "Content-Length and Transfer-Encoding must not appear together")
    if len(fields.lengths) > 1 or len(fields.codings) > 1:
        raise HeadError(400, "Content-Length and Transfer-Encoding must not be repeated")
    if fields.codings:
        if fields.codings[0].strip().lower() != b"chunked":
            raise HeadError(501, "the only transfer coding supported is chunked")
        return Framing.CHUNKED, 0
    if fields.lengths:
        match = _LENGTH.fullmatch(fields.lengths[0].strip(b" \t"))
        length = int(match[1]) if match else -1
        if not 0 <= length <= _LONGEST:
            raise HeadError(400, "Content-Length is malformed")
        return Framing.LENGTH if length else Framing.NONE, length
    return None, 0
