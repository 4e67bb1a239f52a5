"""A process runtime for one run of one project."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import platformdirs

from vhlocal.errors import EngineError
from vhlocal.project.network import host_network
from vhlocal.project.settings import environment
from vhlocal.runtime.process.environments import Environments
from vhlocal.runtime.process.runtime import ProcessRuntime

#: What may be in a path that shells and first lines of scripts are given as it is.
_PLAIN = re.compile(r"[\w./@%+=:,-]+")


def connect(directory: str, run: str) -> ProcessRuntime:
    """Return the runtime; EngineError on a system whose processes cannot be kept together."""
    if sys.platform == "win32":
        raise EngineError("servers cannot run as processes on Windows", hint="start Docker Desktop, or use WSL")
    environ = environment()
    cache = cache_directory()
    environments = Environments(cache / "environments", host_network(environ), environ)
    environments.sweep()
    return ProcessRuntime(environments, cache / "servers", directory, run)


def cache_directory() -> Path:
    """Return where environments and servers' directories are: the user's cache directory, if its path is plain."""
    cache = platformdirs.user_cache_path("vhlocal").resolve()
    if _PLAIN.fullmatch(str(cache)):
        return cache
    return Path(tempfile.gettempdir()).resolve() / f"vhlocal-{os.getuid()}"
