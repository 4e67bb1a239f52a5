"""Making environments: for each layer a virtual environment, and beside it what is installed.

Production installs with ``pip install --user``: commands land in ``~/.local/bin``, which is not on the PATH (B3), while
``python`` imports the packages. So an environment has two parts. ``python/`` is a bare virtual environment, whose
``bin`` is put on the PATH; ``local/`` stands for ``~/.local``. A layer on a layer has its own ``local/`` alone, and
imports the others' as well.

An environment is made in its final place, since scripts and ``pyvenv.cfg`` hold absolute paths; it counts once its
record is written (see ``kept``). Each making has a directory of its own, so one that is made anew never disturbs a
server that still runs in the old one.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.errors import BuildError
from vhlocal.runtime.base import PresentImage
from vhlocal.runtime.process import files, packages
from vhlocal.runtime.process.child import Children
from vhlocal.runtime.process.failures import disk_full, install_failed, not_written, venv_failed
from vhlocal.runtime.process.installing import Installer, installer
from vhlocal.runtime.process.kept import Kept, Shelf, slug
from vhlocal.runtime.process.pythons import Python, Pythons, running_python, wanted_version
from vhlocal.storage import can_be_written, size

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from filelock import FileLock

    from vhlocal.project.network import HostNetwork
    from vhlocal.runtime.base import Entry, Layer

    OnLine = Callable[[str], None]

_BASE = re.compile(r"python(\d+\.\d+)")

#: Bytes with which nothing can be installed.
_NOTHING_FREE = 1024 * 1024

#: Seconds between two looks at whether vhlocal ends, while another one makes the environment.
_LOOK = 0.2


def _unheard(line: str) -> None:
    """Take a line that nobody wants to see."""


class Environments:
    """Virtual environments in ``directory``, by name: a *base* (``python3.11``), or a layer's tag.

    ``environ`` is the environment that the user started vhlocal in. Methods may be called from several threads.
    """

    def __init__(self, directory: Path, network: HostNetwork, environ: Mapping[str, str]) -> None:
        self._directory = directory.absolute()
        self._shelf = Shelf(self._directory)
        self._pythons = Pythons(self._directory, environ)
        self._network = network
        self._environ = environ
        self._children = Children()
        self._held: list[contextlib.ExitStack] = []

    def base(self, image: str) -> str:
        """Return the base for an image: the Python that it names where that is at hand, else the one that runs this."""
        version = wanted_version(image)
        python = self._pythons.find(version) if version else None
        return f"python{(python or running_python()).minor}"

    def image(self, name: str) -> PresentImage | None:
        """Return an environment that can be used as it is, or None.

        A base's id names the interpreter. One that has been found before is not run again.
        """
        if _BASE.fullmatch(name):
            python = self._python(name)
            return None if python is None else PresentImage(_identity(python))
        kept = self._usable(name)
        return None if kept is None else PresentImage(kept.id, kept.parent)

    def ensure_base(self, name: str, on_line: OnLine = _unheard) -> None:
        """Make the bare virtual environment of a base, if it is not there; BuildError when it cannot be made."""
        python = self._needed_python(name)
        if self._is_bare(name, python):
            return
        with self._made_once(name, on_line):
            if self._is_bare(name, python):
                return
            with self._new(name) as home:
                self._make_bare(self._installer(python), home, on_line)
                packages.write_hook(home / "python", ())
                self._shelf.write(Kept(name, _identity(python), "", name, (home.name,), ()))
            self._sweep(name)

    def build(self, layer: Layer, on_line: OnLine) -> None:
        """Make one layer, unless another process just has; ``on_line`` gets what the tools print, as it comes.

        BuildError where it cannot be made. Nothing that counts is left by one that fails or is interrupted.
        """
        with self._made_once(layer.tag, on_line):
            parent = self.image(layer.parent)
            if parent is None and _BASE.fullmatch(layer.parent):
                self._needed_python(layer.parent)
            if parent is None:
                raise BuildError(f"{layer.parent} disappeared before {layer.title} could be made on it")
            present = self.image(layer.tag)
            if present is not None and present.parent == parent.id:
                return
            self._make(layer, parent.id, on_line)
            self._sweep(layer.tag)

    def python_directory(self, name: str) -> Path:
        """Return the directory that has ``python``, to be the first on the PATH; BuildError if it is not made.

        A base's is made when it is asked for first.
        """
        if _BASE.fullmatch(name):
            self.ensure_base(name)
        return self._home(name) / "python" / "bin"

    def local_directory(self, name: str) -> Path | None:
        """Return what stands for ``~/.local``, or None for a base; BuildError if the layer is not made."""
        return None if _BASE.fullmatch(name) else self._home(name) / "local"

    def made_beside_code(self, name: str) -> list[Path]:
        """Return the directories with what installations have made in the code's own, lowest layer first.

        Such as the metadata of an editable one, and what was compiled for it. Servers get it with their code.
        """
        kept = self._usable(name)
        directories = [self._directory / each / "code" for each in reversed(kept.directories if kept else ())]
        return [directory for directory in directories if directory.is_dir()]

    def hold(self, name: str) -> contextlib.ExitStack:
        """Keep an environment from ``prune`` until what is returned or this is closed, or this process ends."""
        kept = self._shelf.read(name)
        held = contextlib.ExitStack()
        for directory in kept.directories if kept else ():
            held.enter_context(self._shelf.hold(directory))
        self._held.append(held)
        return held

    def close(self) -> None:
        """End what is being made, and let go of all that is held."""
        self._children.close()
        for held in self._held:
            held.close()
        self._held.clear()

    def prune(self, needed: Collection[str], everything: bool, dry_run: bool = False) -> list[tuple[str, int]]:
        """Remove environments that are not ``needed`` (by name), and return their names and sizes in bytes.

        Bases stay, as does what a needed one stands on; with ``everything`` all go. What a process holds or makes stays
        in every case. A size is an upper bound, as uv links files from its cache. A ``dry_run`` removes nothing.
        """
        kept = [] if everything else [one for one in self._shelf.all() if one.name in needed or one.name == one.base]
        stay = {directory for one in kept for directory in one.directories}
        removed: list[tuple[str, int]] = []
        for name in sorted(self._shelf.slugs()):
            with self._unless_made(name) as free:
                if free:
                    removed += self._prune(name, stay, dry_run)
        return removed

    def discard(self, names: Collection[str]) -> set[str]:
        """Remove environments by name where nothing stands on them, nor holds or makes them; return which are gone."""
        stay = {each for kept in self._shelf.all() if kept.name not in names for each in kept.directories}
        for name in names:
            with self._unless_made(slug(name)) as free:
                if free:
                    list(self._prune(slug(name), stay, dry_run=False))
        return {name for name in names if self._shelf.read(name) is None}

    def sweep(self) -> None:
        """Take away what makings have left that were killed: nobody knows what it holds."""
        for name in sorted(self._shelf.slugs()):
            if self._leftovers(name):
                with contextlib.suppress(BuildError), self._unless_made(name) as free:
                    if free:
                        self._sweep(name)

    @contextlib.contextmanager
    def _unless_made(self, name: str) -> Iterator[bool]:
        """Keep others from making an environment; False where one is making it."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - slow to import, and only who makes or removes locks

        try:
            with FileLock(self._shelf.lock_file(name)).acquire(blocking=False):
                yield True
        except Timeout:
            yield False
        except OSError as error:
            raise not_written(error, self._directory) from error

    def _prune(self, name: str, stay: set[str], dry_run: bool) -> Iterator[tuple[str, int]]:
        records = [one for one in self._shelf.all() if slug(one.name) == name]
        for record in records:
            unused = stay.isdisjoint(record.directories[:1]) and not self._shelf.in_use(record.directories[0])
            if unused and not dry_run:
                self._shelf.forget(record.name)
        for home in self._shelf.own(name):
            if home.name not in stay and not self._shelf.in_use(home.name):
                taken = size(home)
                if not dry_run:
                    _remove(home)
                yield (records[0].name if records else name), taken

    def _python(self, base: str) -> Python | None:
        named = _BASE.fullmatch(base)
        return self._pythons.find(named[1]) if named else None

    def _needed_python(self, base: str) -> Python:
        python = self._python(base)
        if python is None:
            raise BuildError(f"{base} is no longer on this machine", hint=f"install {base}, or run again")
        return python

    def _installer(self, python: Python) -> Installer:
        uv = shutil.which("uv", path=self._environ.get("PATH", ""))
        return installer(python, uv, self._network, {**self._own_cache(), **self._environ})

    def _own_cache(self) -> dict[str, str]:
        """Return where uv keeps its downloads if it cannot where it would: it does not work without."""
        caches = self._environ.get("XDG_CACHE_HOME") or Path(self._environ.get("HOME", "~"), ".cache")
        return {} if can_be_written(Path(caches, "uv")) else {"UV_CACHE_DIR": str(self._directory.parent / "uv")}

    def _usable(self, name: str) -> Kept | None:
        """Return a record if all that it lists is still there, the interpreter included."""
        kept = self._shelf.read(name)
        if kept is None:
            return None
        paths = [self._interpreter(kept), *map(Path, kept.sites)]
        return kept if all(path.exists() for path in paths) else None

    def _interpreter(self, kept: Kept) -> Path:
        return self._directory / kept.directories[0] / "python" / "bin" / "python"

    def _is_bare(self, name: str, python: Python) -> bool:
        """Tell whether a base's virtual environment is there, made with the interpreter that is there now."""
        kept = self._usable(name)
        return kept is not None and kept.id == _identity(python)

    def _home(self, name: str) -> Path:
        kept = self._usable(name)
        if kept is None:
            raise BuildError(f"the environment {name} does not exist")
        return self._directory / kept.directories[0]

    @contextlib.contextmanager
    def _made_once(self, name: str, on_line: OnLine) -> Iterator[None]:
        """Let one process at a time make an environment; what the system refuses becomes a BuildError."""
        from filelock import FileLock  # noqa: PLC0415

        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._shelf.lock_file(slug(name)))
            with self._acquired(lock, on_line):
                yield
        except OSError as error:
            raise not_written(error, self._directory) from error

    def _acquired(self, lock: FileLock, on_line: OnLine) -> contextlib.AbstractContextManager[object]:
        from filelock import Timeout  # noqa: PLC0415

        waits = False
        while True:
            try:
                return lock.acquire(timeout=_LOOK if waits else 0)
            except Timeout:
                if self._children.closed:
                    raise BuildError("the environment was not made, because vhlocal is stopping") from None
                if not waits:
                    on_line("another vhlocal is making this; waiting for it")
                waits = True

    @contextlib.contextmanager
    def _new(self, name: str) -> Iterator[Path]:
        """Make a directory for an environment, which goes again with everything in it unless this ends well."""
        home = self._directory / f"{slug(name)}-{secrets.token_hex(4)}"
        home.mkdir()
        try:
            yield home
        except BaseException:
            _remove(home)
            raise

    def _sweep(self, name: str) -> None:
        """Take away what earlier makings of an environment have left, unless a server still runs in it."""
        for home in self._leftovers(slug(name)):
            _remove(home)

    def _leftovers(self, name: str) -> list[Path]:
        kept = self._shelf.read(name)
        known = set() if kept is None else set(kept.directories)
        return [home for home in self._shelf.own(name) if home.name not in known and not self._shelf.in_use(home.name)]

    def _make(self, layer: Layer, parent_id: str, on_line: OnLine) -> None:
        below = None if _BASE.fullmatch(layer.parent) else self._usable(layer.parent)
        if below is not None and layer.install.unless and self._has(below, layer.install.unless):
            self._shelf.write(replace(below, name=layer.tag, id=secrets.token_hex(16), parent=parent_id))
            return
        base = layer.parent if below is None else below.base
        directories, sites = (below.directories, below.sites) if below else ((), ())
        with self._new(layer.tag) as home:
            tools = self._installer(self._needed_python(base))
            own = self._fill(tools, home, layer, sites, on_line)
            if below is not None:
                packages.link_commands(self._directory / below.directories[0] / "local" / "bin", home / "local" / "bin")
            self._shelf.write(
                Kept(layer.tag, secrets.token_hex(16), parent_id, base, (home.name, *directories), (*own, *sites))
            )

    def _has(self, kept: Kept, module: str) -> bool:
        command = [str(self._interpreter(kept)), "-I", "-c", f"import {module}"]
        return self._children.run(command, self._directory, {"PATH": os.defpath}, _unheard) == 0

    def _fill(
        self, tools: Installer, home: Path, layer: Layer, below: tuple[str, ...], on_line: OnLine
    ) -> tuple[str, ...]:
        """Make and fill an environment in ``home``, on the packages in ``below``; return where its own packages are."""
        self._make_venv(tools, home, on_line)
        venv, local, code = home / "python", home / "local", home / "code"
        packages.write_hook(venv, (*packages.make_site(local, tools.python.minor), *below))
        code.mkdir()
        files.place(_placed(layer.entries, code))
        layer.check_sources()
        present = packages.write_constraints(home / "present.txt", below)
        command = tools.install(venv / "bin" / "python", local, layer.install.arguments, present)
        output: list[str] = []
        ended = self._run(command, code, home, tools, on_line, output)
        if ended:
            raise install_failed(layer.title, str(layer.install), tools.python, output, ended)
        own = packages.sites(local)
        packages.write_hook(venv, (*own, *below))
        packages.lead_to_served(local, code)
        files.take_away(code, [entry.path for entry in _placed(layer.entries, code)])
        return own

    def _make_venv(self, tools: Installer, home: Path, on_line: OnLine) -> None:
        """Make a layer's bare virtual environment in ``home``.

        Python takes seconds to unpack and compile pip: without uv it does so once, for the base, which is copied.
        """
        if tools.uv is not None:
            self._make_bare(tools, home, on_line)
            return
        base = f"python{tools.python.minor}"
        self.ensure_base(base, on_line)
        with self._shelf.hold(self._home(base).name):
            packages.copy_venv(self._home(base) / "python", home / "python")
        self._seed(tools, home, on_line)  # as the base was made where the index did not answer

    def _make_bare(self, tools: Installer, home: Path, on_line: OnLine) -> None:
        output: list[str] = []
        code = self._run(tools.make(home / "python"), home, home, tools, on_line, output)
        if code:
            if shutil.disk_usage(home).free < _NOTHING_FREE:
                raise disk_full("\n".join(output))  # venv does not show what its pip says
            missing = "" if tools.uv else self._missing(tools)
            raise venv_failed(tools.python, missing, output, code)
        self._seed(tools, home, on_line)

    def _seed(self, tools: Installer, home: Path, on_line: OnLine) -> None:
        python = home / "python"
        seed = tools.seed(python / "bin" / "python", packages.pip_version(python))
        if seed is not None:
            self._run(seed, home, home, tools, on_line, [])

    def _missing(self, tools: Installer) -> str:
        """Return which module an interpreter lacks that a virtual environment needs, or nothing."""
        for module in ("venv", "ensurepip"):
            command = [str(tools.python.path), "-I", "-c", f"import {module}"]
            if self._children.run(command, self._directory, tools.variables, _unheard):
                return module
        return ""

    def _run(
        self, command: list[str], directory: Path, home: Path, tools: Installer, on_line: OnLine, output: list[str]
    ) -> int:
        """Run a command in ``directory`` for the environment that is being made in ``home``; return its exit code."""

        def keep(line: str) -> None:
            output.append(line)
            on_line(line)

        return self._children.run(command, directory, tools.variables, keep, home)


def _identity(python: Python) -> str:
    return f"{python.path} {python.version}"


def _placed(entries: Iterable[Entry], code: Path) -> list[Entry]:
    """Return a layer's files as they are to stand below ``code``."""
    return [replace(entry, path=str(code / Path(entry.path).relative_to(CODE_DIRECTORY))) for entry in entries]


def _remove(directory: Path) -> None:
    """Take a directory away; from the first moment on it is no environment, even if this is interrupted."""
    gone = directory.with_name(f"gone-{secrets.token_hex(4)}")
    with contextlib.suppress(OSError):
        directory.replace(gone)
        directory = gone
    shutil.rmtree(directory, ignore_errors=True)
