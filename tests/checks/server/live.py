"""The samples of what a run finds of its servers, and a run in this process that gathers what is found."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from tests.checks.sample import Sample
from tests.waiting import LONG
from vhlocal.api.plane import ControlPlane
from vhlocal.cli.project import read_project
from vhlocal.cli.up import run_options
from vhlocal.contract.limits import READ_TIMEOUT
from vhlocal.errors import VhlocalError
from vhlocal.events import Bus, Event, Found, Notice, Ready
from vhlocal.runtime.connect import connector
from vhlocal.session.loop import run
from vhlocal.session.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    import docker

    from vhlocal.findings import Finding

LIVE_SAMPLES = Path(__file__).parent.parent / "live_samples"

#: An image for another kind of machine; it is never pulled.
OTHER_MACHINE = "vhlocal-tests/other-machine:latest"


@dataclass(frozen=True)
class Case:
    """How a sample is run: where, with which request once it is ready, and how long it may be silent, in seconds.

    ``silence`` is how long it may be silent while it answers, ``mended`` the request to the mended one, where that is
    what was mended. ``settle`` is how long a finding gets to come after that; where ``finds`` is set, one is waited for
    before. ``ready`` tells whether the broken one comes up, ``ignored`` are codes that are silenced.
    """

    runtime: str = "process"
    request: tuple[str, str, int] | None = None
    mended: tuple[str, str, int] | None = None
    patience: float = 120.0
    silence: float = READ_TIMEOUT
    settle: float = 0.0
    finds: bool = False
    ready: bool = False
    ignored: tuple[str, ...] = ()


CASES = {
    "VH501": Case(),
    "VH502": Case(),
    "VH503": Case(patience=10),
    "VH504": Case("docker"),
    "VH505": Case("docker"),
    "VH506": Case("docker"),
    "VH507": Case("docker"),
    "VH508": Case(),
    "VH509": Case(),
    "VH510": Case(),
    "VH511": Case(),
    "VH512": Case(),
    "VH513": Case(),
    "VH514": Case(),
    "VH515": Case(),
    "VH516": Case(),
    "VH517": Case(request=("POST", "", 10), settle=1, ready=True),
    "VH518": Case(request=("GET", "", 0), settle=1, ready=True),
    "VH519": Case(request=("GET", "", 0), settle=1, ready=True),
    "VH520": Case(request=("GET", "", 0), settle=1, ready=True),
    "VH521": Case("docker"),
    "VH522": Case(),
    "VH523": Case(settle=1, ready=True),
    "VH601": Case("docker", settle=5, ready=True),
    "VH602": Case(request=("POST", "", 2_000_000), mended=("POST", "", 2_000), settle=1, ready=True),
    "VH603": Case(request=("GET", "slow", 0), silence=4, settle=1, ready=True),
    "VH604": Case(settle=1, ready=True),
    "VH605": Case(settle=1, ready=True),
    "VH606": Case(settle=3, ready=True),
}


def live_sample(code: str) -> Sample:
    """Return a code's sample."""
    return Sample(code, LIVE_SAMPLES)


@dataclass
class Outcome:
    """What a run told: findings, notices, the error that ended it, and whether it came up."""

    findings: list[Finding] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    error: VhlocalError | None = None
    ready: bool = False


def run_sample(directory: Path, case: Case) -> Outcome:
    """Run a project until it fails, or has been ready for as long as it needs, and return what was told."""
    outcome, bus, found = Outcome(), Bus(), threading.Event()
    options = replace(
        run_options(directory, read_project(directory, (), {})),
        reload=False,
        ignored=dict.fromkeys(case.ignored, "known"),
        connect=connector(case.runtime, directory, strict=False),
        patience=case.patience,
        read_seconds=case.silence,
    )
    session = Session(options, bus, ControlPlane())

    def hear(event: Event) -> None:
        if isinstance(event, Found):
            outcome.findings.append(event.finding)
            found.set()
        elif isinstance(event, Notice):
            outcome.notices.append(event)
        elif isinstance(event, Ready):
            outcome.ready = True
            url = f"{event.statuses[0].urls[0]}/"
            asked.append(asking.submit(_ask_and_stop, url, case, found, session.request_stop))

    bus.subscribe(hear)
    asked: list[Future[None]] = []
    with ThreadPoolExecutor() as asking:
        try:
            run(session.run())
        except VhlocalError as error:
            outcome.error = error
        found.set()  # or never
    for each in asked:
        each.result()
    return outcome


def _ask_and_stop(url: str, case: Case, found: threading.Event, stop: Callable[[], None]) -> None:
    try:
        if case.request is not None:
            method, path, size = case.request
            requests.request(method, url + path, data=b"x" * size, timeout=120)
        if case.finds:
            found.wait(LONG)
        time.sleep(case.settle)
    finally:
        stop()


def load_other_machine(engine: docker.DockerClient) -> None:
    """Give the engine an image for another processor; its ``sh`` is no more than a program's head."""
    here = engine.info()["Architecture"]
    name, number = ("arm64", 183) if here == "x86_64" else ("amd64", 62)
    program = b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + number.to_bytes(2, "little") + bytes(108)
    layer = _tar({"bin/sh": (program, 0o755)})
    config = {"architecture": name, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    config["rootfs"]["diff_ids"] = [f"sha256:{sha256(layer).hexdigest()}"]  # type: ignore[index]
    manifest = [{"Config": "config.json", "RepoTags": [OTHER_MACHINE], "Layers": ["layer.tar"]}]
    files = {"config.json": json.dumps(config), "manifest.json": json.dumps(manifest)}
    engine.images.load(
        _tar({path: (text.encode(), 0o644) for path, text in files.items()} | {"layer.tar": (layer, 0o644)})
    )


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, (content, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
