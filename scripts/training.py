"""Train a sample project's model in the environment that will serve it, so that this machine needs no such packages.

The environment is the one that ``vhlocal up`` makes, of whatever runtime it takes: what is installed here is not
installed again there.
"""

from __future__ import annotations

import base64
import sys
import threading
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import engine
from engine import Missing
from filelock import FileLock

from vhlocal.contract.image import requirements_file
from vhlocal.errors import VhlocalError
from vhlocal.project.config import load_config
from vhlocal.project.naming import commit_origin
from vhlocal.project.package import read_package
from vhlocal.project.requirements import requirement_inputs
from vhlocal.project.settings import load_settings
from vhlocal.runtime.base import Mounts
from vhlocal.runtime.connect import connector
from vhlocal.session.record import new_run
from vhlocal.session.wanted.desired import Desired, Inputs, desired
from vhlocal.session.wanted.load import name_version

if TYPE_CHECKING:
    from vhlocal.runtime.base import Exit, Runtime

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "sample_projects" / "digits"
MODEL = PROJECT / "model.pkl"

#: Trains, and gives the model back through the one way out that every runtime has.
_SCRIPT = "python train.py >&2 && base64 model.pkl"


def ensure_model() -> None:
    """Train the model of the sample project `digits` unless it is there; who else is about to is waited for."""
    # Not in the project: what is made there would be a part of it, and a save.
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with FileLock(build / "model.lock"):
        if not MODEL.exists():
            _make_model(build / MODEL.name)


def _make_model(new: Path) -> None:
    engine.say("Training the model, in the environment that will serve it (the first time, its packages are installed)")
    try:
        new.write_bytes(train(PROJECT))
        new.replace(MODEL)
    except VhlocalError as error:
        raise Missing("\n".join(part for part in (error.message, error.detail, error.hint) if part)) from error


def train(project: Path) -> bytes:
    """Run the project's ``train.py`` where its first endpoint is served, and return the model that it writes."""
    connected = connector("auto", project, strict=False)(new_run())
    runtime = connected.runtime
    try:
        wanted = first_endpoint(project, runtime)
        for layer in wanted.environment.layers:
            if runtime.image(layer.tag) is None:
                runtime.build(layer, lambda line: None)
        return run(runtime, wanted)
    finally:
        runtime.close()


def run(runtime: Runtime, wanted: Desired) -> bytes:
    """Return what the script prints, decoded."""
    spec = replace(wanted.spec, command=("sh", "-c", _SCRIPT), mounts=Mounts(), staging=PROJECT)
    lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
    ends: list[Exit] = []
    ended = threading.Event()

    def on_exit(how: Exit) -> None:
        ends.append(how)
        ended.set()

    server = runtime.create(spec.located(runtime.layout(spec)))
    try:
        runtime.start(server, lambda stream, text: lines[stream].append(text), on_exit)
        ended.wait()
    finally:
        runtime.remove(server)
    if ends[0].code:
        raise Missing("train.py failed:\n" + "\n".join(lines["stderr"]))
    return base64.b64decode("".join(lines["stdout"]))


def first_endpoint(project: Path, runtime: Runtime) -> Desired:
    """Return what the project's first endpoint is to be."""
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
    return desired(inputs, runtime.base)[0]


if __name__ == "__main__":
    try:
        ensure_model()
    except Missing as missing:
        sys.exit(str(missing))
