"""The process runtime: environments are virtual ones, servers are processes of this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.contract.image import CODE_DIRECTORY, RUNNER_DIRECTORY
from vhlocal.errors import BuildError, EngineError
from vhlocal.events import Notice
from vhlocal.runtime.base import Address, Layout, PresentServer, Usage, hear_no_pause, spare_none
from vhlocal.runtime.process import begun, files, furnishing
from vhlocal.runtime.process.begun import Begun, Made
from vhlocal.runtime.process.cgroup import enforceable
from vhlocal.runtime.process.guarded import Guarded, Orders, drop, idle, start
from vhlocal.runtime.process.ports import LOOPBACK, free_ports, give_back, own_port
from vhlocal.runtime.process.pythons import wanted_version
from vhlocal.storage import refused, writing
from vhlocal.values import dataclass

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Collection, Mapping, Sequence

    from vhlocal.model import Endpoint
    from vhlocal.runtime.base import (
        Entry,
        Layer,
        Listener,
        OnExit,
        OnLine,
        OnPause,
        OnPull,
        PresentImage,
        ServerSpec,
        Spares,
    )
    from vhlocal.runtime.process.environments import Environments

#: The PATH of the official Python images: what a user has added to their own is not there in production.
_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"

#: So many ports for servers beside the first: what bounds how many answer at once is memory, and files that are open.
_SPARES = 16

#: Letters of an endpoint in its replicas' host names, of which there are 63 at most.
_LONGEST_NAME = 56


@dataclass
class _Server:
    """A server; ``held`` is what it holds until it is removed, ``begun`` what was begun ahead and is the very same."""

    root: Path
    spec: ServerSpec
    made: Made
    held: contextlib.ExitStack
    begun: Begun | None = None
    guarded: Guarded | None = None


class ProcessRuntime:
    """Runs servers as processes, for the project in ``directory``; ``run`` names this run.

    ``homes`` are where its servers have their directories, new ones in the first; ``shared`` is for what all projects'
    servers read. ``notices`` is what the user should know of these places.
    """

    def __init__(
        self,
        environments: Environments,
        homes: Sequence[Path],
        shared: Path,
        directory: str,
        run: str,
        notices: Sequence[Notice] = (),
    ) -> None:
        self._environments = environments
        self._homes = tuple(homes)
        self._shared_files = shared
        self._directory = os.path.realpath(directory)
        self._run = run
        self.notices = notices
        self._servers: dict[str, _Server] = {}
        self._dated = 0
        self._lock = threading.Lock()
        #: The first server, where it was begun ahead; by its directory's name once that is laid out for it.
        self._begun = begun.claim(self._homes[0], self._directory)
        self._laid_out: dict[str, Begun] = {}
        # Else the first server's guard: it is there by the time that the project has been looked at.
        self._spare: subprocess.Popen[bytes] | None = idle() if self._begun is None else None
        #: Ports that were found for each server, whether or not it listens on them yet.
        self._ports: dict[str, tuple[int, ...]] = {}
        #: Declared ports by server: one that was given its port may not have bound it yet.
        self._reserved: dict[str, int] = {}

    name = "process"
    noun = "process"
    remains = "files"
    stands_in = True

    def base(self, image: str) -> str:
        """Return the Python that stands for a base image."""
        return self._environments.base(image)

    def differences(self, endpoint: Endpoint) -> Sequence[Notice]:
        """Return what an endpoint asks for that a process does not get."""
        found: list[Notice] = []

        def note(text: str, key: str, hint: str) -> None:
            found.append(Notice(text, endpoint.place(key), hint, endpoint.name))

        wanted, used = wanted_version(endpoint.image), self._environments.base(endpoint.image).removeprefix("python")
        if wanted is None:
            hint = "the rest of the image is not available; `--runtime docker` uses the image"
            note(f"this machine's Python {used} stands in for {endpoint.image}", "image", hint)
        elif wanted != used:
            note(f"Python {wanted} is not on this machine: using {used}", "image", f"install Python {wanted}")
        if endpoint.shared_volumes or endpoint.workspace_volume:
            key = "shared-volumes" if endpoint.shared_volumes else "workspace-volume"
            note("volumes are not mounted without a container engine", key, "reads and writes there fail")
        limits = {"memory": endpoint.resources.memory_max, "cpu": endpoint.resources.cpu_max}
        for name in [name for name, limit in limits.items() if limit is not None and name not in enforceable()]:
            hint = "vhlocal watches it and reports what production would end" if name == "memory" else "production does"
            note(f"resources.{name}.max is not enforced: this user has no control groups", f"resources.{name}", hint)
        return found

    def image(self, name: str) -> PresentImage | None:
        """Return the environment of this name, or None."""
        return self._environments.image(name)

    def pull(self, name: str, on_progress: OnPull) -> None:
        """Fail: a Python that is not here cannot be brought."""
        raise BuildError(
            f"there is no usable Python on this machine ({name})",
            hint="install one, with its `venv` module, or use Docker",
        )

    def build(self, layer: Layer, on_line: Callable[[str], None]) -> None:
        """Make one environment."""
        self._environments.build(layer, on_line)

    def discard(self, names: Sequence[str]) -> Collection[str]:
        """Remove environments that nobody wants any more, and nobody uses."""
        return self._environments.discard(names)

    def layout(self, spec: ServerSpec) -> Layout:
        """Return a new directory and free ports; the declared port where the command names it."""
        ahead = self._take_begun(spec)
        root = self._homes[0] / f"{self._run}-{secrets.token_hex(3)}" if ahead is None else ahead.root
        port, control, *spares = self._ports[root.name] = ahead.made.ports if ahead else free_ports(2 + _SPARES)
        with self._lock:
            if ahead is not None:
                self._laid_out[root.name] = ahead
            self._give_back_declared()
            own = own_port(spec.command, spec.port)
            if own is not None:
                self._reserved[root.name] = port = own
        return Layout(
            port=port,
            root=str(root / "valohai"),
            staging=str(spec.staging),
            host=LOOPBACK,
            control=control,
            spares=tuple(spares),
            token="" if ahead is None else ahead.token,
        )

    def servers(self, directory: str) -> Sequence[PresentServer]:
        """Return every server whose directory is there, even if it is being made, or was being taken away.

        Those of a run that was killed have ended with it.
        """
        found = []
        for root in (root for home in self._homes for root in home.glob("*-*")):
            endpoint = "an endpoint"
            with contextlib.suppress(OSError, ValueError, KeyError):
                endpoint = json.loads(root.joinpath(furnishing.FACTS).read_text())["endpoint"]
            server = self._servers.get(root.name)
            running = server is not None and server.guarded is not None and server.guarded.running
            run = root.name.rpartition("-")[0] if server is None else self._run
            found.append(PresentServer(root.name, endpoint, run, running))
        return found

    def create(self, spec: ServerSpec) -> str:
        """Make a server's directory with its files in it."""
        root = Path(spec.layout.root).parent
        try:
            self._create(root, spec)
        except OSError as error:
            self.remove(root.name)
            what = f"the directory of {spec.identity.endpoint} could not be created"
            raise refused(error, what, root, EngineError) from error
        except BaseException:
            self.remove(root.name)
            raise
        return root.name

    def start(
        self,
        server: str,
        on_line: OnLine,
        on_exit: OnExit,
        spares: Spares = spare_none,
        on_pause: OnPause = hear_no_pause,
    ) -> Mapping[int, Address]:
        """Start a server's process; its output and its end are reported from a thread of its own."""
        known = self._known(server)
        spec = known.spec
        if not Path(spec.layout.located(CODE_DIRECTORY)).is_dir():
            raise EngineError(f"the directory of {spec.identity.endpoint} has been removed")
        if known.begun is not None and known.begun.waits:
            started = known.begun.take()
        else:
            started = start(self._take_guard(), known.made.orders, spec.limits)
            begun.remember(known.made, spec)
        known.guarded = Guarded(started, (on_line, on_exit, spares))
        return {port: Address(LOOPBACK, port) for port in (spec.port, *spec.more_ports)}

    def sync(self, server: str, entries: Sequence[Entry], removed: Sequence[str]) -> None:
        """Write changed files into a server's directory and take removed ones away.

        Each call dates its files a second later than the one before: Python takes a compiled module for fresh when size
        and whole second of its source are as they were.
        """
        self._dated = max(int(time.time()), self._dated) + 1
        with writing("a saved file could not be copied for its server", self._known(server).root, EngineError):
            for path in removed:
                files.remove(path)
            files.place(entries, self._dated)

    def listeners(self, server: str) -> Sequence[Listener]:
        """Return the sockets that a server's processes listen on."""
        from vhlocal.runtime.process import tree  # noqa: PLC0415 - a server's start is not to wait for it

        guarded = self._known(server).guarded
        return [] if guarded is None else tree.listeners(guarded.pid)

    def written(self) -> Mapping[Path, float]:
        """Return what the Python of servers has reported: see ``packages``."""
        found: dict[Path, float] = {}
        for file in self._homes[0].glob(f"*/{furnishing.WRITTEN}/*"):
            with contextlib.suppress(OSError):
                path, when = Path(file.read_text(errors="surrogateescape")), file.stat().st_mtime
                found[path] = max(when, found.get(path, 0.0))
        return found

    def usage(self, server: str) -> Usage | None:
        """Return what a server's processes use; the kernel keeps their limit where it lets this user have a group."""
        from vhlocal.runtime.process import tree  # noqa: PLC0415 - as above

        guarded = self._known(server).guarded
        if guarded is None or not guarded.running:
            return None
        memory, cpu = tree.usage(guarded.pid)
        return Usage(memory, guarded.limited, cpu, guarded.throttling)

    def stop(self, server: str, grace: float) -> None:
        """End a server: SIGTERM to its main process, and the end of all of it after ``grace`` seconds."""
        known = self._servers.get(server)
        if known is not None and known.guarded is not None:
            known.guarded.stop(grace)

    def remove(self, server: str) -> None:
        """Take a server away with its directory."""
        self.stop(server, 0)
        known = self._servers.pop(server, None)
        if known is not None:
            known.held.close()
        if server in self._laid_out:
            self._laid_out.pop(server).close()
        self._forget_ports(server)
        for home in self._homes:
            shutil.rmtree(home / server, ignore_errors=True)

    def prune(self, needed: Collection[str], everything: bool, dry_run: bool = False) -> list[tuple[str, int]]:
        """Remove environments that are not ``needed`` (by name), or all that are not in use; return names and bytes."""
        return self._environments.prune(needed, everything, dry_run)

    def close(self) -> None:
        """End what still runs."""
        for known in tuple(self._servers.values()):  # others may be taken away meanwhile
            if known.guarded is not None:
                known.guarded.stop(0)
        for ahead in (self._begun, *self._laid_out.values()):
            if ahead is not None:
                ahead.drop()
        if self._spare is not None:
            drop(self._spare)
        self._environments.close()

    def _take_guard(self) -> subprocess.Popen[bytes]:
        """Return a guard that has begun beforehand, if there is one."""
        with self._lock:
            spare, self._spare = self._spare, None
        return spare if spare is not None and spare.poll() is None else idle()

    def _forget_ports(self, server: str) -> None:
        with self._lock:
            give_back(self._ports.pop(server, ()))
            if server in self._reserved:
                give_back([self._reserved.pop(server)])

    def _give_back_declared(self) -> None:
        """Give back the declared ports of servers that have ended: what follows one is to listen where it did."""
        for name in [name for name in self._reserved if self._has_ended(name)]:
            give_back([self._reserved.pop(name)])

    def _has_ended(self, server: str) -> bool:
        known = self._servers.get(server)
        return known is not None and known.guarded is not None and not known.guarded.running

    def _known(self, server: str) -> _Server:
        try:
            return self._servers[server]
        except KeyError:
            raise EngineError(f"the server {server} no longer exists") from None

    def _take_begun(self, spec: ServerSpec) -> Begun | None:
        """Return what was begun ahead, if this is its endpoint's server; else nobody waits for it any more."""
        with self._lock:
            ahead, self._begun = self._begun, None
        if ahead is not None and ahead.made.furnishing.endpoint != spec.identity.endpoint:
            ahead.abandon()
            return None
        return ahead

    def _create(self, root: Path, spec: ServerSpec) -> None:
        python = self._environments.python_directory(spec.image)
        held = self._environments.hold(spec.image)
        local = self._environments.local_directory(spec.image)
        runner = f"{spec.layout.located(RUNNER_DIRECTORY)}/"
        own = {entry.path: entry for entry in spec.entries if entry.path.startswith(runner)}
        own = {path: entry for path, entry in own.items() if path.endswith(".py")}
        entries = [entry for entry in spec.entries if entry.path not in own]
        entries += [replace(entry, content=None, link=link) for entry, link in self._shared(list(own.values()))]
        code = spec.layout.located(CODE_DIRECTORY)
        first = begun.early(entries)
        made = Made(
            furnishing.Furnishing(
                root=str(root),
                project=self._directory,
                endpoint=spec.identity.endpoint,
                local=None if local is None else str(local),
                code=code,
                beside=tuple(map(str, self._environments.made_beside_code(spec.image))),
                entries=tuple(first),
            ),
            Orders(spec.command, _environment(root, spec, python), code),
            spec.limits,
            self._ports[root.name],
        )
        self._servers[root.name] = server = _Server(root, spec, made, held)
        with self._lock:
            ahead = self._laid_out.pop(root.name, None)
        if ahead is not None and ahead.waits and ahead.made == made:
            server.begun = ahead
            held.callback(ahead.close)
        else:
            if ahead is not None:
                ahead.drop()
            furnishing.furnish(made.furnishing)
        files.place([entry for entry in entries if entry not in first])
        for target, source in spec.mounts.files.items():
            files.give(source, Path(target))

    def _shared(self, code: Sequence[Entry]) -> list[tuple[Entry, str]]:
        """Return for each of a runner's files where it is, in a directory of all servers: Python compiles it once."""
        digest = hashlib.sha256(b"\0".join(entry.content or b"" for entry in code)).hexdigest()[:16]
        shared = self._shared_files / digest
        named = [(entry, shared / Path(entry.path).name) for entry in code]
        if not shared.is_dir():
            new = shared.with_name(f"{digest}.{secrets.token_hex(3)}")
            files.place([replace(entry, path=str(new / path.name)) for entry, path in named])
            with contextlib.suppress(OSError):  # another run was quicker
                new.rename(shared)
        return [(entry, str(path)) for entry, path in named]


def _environment(root: Path, spec: ServerSpec, python: Path) -> dict[str, str]:
    """Return all variables of a server, whose directory is ``root``."""
    return {
        "PATH": f"{python}:{_PATH}",
        "HOME": str(root / "home"),
        "LANG": "C.UTF-8",
        "HOSTNAME": f"{spec.identity.endpoint[:_LONGEST_NAME]}-{root.name.rpartition('-')[2]}",
        **spec.environment,
    }


def slug(directory: str) -> str:
    """Return a file name for a project's directory; different ones have different names."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", Path(directory).name) or "project"
    return f"{name}-{hashlib.sha256(directory.encode()).hexdigest()[:12]}"
