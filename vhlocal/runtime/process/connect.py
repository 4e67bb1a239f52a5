"""A process runtime for one run of one project."""

from __future__ import annotations

import re
import sys

from vhlocal.errors import EngineError
from vhlocal.project.network import host_network
from vhlocal.project.settings import environment
from vhlocal.runtime.process.environments import Environments
from vhlocal.runtime.process.runtime import ProcessRuntime, slug
from vhlocal.storage import Room, room, rooms, spare

#: What may be in a path that shells and first lines of scripts are given as it is.
_PLAIN = re.compile(r"[\w./@%+=:,-]+")


def connect(directory: str, run: str) -> ProcessRuntime:
    """Return the runtime; EngineError on a system whose processes cannot be kept together."""
    if sys.platform == "win32":
        raise EngineError("servers cannot run as processes on Windows", hint="use vhlocal in WSL 2")
    environ = environment()
    rooms_used = [
        cache_directory("environments"),
        cache_directory("servers", slug(directory)),
        cache_directory("runner"),
    ]
    environments, servers, shared = (found.path for found in rooms_used)
    made = Environments(environments, host_network(environ), environ)
    made.sweep()
    homes = dict.fromkeys([servers, *rooms("cache", "servers", slug(directory))])
    notices = dict.fromkeys(found.notice for found in rooms_used if found.notice is not None)
    return ProcessRuntime(made, tuple(homes), shared, directory, run, tuple(notices))


def cache_directory(*parts: str) -> Room:
    """Return a directory of the user's cache; one in its place if its path is not plain."""
    found = room("cache", *parts)
    if _PLAIN.fullmatch(str(found.path.resolve())):
        return Room(found.path.resolve(), found.notice)
    path = spare("cache").joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return Room(path)
