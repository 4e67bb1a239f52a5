"""The whole image of an endpoint, as production would make it: environment, code, files and metadata (B1 to B7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.errors import BuildError
from vhlocal.runtime.base import Entry
from vhlocal.runtime.docker import labels
from vhlocal.runtime.docker.archive import archive
from vhlocal.runtime.docker.engine import ContainerSpec, Engine

if TYPE_CHECKING:
    from vhlocal.runtime.base import ServerSpec
    from vhlocal.runtime.docker.labels import Marks


def make_artifact(engine: Engine, spec: ServerSpec, tag: str, marks: Marks) -> None:
    """Commit an image under ``tag`` that serves by itself with ``docker run``.

    The chosen files are copied in (B4). Of the environment the paths and the port are kept, not the user's variables:
    those belong to the version, not to its image, and may be secret.
    """
    parent = engine.image(spec.image)
    if parent is None:
        raise BuildError(f"the image {spec.image} disappeared before {tag} could be made on it")
    container = engine.create(
        ContainerSpec(
            name=None,
            image=spec.image,
            command=spec.command,
            labels=marks.container,
            working_directory=CODE_DIRECTORY,
        )
    )
    try:
        files = [Entry(target, source=source) for target, source in spec.mounts.files.items()]
        with archive([*spec.entries, *files]) as packed:
            engine.put(container, packed)
        kept = {
            **marks.of_image("artifact", parent.id),
            labels.PROJECT: spec.identity.project,
            labels.ENDPOINT: spec.identity.endpoint,
        }
        environment = [f"{name}={spec.environment[name]}" for name in _KEPT if name in spec.environment]
        config = {
            "Env": [*(parent.config.get("Env") or ()), *environment],
            "Cmd": list(spec.command),
            "ExposedPorts": {f"{spec.port}/tcp": {}},
            "Labels": kept,
        }
        engine.commit(container, tag, config)
    finally:
        engine.remove(container)


_KEPT = ("SCRIPT_NAME", "VH_DEFAULT_PREFIX", "VALOHAI_PORT")
