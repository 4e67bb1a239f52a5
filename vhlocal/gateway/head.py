"""Message heads: checked, read, and written anew for the next hop. Pure: bytes in, bytes out.

httptools does the parsing; on top of it stands what a proxy must refuse so that the server behind can never read
another request than the gateway did (RFC 9112, sections 6 and 11.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import httptools

from vhlocal.contract import headers as contract
from vhlocal.gateway.body import Framing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vhlocal.contract.headers import RawHeader

#: What may stand in a head besides CR and LF: no other control character but the tab.
_ALLOWED = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100)) + b"\t\r\n"
_REQUEST_LINE = re.compile(rb"([A-Za-z-]+) +([^\x00-\x20\x7f]+) +(HTTP/\d\.\d)\r\n")
_ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?#]*)(.*)", re.DOTALL)
_HOST = re.compile(rb"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_HTTP_1 = ("1.0", "1.1")

#: May be sent a second time when the first got no answer (RFC 9110, section 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})

#: Fields that a trailer must not bring in by the back door (RFC 9110, section 6.5.1).
_NO_TRAILER = frozenset(
    {b"host", b"content-length", b"content-type", b"content-encoding", b"authorization", b"cookie", b"set-cookie"}
)


class HeadError(Exception):
    """A head that must not be forwarded. ``status`` is what a client gets for it, ``str()`` the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class RequestHead(NamedTuple):
    """A request that may be forwarded. ``path`` is the target without its query, both in origin form and untouched."""

    method: str
    target: bytes
    path: bytes
    http_1_0: bool
    headers: list[RawHeader]
    host: bytes
    framing: Framing
    length: int
    keep_alive: bool
    upgrade: bytes

    def header(self, name: bytes) -> bytes:
        """Return the first value of ``name`` (lower case), or nothing."""
        return next((value for key, value in self.headers if key.lower() == name), b"")

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again to a server that gave no answer: idempotent, and without a body to replay."""
        return self.framing is Framing.NONE and self.method in _IDEMPOTENT


class ResponseHead(NamedTuple):
    """A server's answer. ``framing`` regards the request's method; ``keep_alive`` is about the server's connection."""

    status: int
    phrase: bytes
    headers: list[RawHeader]
    framing: Framing
    length: int
    keep_alive: bool
    upgrade: bytes


class _Sink:
    __slots__ = ("headers", "phrase", "target")

    def __init__(self) -> None:
        self.target = b""
        self.phrase = b""
        self.headers: list[RawHeader] = []

    def on_url(self, url: bytes) -> None:
        self.target += url

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

    Raises ``HeadError``: 400 for bad syntax and ambiguous framing, 501 for an unknown method or transfer coding, 505
    for another major version of HTTP.
    """
    _check_bytes(raw)
    sink = _Sink()
    parser = httptools.HttpRequestParser(sink)
    target = b""
    if not raw.isascii():
        # httptools refuses targets with raw UTF-8, which nginx and servers take: it is shown another one.
        raw, target = _without_target(raw)
    _feed(parser, raw)
    http_1_0 = _is_http_1_0(parser.get_http_version())
    method = parser.get_method().decode("ascii")
    if method == "CONNECT":
        raise HeadError(501, "CONNECT is not offered here")
    fields = _scan(sink.headers)
    if len(fields.hosts) > 1 or (not fields.hosts and not http_1_0):
        raise HeadError(400, "a request needs exactly one Host header")
    framing, length = _request_framing(fields, http_1_0)
    target, authority = _origin_form(target or sink.target)
    host = fields.hosts[0].strip() if fields.hosts else b""
    host = host if authority is None else authority
    if not _HOST.fullmatch(host):
        raise HeadError(400, "the Host header is malformed")
    connection = fields.connection
    upgrade = fields.upgrade if b"upgrade" in connection and not http_1_0 else b""
    return RequestHead(
        method=method,
        target=target,
        path=target.partition(b"?")[0],
        http_1_0=http_1_0,
        headers=sink.headers,
        host=host,
        framing=framing,
        length=length,
        keep_alive=b"keep-alive" in connection if http_1_0 else b"close" not in connection,
        # An upgrade to HTTP/2 would carry requests past the gateway; left out, the request is served as HTTP/1.1.
        upgrade=b"" if upgrade.lower().startswith(b"h2c") else upgrade,
    )


def parse_response(raw: bytes, method: str) -> ResponseHead:
    """Read one whole response head to a request of this method. Raises ``HeadError`` with status 502."""
    try:
        _check_bytes(raw)
        sink = _Sink()
        parser = httptools.HttpResponseParser(sink)
        _feed(parser, raw)
        http_1_0 = _is_http_1_0(parser.get_http_version())
        fields = _scan(sink.headers)
        status = parser.get_status_code()
        framing, length = _response_framing(fields, status, method)
    except HeadError as error:
        raise HeadError(502, str(error)) from error
    connection = fields.connection
    return ResponseHead(
        status=status,
        phrase=sink.phrase,
        headers=sink.headers,
        framing=framing,
        length=length,
        keep_alive=b"keep-alive" in connection if http_1_0 else b"close" not in connection,
        upgrade=fields.upgrade,
    )


def upstream_head(head: RequestHead, hop: contract.Hop, prefix: str | None) -> bytes:
    """Return the head that the server gets: the client's, less what ends or lies at this hop, plus P7 and K9."""
    parts = [b"%b %b HTTP/1.1\r\n" % (head.method.encode(), head.target)]
    kept = contract.end_to_end(head.headers)
    if not any(name.lower() == b"host" for name, _ in kept):
        parts.append(b"Host: %b\r\n" % head.host)
    for name, value in kept:
        if name.lower() == b"host":
            parts.append(b"%b: %b\r\n" % (name, head.host))
        elif not contract.is_reserved(name):
            parts.append(b"%b: %b\r\n" % (name, value))
    parts += [b"%b: %b\r\n" % header for header in contract.ingress_headers(hop, head.host, prefix)]
    if head.framing is Framing.CHUNKED:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    if head.upgrade:
        parts.append(b"Connection: Upgrade\r\nUpgrade: %b\r\n" % head.upgrade)
    elif b"trailers" in head.header(b"te").lower():
        parts.append(b"Connection: TE\r\nTE: trailers\r\n")
    parts.append(b"\r\n")
    return b"".join(parts)


