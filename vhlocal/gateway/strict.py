"""What production's ingress refuses of a request that can be read well (K9), as nginx does. Pure.

https://github.com/nginx/nginx/blob/master/src/http/ngx_http_parse.c and ngx_http_request.c.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.contract.headers import RawHeader

#: Bytes that a line of the head may have with its end: one of nginx's buffers (``large_client_header_buffers``), of
#: which it fills four after a small one (``client_header_buffer_size``).
LINE_BYTES = 8192
_BUFFERS = 4
_FIRST_BUFFER = 1024
#: No head is longer: not a byte of the buffers is left free.
HEAD_BYTES = _FIRST_BUFFER + _BUFFERS * LINE_BYTES

#: What a method begins with, or the end of an empty line before it.
_BEGINNING = re.compile(rb"[A-Z_\-\r]")
_TLS = b"\x16\x03"

#: Fields that nginx takes once; of others it takes the first, or passes all.
_ONCE = frozenset(
    {
        b"authorization",
        b"content-range",
        b"expect",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
    }
)
_NO_ESCAPE = re.compile(rb"%(?:00|(?![0-9A-Fa-f]{2}))")
_END_OF_PATH = re.compile(rb"[?#]")
#: Fields whose values nginx reads itself, and from which it takes spaces only.
_TABBED = re.compile(rb"^(Host|Content-Length|Transfer-Encoding):[^\r\n]*\t", re.IGNORECASE | re.MULTILINE)
#: A target with a scheme and a host, of which nginx takes fewer characters than of a ``Host``, and what follows.
_ABSOLUTE = re.compile(
    rb"https?://((?:[a-z0-9.-]+|\[[a-z0-9\-._~!$&'()*+,;=:]+\])(?::[0-9]*)?)((?:[/?].*)?)", re.IGNORECASE | re.DOTALL
)


def trouble(target: bytes, line_bytes: int, lines: bytes, headers: Iterable[RawHeader]) -> tuple[int, str] | None:
    """Return the status and the reason for which a request is refused, None where it is not.

    ``target`` is in origin form, ``line_bytes`` the size of the head's first line, ``lines`` are the others.
    """
    if len(lines) > LINE_BYTES and (large := _too_large(line_bytes, lines)):
        return 431, large
    repeated = _repeated(headers)
    if repeated:
        return 400, f"{repeated.decode('latin-1')} must not be repeated"
    if b"\t" in lines and (tabbed := _TABBED.search(lines)):
        name = tabbed[1].decode()
        return 501 if name.lower() == "transfer-encoding" else 400, f"{name} must not contain a tab"
    path = path_of(target)
    if b"%" in path and _NO_ESCAPE.search(path):
        return 400, "the request target has an invalid % escape, or %00"
    if (b"/." in path or b"%" in path) and _resolved(path) is None:
        return 400, "the request target leads above the root"
    return None


def path_of(target: bytes) -> bytes:
    """Return the path of a target in origin form; a fragment, which no client should send, is none of it."""
    return _END_OF_PATH.split(target, maxsplit=1)[0]


def leads_out(path: bytes, prefix: str) -> bool:
    """Tell whether a path that begins with ``prefix`` is not below it once dots and escapes are resolved.

    So nginx finds what serves a path, though it passes the path on as it came.
    """
    if b"/." not in path and b"%" not in path:
        return False
    asked = unquote_to_bytes(path).split(b"/")
    if b"." not in asked and b".." not in asked:
        return False
    segments = _resolved(path)
    return segments is None or not b"/".join((b"", *segments, b"")).startswith(prefix.encode() + b"/")


def _resolved(path: bytes) -> list[bytes] | None:
    """Return a path's segments with escapes, dots and doubled slashes resolved, None if they lead above the root."""
    segments: list[bytes] = []
    for segment in unquote_to_bytes(path).split(b"/"):
        if segment == b"..":
            if not segments:
                return None
            segments.pop()
        elif segment not in {b"", b"."}:
            segments.append(segment)
    return segments


def origin_form(target: bytes) -> tuple[bytes, bytes | None] | None:
    """Return the target in origin form (RFC 9112, section 3.2), and the authority that replaces Host, if any.

    None for what nginx does not take for a target, among it ``*``.
    """
    if target.startswith(b"/"):
        return target, None
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        return None
    rest = match[2]
    return rest if rest.startswith(b"/") else b"/" + rest, match[1]


def line_trouble(words: list[bytes]) -> str:
    """Return what is wrong with a request line of these words, which cannot be read."""
    if len(words) == 2:
        return "the request line has no HTTP version"
    if words and not words[-1].startswith(b"HTTP/"):
        return "the request line names a protocol other than HTTP"
    return "the request line is malformed"


def hopeless(beginning: bytes) -> str | None:
    """Return why no request can begin so, None if one can."""
    if beginning.startswith(_TLS):
        return "this is TLS, and the gateway speaks HTTP: write http:// in place of https://"
    return None if _BEGINNING.match(beginning) else "the request line is malformed"


def _too_large(line_bytes: int, lines: bytes) -> str | None:
    """Return why nginx's buffers do not hold a head: it splits no line, so the end of each may stay free."""
    room, used = _FIRST_BUFFER, 0
    for size in (line_bytes, *(len(line) + 2 for line in lines.split(b"\r\n")[:-1])):
        if size > LINE_BYTES:
            return f"a header is longer than {LINE_BYTES // 1024} KiB"
        if size > room:
            room, used = LINE_BYTES, used + 1
        room -= size
    if used > _BUFFERS:
        return f"the headers do not fit into {_BUFFERS} buffers of {LINE_BYTES // 1024} KiB, each with whole lines"
    return None


def _repeated(headers: Iterable[RawHeader]) -> bytes:
    found = [lower for name, _ in headers if (lower := name.lower()) in _ONCE]
    return b"" if len(found) < 2 else next((name for name in found if found.count(name) > 1), b"")
