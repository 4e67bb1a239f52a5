"""The gateway's port on this machine."""

from __future__ import annotations

import errno
import ipaddress
import shlex
import socket

from vhlocal.errors import InputError
from vhlocal.events import Notice
from vhlocal.session.record import all_running

#: How many ports are tried when none was asked for.
_TRIES = 100

#: An address of the documentation's network: nobody is there, and the way to it is the way to others.
_ANYWHERE = ("192.0.2.1", 9)


def listen(host: str, port: int, *, given: bool) -> socket.socket:
    """Return a bound socket: on ``port`` where it was ``given``, else on the first free one from there on.

    InputError names who holds a given port, as far as this user may know, or says why the host cannot be bound.
    """
    for candidate in range(port, port + (1 if given else _TRIES)):
        try:
            return _bind(host, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise InputError(
                    f"cannot listen on {host}:{candidate}: {error.strerror or error}",
                    hint="choose an address of this machine with --host, and a port over 1023 with --port",
                ) from error
    if given:
        raise _taken(port)
    raise InputError(f"no port from {port} to {port + _TRIES - 1} is free", hint="choose one with --port")


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(1024)
    except BaseException:
        bound.close()
        raise
    return bound


def _taken(port: int) -> InputError:
    other = "choose another with --port, or leave it out"
    for run in all_running():
        if run.url.endswith(f":{port}"):
            end = f"or stop that run: vhlocal down -C {shlex.quote(run.directory)}"
            return InputError(f"port {port} is in use by your run of {run.directory}", hint=f"{other}; {end}")
    return InputError(f"port {port} is in use{holder(port)}", hint=other)


def holder(port: int) -> str:
    """Return who listens on a port, as the end of a sentence; nothing where this user may not know."""
    import psutil  # noqa: PLC0415 - slow to import, and only who finds a port taken needs it

    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                process = psutil.Process(connection.pid)
                return f" by {process.name()} (process {process.pid})"
    except psutil.Error:
        pass
    return ""


def shared(host: str, url: str) -> str:
    """Return the gateway's ``url`` as other machines can open it, "" where they cannot connect, or it is the same.

    ``host`` is what it was set to listen on.
    """
    if host not in {"0.0.0.0", "::", ""}:
        return ""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANYWHERE)  # sends nothing: it chooses the address that this machine has towards others
            address = probe.getsockname()[0]
        except OSError:
            address = socket.gethostname()
    return f"http://{address}:{url.rpartition(':')[2]}"


def is_open(bound: socket.socket) -> bool:
    """Tell whether others than this machine can connect."""
    address = str(bound.getsockname()[0])
    return not ipaddress.ip_address(address.partition("%")[0]).is_loopback


def open_notice(number: int, *, guarded: bool) -> Notice:
    """Return what a run that others can reach says of that."""
    who = "anyone with a password" if guarded else "anyone who can reach it"
    return Notice(
        f"open to the network on port {number}: {who} can use the endpoints",
        hint="to look at the run, others need the key that `vhlocal ps` prints; leave out --host to serve this machine "
        "only",
    )


def shown(host: str) -> str:
    """Return a host as it stands in a URL that is opened on this machine."""
    if host in {"0.0.0.0", "::"}:
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
