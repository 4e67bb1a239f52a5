"""Gives a server a host name of its own, as a pod has: else it would get the name of a machine that others share."""

import os
import socket
import sys

#: The name that was given, and by what it is found, once somebody has asked.
_names = {}


def take(name):
    """Have Python's own functions for the host name return ``name``, which resolves like the machine's.

    Code that asks the system in another way gets the machine's name, and so does another Python that the server starts.
    """
    uname = os.uname
    _names[name] = _found(socket.gethostname(), socket.gethostbyname)
    socket.gethostname = lambda: name
    os.uname = lambda: os.uname_result([uname()[0], name, *uname()[2:]])
    if hasattr(sys.modules.get("platform"), "_uname_cache"):
        sys.modules["platform"]._uname_cache = None
    socket.gethostbyname = _finding(socket.gethostbyname)
    socket.getaddrinfo = _finding(socket.getaddrinfo)
    # These return the name that they have found as well.
    socket.gethostbyname_ex = _telling(socket.gethostbyname_ex)
    socket.gethostbyaddr = _telling(socket.gethostbyaddr)


def found_at(host):
    """Return the name or the address by which a host is found."""
    return _names[host]() if isinstance(host, str) and host in _names else host


def address(given):
    """Return an address by the name by which its host is found."""
    return (found_at(given[0]), *given[1:]) if isinstance(given, tuple) and given else given


def _found(machine, ask):
    """Return a function for the name by which this machine is found: not every machine finds itself by its own."""
    known = []

    def found():
        if not known:
            try:
                ask(machine)
                known.append(machine)
            except OSError:
                known.append("127.0.0.1")
        return known[0]

    return found


def _finding(ask):
    def asked(host, *more, **named):
        return ask(found_at(host), *more, **named)

    return asked


def _telling(ask):
    def asked(host):
        answer = ask(found_at(host))
        return (host, *answer[1:]) if found_at(host) != host else answer

    return asked
