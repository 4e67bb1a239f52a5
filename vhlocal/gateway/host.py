"""Which host a request names, and what is none. Pure."""

from __future__ import annotations

import ipaddress
import re

#: RFC 3986, section 3.2.2: an address in brackets or a name, and a port.
_HOST = re.compile(
    rb"(?:\[([^\[\]]+)\]|((?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+))(?::([0-9]{0,5}))?",
)
_FUTURE_ADDRESS = re.compile(r"[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+")
_HOST_BYTES = 300
_LAST_PORT = 65535
_PORT = re.compile(rb":[0-9]*\Z")


def is_host(host: bytes) -> bool:
    """Tell whether this is a host, with or without a port."""
    match = _HOST.fullmatch(host)
    if match is None or len(host) > _HOST_BYTES or int(match[3] or 0) > _LAST_PORT:
        return False
    address, name = match[1], match[2]
    if address is None:
        return name != b"." and b".." not in name
    try:
        text = address.decode()
        return bool(_FUTURE_ADDRESS.fullmatch(text) or ipaddress.IPv6Address(text))
    except ValueError:
        return False


def sent_on(header: bytes | None, authority: bytes | None) -> bytes:
    """Return the ``Host`` that the server gets: nothing where the request names none.

    The header counts, even if the target names another host (``authority``): the ingress writes nginx's ``$http_host``
    into it, and only without a header ``$host``, which has no port and no capitals (K9).
    """
    if header is not None:
        return header
    return b"" if authority is None else _PORT.sub(b"", authority).lower()
