"""Whether the address of an engine is one that vhlocal can use, before anybody connects to it. No SDK here."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vhlocal.errors import EngineError
from vhlocal.runtime.docker.failures import is_nobody_there, no_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

_REMEDY = "an address is unix:///path/of/the/socket or tcp://127.0.0.1:PORT; without one, Docker's usual socket is used"

#: How to get back to Docker's usual socket, by the setting that leads elsewhere; otherwise it is a context.
_USUAL = {"DOCKER_HOST": "unset DOCKER_HOST"}
_SWITCH = "`docker context use default`"

_TCP = ("tcp", "http", "https")


class NoAddressError(EngineError):
    """What was set as an engine's address is none: nothing else is tried in its place."""


def check_address(address: str, setting: str) -> None:
    """Raise NoAddressError for what is no address, EngineError for another machine's; ``setting`` names its source."""
    why = _fault(address)
    if why:
        raise NoAddressError(f"{setting} is not a container engine's address: {address}: {why}", hint=_REMEDY)
    if not is_local(address):
        back = _USUAL.get(setting, _SWITCH)
        raise EngineError(
            f"the container engine at {address} ({setting}) is on another machine",
            hint=f"vhlocal mounts files from this machine into containers: use a local engine ({back})",
        )


def check_socket(environ: Mapping[str, str]) -> None:
    """Raise what ``check_address`` does, or EngineError where nobody listens at the socket that DOCKER_HOST names.

    All other addresses are for the SDK to try. It is slow to import, and has nothing to say where nobody is.
    """
    address = environ.get("DOCKER_HOST", "")
    scheme, _, rest = address.partition("://")
    if scheme == "unix" and sys.platform != "win32":
        check_address(address, "DOCKER_HOST")
        refused = knock(str(Path("/", rest)))
        if refused is not None and is_nobody_there(refused):
            raise no_answer(address, refused, "DOCKER_HOST") from refused


def knock(path: str) -> OSError | None:
    """Connect to a socket of this machine; return what kept that from being done, or None."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            return error
    return None


def is_local(address: str) -> bool:
    """Tell whether an address is this machine's."""
    scheme, separator, rest = address.partition("://")
    if separator and scheme not in _TCP:
        return scheme != "ssh"
    host = urlsplit(f"//{rest or address}").hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _fault(address: str) -> str:
    """Return what keeps a text from being an engine's address, or nothing."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return f"did you mean unix://{address}?" if address.startswith("/") else _tcp_fault(address)
    if scheme in _TCP:
        return _tcp_fault(rest)
    if scheme == "unix":
        if not rest:
            return "its path is missing"
        path = Path("/", rest)
        return "that is not a socket" if path.exists() and not path.is_socket() else ""
    if scheme == "npipe":
        return "" if sys.platform == "win32" else "named pipes exist only on Windows"
    return "" if scheme == "ssh" and rest else f"{scheme}:// is not supported"


def _tcp_fault(rest: str) -> str:
    try:
        parts = urlsplit(f"//{rest}")
        port = parts.port
    except ValueError as error:
        return str(error)
    if not parts.hostname or not port:
        return "a host and a port are missing" if not parts.hostname else "its port is missing"
    return ""
