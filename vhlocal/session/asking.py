"""A GET request of vhlocal's own, sent to a server directly and not through the gateway."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vhlocal.contract.headers import RawHeader
    from vhlocal.runtime.base import Address

#: The headers by which an app can tell such a request from others.
OWN_HEADERS = ((b"User-Agent", b"vhlocal-doctor"), (b"X-VHLocal-Doctor", b"1"))


@contextlib.contextmanager
def get(
    address: Address, target: str, headers: Iterable[RawHeader], seconds: float
) -> Iterator[http.client.HTTPResponse]:
    """Send the request with these headers alone, and yield the response, whose body is still to be read.

    No single wait takes longer than ``seconds``. Raises TimeoutError, OSError and HTTPException as the socket does.
    """
    connection = http.client.HTTPConnection(address.host, address.port, timeout=seconds)
    try:
        connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        yield connection.getresponse()
    finally:
        connection.close()


def speaks_tls(address: Address, seconds: float) -> bool:
    """Tell whether a server completes a TLS handshake, whatever its certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(OSError):
        plain = socket.create_connection((address.host, address.port), timeout=seconds)
        with plain, context.wrap_socket(plain):
            return True
    return False
