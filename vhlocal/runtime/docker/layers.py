"""Making images by running a layer's script in a container and keeping what it left.

Not through a Dockerfile: an image build has no place for secrets that every engine knows, whereas a container can be
given the host's proxies, package index and CA bundle without a trace of them in the image. They come in a directory
mounted under ``/dev``, as a script that the container's command reads; neither the mount nor the variables are part
of what is committed.
"""

from __future__ import annotations

import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.errors import BuildError, EngineError
from vhlocal.project.network import CA_VARIABLES
from vhlocal.runtime.docker.archive import archive
from vhlocal.runtime.docker.engine import Bind, ContainerSpec, Engine, disk_full
from vhlocal.runtime.docker.labels import KIND, PARENT, PIP_CACHE
from vhlocal.runtime.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vhlocal.runtime.base import Layer

_SETTINGS = "/dev/vhlocal"
_CACHE = "/dev/vhlocal-cache"

_KEPT = 200
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
    engine: Engine, layer: Layer, network: BuildNetwork, marks: Mapping[str, str], on_line: Callable[[str], None]
) -> None:
    """Run a layer's script on its parent and commit the result under the layer's tag.

    ``marks`` are the labels of the container, by which a later run finds it should this one be killed. BuildError with
    the end of the output when the script fails. The container is removed in every case.
    """
    parent = engine.image(layer.parent)
    if parent is None:
        raise BuildError(f"the image {layer.parent} has gone while {layer.title} was to be made on it")
    with tempfile.TemporaryDirectory(prefix="vhlocal-") as private:
        settings = Path(private, "settings")
        settings.mkdir()
        (settings / "run.sh").write_text(_script(layer, network))
        if network.ca_bundle is not None:
            (settings / "ca.pem").write_bytes(network.ca_bundle.read_bytes())
        container = engine.create(
            ContainerSpec(
                name=None,
                image=layer.parent,
                command=("sh", f"{_SETTINGS}/run.sh"),
                labels=marks,
                working_directory=CODE_DIRECTORY,
                host_network=network.on_loopback,
                binds=(
                    Bind(str(settings), _SETTINGS),
                    Bind(PIP_CACHE, _CACHE, read_only=False, volume=True),
                ),
            )
        )
        try:
            _run(engine, container, layer, on_line)
            config = {key: parent.config.get(key) for key in ("Cmd", "Entrypoint")}
            labels = {**dict.fromkeys(marks, ""), KIND: "layer", PARENT: parent.id}
            engine.commit(container, layer.tag, {**config, "Labels": labels})
        finally:
            engine.remove(container)


def _run(engine: Engine, container: str, layer: Layer, on_line: Callable[[str], None]) -> None:
    output: list[str] = []

    def keep(line: str) -> None:
        output.append(line)
        on_line(line)

    if layer.entries:
        with archive(layer.entries) as packed:
            engine.put(container, packed)
    chunks = engine.attach(container)
    _start(engine, container, layer)
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
            f"the image {layer.parent} has no `sh`, which is to run `{layer.install}`",
            hint="use a base image that has a shell",
        ) from error


def _why(output: list[str], code: int) -> str:
    errors = [line for line in output if line.lower().lstrip().startswith("error")]
    if code == 127:
        return "the image has no such command"
    return errors[-1].strip() if errors else f"exit code {code}"


def _script(layer: Layer, network: BuildNetwork) -> str:
    variables = {**network.variables, "PIP_CACHE_DIR": f"{_CACHE}", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if network.ca_bundle is not None:
        variables |= dict.fromkeys(CA_VARIABLES, f"{_SETTINGS}/ca.pem")
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([*exports, str(layer.install), ""])