def client_head(head: ResponseHead, added: Sequence[RawHeader]) -> bytes:
    """Return the head that the client gets: the server's, less what ends at this hop, plus ``added``."""
    parts = [b"HTTP/1.1 %d %b\r\n" % (head.status, head.phrase)]
    # RFC 9110, section 8.6: no length where there can be no content.
    no_length = head.status < 200 or head.status == 204
    for name, value in contract.end_to_end(head.headers):
        if not (no_length and name.lower() == b"content-length"):
            parts.append(b"%b: %b\r\n" % (name, value))
    parts += [b"%b: %b\r\n" % header for header in added]
    parts.append(b"\r\n")
    return b"".join(parts)


def request_trailers(trailers: Iterable[RawHeader]) -> list[RawHeader]:
    """Return the trailers of a request that may travel on: none that a server could take for a trusted header."""
    return [header for header in response_trailers(trailers) if not contract.is_reserved(header[0])]


def response_trailers(trailers: Iterable[RawHeader]) -> list[RawHeader]:
    """Return the trailers of an answer that may travel on."""
    banned = contract.HOP_BY_HOP | _NO_TRAILER
    return [(name, value) for name, value in trailers if name.lower() not in banned]


def has_bare_line_feed(data: bytes) -> bool:
    """Tell whether some line of a head, or of a part of one, ends without a carriage return."""
    return data.count(b"\n") != data.count(b"\r\n")


def _check_bytes(raw: bytes) -> None:
    lines = raw.count(b"\r\n")
    if raw.count(b"\n") != lines:
        raise HeadError(400, "a line of the head ends in a bare line feed")
    if raw.count(b"\r") != lines or raw.translate(None, _ALLOWED):
        raise HeadError(400, "the head contains a control character")
    if b"\n " in raw or b"\n\t" in raw:
        raise HeadError(400, "a header is folded over several lines")


def _without_target(raw: bytes) -> tuple[bytes, bytes]:
    match = _REQUEST_LINE.match(raw)
    if match is None:
        raise HeadError(400, "the request line is malformed")
    if match[2].isascii():
        return raw, b""
    return b"%b / %b\r\n%b" % (match[1], match[3], raw[match.end() :]), match[2]


def _feed(parser: httptools.HttpRequestParser | httptools.HttpResponseParser, raw: bytes) -> None:
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserInvalidMethodError as error:
        raise HeadError(501, "the method is not known") from error
    except httptools.HttpParserError as error:
        raise HeadError(400, str(error) or "the head is malformed") from error


def _is_http_1_0(version: str) -> bool:
    if version not in _HTTP_1:
        raise HeadError(505, f"HTTP/{version} is not spoken here")
    return version == "1.0"


def _scan(headers: list[RawHeader]) -> _Fields:
    hosts: list[bytes] = []
    lengths: list[bytes] = []
    codings: list[bytes] = []
    connection: frozenset[bytes] = frozenset()
    upgrade = b""
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
                upgrade = value
    return _Fields(hosts, lengths, codings, connection, upgrade)


def _request_framing(fields: _Fields, http_1_0: bool) -> tuple[Framing, int]:
    if fields.codings and http_1_0:
        raise HeadError(400, "HTTP/1.0 knows no Transfer-Encoding")
    framing, length = _declared_framing(fields)
    return framing or Framing.NONE, length


def _response_framing(fields: _Fields, status: int, method: str) -> tuple[Framing, int]:
    framing, length = _declared_framing(fields)
    if status < 200 or status in (204, 304) or method == "HEAD":
        return Framing.NONE, 0
    return framing or Framing.CLOSE, length


def _declared_framing(fields: _Fields) -> tuple[Framing | None, int]:
    """Refuse every message of which two readers could see different ends (RFC 9112, section 6.3)."""
    if fields.codings and fields.lengths:
        raise HeadError(400, "Content-Length and Transfer-Encoding exclude each other")
    if len(fields.lengths) > 1 or len(fields.codings) > 1:
        raise HeadError(400, "Content-Length and Transfer-Encoding must not be repeated")
    if fields.codings:
        if fields.codings[0].strip().lower() != b"chunked":
            raise HeadError(501, "no transfer coding but chunked is known")
        return Framing.CHUNKED, 0
    if fields.lengths:
        value = fields.lengths[0].strip(b" \t")
        if not _LENGTH.fullmatch(value):
            raise HeadError(400, "Content-Length is malformed")
        return Framing.LENGTH if int(value) else Framing.NONE, int(value)
    return None, 0


def _origin_form(target: bytes) -> tuple[bytes, bytes | None]:
    """Return the target in origin form (RFC 9112, section 3.2), and the authority that replaces Host, if any."""
    if target.startswith(b"/") or target == b"*":
        return target, None
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise HeadError(400, "the request target is malformed")
    rest = match[2]
    return rest if rest.startswith(b"/") else b"/" + rest, match[1]
