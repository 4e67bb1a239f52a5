"""Making images by running a layer's script in a container and keeping what it left.

Not through a Dockerfile: an image build has no place for secrets that every engine knows, whereas a container can be
given the host's proxies, package index and CA bundle without a trace of them in the image. They are part of the script,
which a shell in the container reads from its standard input: it is on no disk, however vhlocal or the engine ends. The
CA bundle has to be a file; it is put into the container's own memory, which is not part of what is committed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.errors import BuildError, EngineError
from vhlocal.project.network import CA_VARIABLES
from vhlocal.runtime.docker.archive import archive
from vhlocal.runtime.docker.engine import Bind, ContainerSpec, Engine
from vhlocal.runtime.docker.failures import disk_full
from vhlocal.runtime.docker.labels import PIP_CACHE
from vhlocal.runtime.lines import Lines
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from vhlocal.runtime.base import Layer
    from vhlocal.runtime.docker.labels import Marks

_CA_BUNDLE = "/dev/shm/vhlocal-ca.pem"
_END_OF_BUNDLE = "end-of-the-ca-bundle"
_CACHE = "/dev/vhlocal-cache"

_KEPT = 200

#: How many paths a command gets: far fewer than what is too long for one.
_AT_ONCE = 200
_NO_SHELL = '"sh": executable file not found'


@dataclass(frozen=True)
class BuildNetwork:
    """What the host knows about reaching package indexes: variables for the build, and its CA bundle's path."""

    variables: Mapping[str, str]
    ca_bundle: Path | None

    @property
    def on_loopback(self) -> bool:
        """Whether a proxy or an index listens on this machine's loopback, which a container has one of its own of."""
        urls = (url for value in self.variables.values() for url in value.split() if "://" in url)
        return any((urlsplit(url).hostname or "").startswith(("127.", "localhost")) for url in urls)


def make_layer(
    engine: Engine, layer: Layer, network: BuildNetwork, marks: Marks, on_line: Callable[[str], None]
) -> None:
    """Run a layer's script on its parent and commit the result under the layer's tag.

    By ``marks`` a later run finds the container, should this one be killed. BuildError with
    the end of the output when the script fails. The container is removed in every case.
    """
    parent = engine.image(layer.parent)
    if parent is None:
        raise BuildError(f"the image {layer.parent} disappeared before {layer.title} could be made on it")
    script = _script(layer, network)
    container = engine.create(
        ContainerSpec(
            name=None,
            image=layer.parent,
            command=("sh", "-s"),
            labels=marks.container,
            working_directory=CODE_DIRECTORY,
            host_network=network.on_loopback,
            binds=(Bind(PIP_CACHE, _CACHE, read_only=False, volume=True),),
            reads=True,
        )
    )
    try:
        _run(engine, container, layer, script, on_line)
        config = {key: parent.config.get(key) for key in ("Cmd", "Entrypoint")}
        engine.commit(container, layer.tag, {**config, "Labels": marks.of_image("layer", parent.id)})
    finally:
        engine.remove(container)


def _run(engine: Engine, container: str, layer: Layer, script: bytes, on_line: Callable[[str], None]) -> None:
    output: list[str] = []

    def keep(line: str) -> None:
        output.append(line)
        on_line(line)

    if layer.entries:
        with archive(layer.entries) as packed:
            layer.check_sources()
            engine.put(container, packed)
    chunks = engine.attach(container)
    _start(engine, container, layer)
    engine.tell(container, script)
    lines = Lines(keep)
    for stdout, stderr in chunks:
        lines.feed(stdout or b"")
        lines.feed(stderr or b"")
    lines.end()
    code = engine.wait(container)
    if code == 0:
        return
    text = "\n".join(output[-_KEPT:])
    if "No space left on device" in text:
        raise disk_full(text)
    raise BuildError(
        f"{layer.title} failed: {_why(output, code)}",
        detail=text,
        hint=f"the command was `{layer.install}`, run in {layer.parent}",
    )


def _start(engine: Engine, container: str, layer: Layer) -> None:
    try:
        engine.start(container)
    except EngineError as error:
        if _NO_SHELL not in error.message:
            raise
        raise BuildError(
            f"the image {layer.parent} has no `sh` to run `{layer.install}`",
            hint="use a base image that has a shell",
        ) from error


def _why(output: list[str], code: int) -> str:
    errors = [line for line in output if line.lower().lstrip().startswith("error")]
    if code == 127:
        return "the image has no such command"
    return errors[-1].strip() if errors else f"exit code {code}"


def _script(layer: Layer, network: BuildNetwork) -> bytes:
    """Return what the shell is to do; the installation must not read on in its script."""
    variables = {**network.variables, "PIP_CACHE_DIR": _CACHE, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    bundle = b""
    if network.ca_bundle is not None:
        variables |= dict.fromkeys(CA_VARIABLES, _CA_BUNDLE)
        head, text = f"cat > {_CA_BUNDLE} <<'{_END_OF_BUNDLE}'\n", network.ca_bundle.read_bytes()
        bundle = b"%b%b\n%b\n" % (head.encode(), text, _END_OF_BUNDLE.encode())
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    after = "\n".join(["code=$?", *_taking_away(layer), "exit $code", ""])
    return b"%b%b{ %b\n} </dev/null\n%b" % (bundle, exports.encode(), str(layer.install).encode(), after.encode())


def _taking_away(layer: Layer) -> Iterator[str]:
    """Yield the commands that take away what was placed for an installation, with what Python has compiled of it.

    The layer outlives that code, and each server gets its own. What the installation has made beside it stays.
    """
    paths = [entry.path for entry in layer.entries]
    directories = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    inner = sorted((each for each in directories if each.startswith(f"{CODE_DIRECTORY}/")), key=len, reverse=True)
    compiled = [f"{directory}/__pycache__" for directory in (*inner, CODE_DIRECTORY)]
    for command, arguments in (("rm -rf", [*paths, *compiled]), ("rmdir", inner)):
        for start in range(0, len(arguments), _AT_ONCE):
            # Where it may not, a file stays that the server's own will replace.
            yield f"{command} {shlex.join(arguments[start : start + _AT_ONCE])} 2>/dev/null"


def forget_earlier(temporary: Path) -> None:
    """Remove what builds of earlier versions have left in ``temporary`` if they were killed: it may hold passwords."""
    for script in temporary.glob("vhlocal-*/settings/run.sh"):
        with contextlib.suppress(OSError):  # another command may remove it, too
            if not hasattr(os, "geteuid") or script.lstat().st_uid == os.geteuid():
                shutil.rmtree(script.parent.parent, ignore_errors=True)
