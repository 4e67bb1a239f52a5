"""A Docker runtime for one run of one project."""

from __future__ import annotations

import tempfile
from pathlib import Path

from vhlocal.project.network import host_network
from vhlocal.project.settings import environment
from vhlocal.runtime.docker import begun
from vhlocal.runtime.docker.engine import Engine
from vhlocal.runtime.docker.layers import BuildNetwork, forget_earlier
from vhlocal.runtime.docker.runtime import DockerRuntime
from vhlocal.storage import identity


def connect(directory: str, run: str) -> DockerRuntime:
    """Reach the engine and return the runtime; EngineError where none answers."""
    forget_earlier(Path(tempfile.gettempdir()))
    environ = environment()
    host = host_network(environ)
    network = BuildNetwork({**host.proxies, **host.pip}, host.ca_bundle)
    ahead = begun.claim(directory, run)
    engine = ahead.reached() if ahead is not None else None
    return DockerRuntime(engine or Engine.connect(environ), network, directory, run, identity(), ahead)
