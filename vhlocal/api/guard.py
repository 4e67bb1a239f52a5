"""Who may see a run, and who may change it. Pure.

A page of any site can make a browser send requests to this machine, and a name of any site can be made to lead to it.
So without the run's token a request may only look, and only where the browser says that nobody else's page asks.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.datastructures import Headers

    #: A request's headers, in a mapping by their names as ``Sec-Fetch-Site`` is written.
    Fields = Headers | Mapping[str, str]

#: An IPv6 address or a name, and perhaps a port.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:]+)\]|([A-Za-z0-9.-]+))(?::\d+)?")

_LOOKS = ("GET", "HEAD")

#: What browsers send of a request that no other page caused.
_OWN_SITES = ("", "same-origin", "none")


class Refusal(NamedTuple):
    """Why a request is refused, with its status and what to do."""

    status: int
    reason: str
    hint: str


_NO_TOKEN = Refusal(401, "this needs the run's token", "use `vhlocal down`, or send `Authorization: Bearer TOKEN`")
_NO_KEY = Refusal(401, "locked: this run is open to the network", "open the link printed by `vhlocal ps`")
_NO_PAGE_KEY = Refusal(401, "this needs the page's key", "run `vhlocal open`, or open the link that it prints")
_FOREIGN = Refusal(403, "another site's page sent this request", "open the address in a new tab")
_WRONG_HOST = Refusal(
    403,
    "the Host header does not name this machine",
    "open it at 127.0.0.1 or localhost; a tunnel can lead there from elsewhere",
)


class Guard:
    """The rule for one run.

    ``read_key`` lets a browser look, by the cookie named ``cookie``: that is all it can do. It comes from the token
    and does not reveal it, since cookies reach every app that is served at the same host and port.
    """

    def __init__(self, token: str, port: int, *, open_to_network: bool) -> None:
        self.read_key = hmac.digest(token.encode(), b"vhlocal: read", "sha256").hex()
        self.cookie = f"vhlocal-{port}"
        self._token = token
        self._open = open_to_network

    def refusal(self, method: str, headers: Fields) -> Refusal | None:
        """Return why this request to the control plane is refused, or None."""
        if self.is_owner(headers):
            return None
        if method not in _LOOKS:
            return _NO_TOKEN
        if _is_foreign(headers):
            return _FOREIGN
        # Not parsed further: apps at this host may have set cookies that are no UTF-8.
        cookies = headers.get("Cookie", "").split(";")
        if any(_same(cookie.strip(), f"{self.cookie}={self.read_key}") for cookie in cookies):
            return None
        return self._without_key(headers)

    def is_owner(self, headers: Fields) -> bool:
        """Tell whether a request shows the run's token."""
        return _shows(headers, self._token)

    def _without_key(self, headers: Fields) -> Refusal | None:
        if self._open:
            return _NO_KEY
        return None if _names_loopback(headers.get("Host", "")) else _WRONG_HOST

    def link(self, url: str) -> str:
        """Return where a browser on another machine is let in to look, under the gateway's URL."""
        return f"{url}/?key={self.read_key}"

    def is_key(self, given: str) -> bool:
        """Tell whether this is the key to look."""
        return _same(given, self.read_key)


class PageGuard:
    """The rule at the page's own origin: whoever sends its ``key`` may do everything, and only its own page may ask.

    Without the key there are the page's files and the pages of findings, which reveal no secret of the run.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    def refusal(self, method: str, path: str, headers: Fields) -> Refusal | None:
        """Return why a request is refused, or None."""
        if not _names_loopback(headers.get("Host", "")):
            return _WRONG_HOST
        if _is_foreign(headers):
            return _FOREIGN
        needs_key = method not in _LOOKS or path.startswith("/api")
        return _NO_PAGE_KEY if needs_key and not self.shows_key(headers) else None

    def shows_key(self, headers: Fields) -> bool:
        """Tell whether a request shows the key."""
        return _shows(headers, self._key)


def _shows(headers: Fields, secret: str) -> bool:
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    return scheme == "Bearer" and _same(given, secret)


def _names_loopback(host: str) -> bool:
    match = _HOST.fullmatch(host)
    if match is None:
        return False
    name = (match[1] or match[2]).lower()
    try:
        return name == "localhost" or name.endswith(".localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_foreign(headers: Fields) -> bool:
    origin = headers.get("Origin")
    if origin is not None and origin.partition("://")[2].lower() != headers.get("Host", "").lower():
        return True
    own = headers.get("Sec-Fetch-Site", "") in _OWN_SITES
    return not own and headers.get("Sec-Fetch-Mode") != "navigate"


def _same(given: str, secret: str) -> bool:
    """Compare in a time that reveals nothing."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())
