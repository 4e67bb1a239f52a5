"""Train a sample project's model in the environment that will serve it, so that this machine needs no such packages.

The environment's layers are those that ``vhlocal up`` makes: what is installed here is not installed again there.
"""

from __future__ import annotations

import io
import sys
import tarfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import engine
from engine import Missing

from vhlocal.contract.image import CODE_DIRECTORY, requirements_file
from vhlocal.errors import VhlocalError
from vhlocal.project.config import load_config
from vhlocal.project.naming import commit_origin
from vhlocal.project.package import read_package
from vhlocal.project.requirements import requirement_inputs
from vhlocal.project.settings import load_settings
from vhlocal.runtime.docker.connect import connect
from vhlocal.session.desired import Inputs, desired
from vhlocal.session.load import name_version

if TYPE_CHECKING:
    import docker

PROJECT = Path(__file__).resolve().parent.parent / "sample_projects" / "digits"
MODEL = PROJECT / "model.pkl"

OUTPUTS = "/valohai/outputs"


def ensure_model() -> None:
    """Train the model of the sample project `digits` unless it is there."""
    if MODEL.exists():
        return
    engine.say("Training the model, in the image that will serve it (the first time, its packages are installed)")
    client = engine.connect()
    try:
        train(client, PROJECT, MODEL)
    finally:
        client.close()


def train(client: docker.DockerClient, project: Path, model: Path) -> None:
    """Run the project's ``train.py`` in a container and keep the model that it writes."""
    try:
        image = make_environment(project)
    except VhlocalError as error:
        raise Missing("\n".join(part for part in (error.message, error.detail, error.hint) if part)) from error
    container = client.containers.create(
        image,
        ["sh", "-c", f"mkdir -p {OUTPUTS} && python train.py"],
        environment={"VH_OUTPUTS_DIR": OUTPUTS},
        volumes={str(project): {"bind": CODE_DIRECTORY, "mode": "ro"}},
        working_dir=CODE_DIRECTORY,
    )
    try:
        container.start()
        if container.wait()["StatusCode"]:
            raise Missing(f"train.py failed:\n{container.logs().decode(errors='replace')}".rstrip())
        chunks, _ = container.get_archive(f"{OUTPUTS}/{model.name}")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            written = archive.extractfile(model.name)
            assert written is not None
            model.write_bytes(written.read())
    finally:
        container.remove(force=True)


def make_environment(project: Path) -> str:
    """Return the name of the image in which the project's first endpoint runs, after making what it lacks."""
    package = read_package(project)
    requirements = requirements_file(package.files)
    now = datetime.now(timezone.utc)
    inputs = Inputs(
        version=name_version(load_settings(project, {}), ()),
        endpoints=load_config(project).endpoints,
        package=package,
        files={},
        variables={},
        requirements=requirement_inputs(package, requirements) if requirements else None,
        origin=commit_origin(project, package.revision, now),
        created=now.isoformat(),
        base_url="",
        volumes=project,
    )
    environment = desired(inputs)[0].environment
    runtime = connect(str(project), "training")
    for layer in environment.layers:
        if runtime.image(layer.tag) is None:
            runtime.build(layer, lambda line: None)
    return environment.image


if __name__ == "__main__":
    try:
        ensure_model()
    except Missing as missing:
        sys.exit(str(missing))
