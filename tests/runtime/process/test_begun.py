"""What is begun ahead of a start: what it is made of, when there is none, and that nothing is left of it."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_for
from vhlocal.contract.limits import MEBIBYTE, ContainerLimits
from vhlocal.model import WorkspaceVolume
from vhlocal.runtime import starts
from vhlocal.runtime.base import Entry, Identity, Layout, Mounts, ServerSpec
from vhlocal.runtime.process import begun
from vhlocal.runtime.process.furnishing import Furnishing
from vhlocal.runtime.process.guarded import Orders
from vhlocal.runtime.process.ports import free_ports, give_back

TYPED = ("up", "-C", "project")
PREFIX = {"VH_DEFAULT_PREFIX": "/o/p/d/20260102.3/e/", "SCRIPT_NAME": "/o/p/d/20260102.3/e", "VALOHAI_PORT": "20001"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    yield
    starts.drop()


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "server.py"
    path.write_text("print('here')\n")
    return path


@pytest.fixture
def made(tmp_path, source) -> begun.Made:
    """What an earlier start's server was made of, whose command waits until it is ended."""
    root = tmp_path / "home/1-2-abc-0a1b2c"
    code = f"{root}/valohai/code"
    settings = {"port": 20001, "control": 20002, "token": "secret", "code": code, "modules": ["json"]}
    entries = (
        Entry(f"{code}/server.py", source=source, digest=hashlib.sha256(source.read_bytes()).hexdigest()),
        Entry(f"{root}/valohai/runner/serve_warm.json", content=json.dumps(settings).encode()),
        Entry(f"{root}/valohai/runner/serve_warm.py", link="/shared/serve_warm.py"),
    )
    environment = {"HOME": f"{root}/home", "HOSTNAME": "e-0a1b2c", "PATH": "/usr/bin:/bin", **PREFIX}
    return begun.Made(
        Furnishing(str(root), str(tmp_path), "e", None, code, (), entries),
        Orders(("sh", "-c", f"cd {root}/home && exec sleep 600"), environment, code),
        ContainerLimits(memory=64 * MEBIBYTE),
        (20001, 20002, 20003),
    )


@pytest.fixture
def spec() -> ServerSpec:
    return ServerSpec(
        Identity("o/p", "e"), "python3", ("true",), PREFIX, 20001, ContainerLimits(), (), Mounts(), layout=Layout(20001)
    )


def kept(made, spec) -> begun.Made | None:
    """Remember what a start was made of, and return what the next one recalls."""
    starts.recall(TYPED)
    begun.remember(made, spec)
    return recalled(TYPED)


def recalled(typed) -> begun.Made | None:
    """Return what a start that is typed so recalls."""
    known = starts.recall(typed)
    return None if known is None else begun.read(known[1])


def test_what_a_start_was_made_of_is_recalled_by_one_that_is_typed_alike(made, spec):
    found = kept(made, spec)
    assert found is not None
    secret = replace(made.furnishing.entries[1], content=found.furnishing.entries[1].content)
    entries = (made.furnishing.entries[0], secret, made.furnishing.entries[2])
    assert found == replace(made, furnishing=replace(made.furnishing, entries=entries))
    assert b"secret" not in secret.content
    assert not any(word in file.read_text() for file in Path("cache").rglob("*.json") for word in ("secret", "-C"))
    assert starts.recall((*TYPED, "--no-reload")) is None


def test_nothing_is_kept_of_what_was_not_typed_as_a_start(made, spec):
    starts.recall(TYPED)
    begun.remember(made, spec)
    begun.remember(replace(made, ports=(1, 2)), spec)
    assert recalled(TYPED).ports == made.ports


@pytest.mark.parametrize(
    "change",
    [
        {"environment": {**PREFIX, "PASSWORD": "secret"}},
        {"mounts": Mounts(files={"/valohai/code/model": Path("model")})},
        {"mounts": Mounts(workspace=WorkspaceVolume("/work", 1))},
        {"port": 8000},
    ],
    ids=["variables of the project", "chosen files", "volumes", "a declared port"],
)
def test_what_would_have_to_lie_on_a_disk_is_not_kept(made, spec, change):
    assert kept(made, replace(spec, **change)) is None
    assert not list(Path("cache").rglob("*.json"))


@pytest.mark.parametrize(
    "settings",
    [{"modules": []}, {"modules": ["json", "valohai_utils"]}, {"modules": ["json"], "profile": True}],
    ids=["nothing", "reads metadata", "measured"],
)
def test_what_would_import_nothing_or_too_early_is_not_kept(made, spec, settings):
    entries = list(made.furnishing.entries)
    entries[1] = replace(entries[1], content=json.dumps(settings).encode())
    assert kept(replace(made, furnishing=replace(made.furnishing, entries=tuple(entries))), spec) is None


def test_a_project_of_many_bytes_is_not_kept(made, spec, source):
    os.truncate(source, 5 * MEBIBYTE)
    assert kept(made, spec) is None


def test_it_is_begun_in_a_place_and_for_a_version_of_its_own(made):
    begun.begin(made, "7-8-def", "20260103.0")
    (root,) = Path(made.furnishing.root).parent.iterdir()
    found = begun.claim(root.parent, made.furnishing.project)
    try:
        assert found is not None and found.waits and found.root == root
        assert root.name.startswith("7-8-def-")
        assert (root / "valohai/code/server.py").read_text() == "print('here')\n"
        settings = json.loads((root / "valohai/runner/serve_warm.json").read_text())
        port, control, _ = found.made.ports
        assert settings["token"] == found.token != "secret"
        assert (settings["port"], settings["control"]) == (port, control)
        assert settings["code"] == found.made.orders.directory == str(root / "valohai/code")
        environment = found.made.orders.environment
        assert environment == {
            "HOME": f"{root}/home",
            "HOSTNAME": f"e-{root.name[-6:]}",
            "PATH": "/usr/bin:/bin",
            "SCRIPT_NAME": "/o/p/d/20260103.0/e",
            "VH_DEFAULT_PREFIX": "/o/p/d/20260103.0/e/",
            "VALOHAI_PORT": str(port),
        }
        assert made.furnishing.root not in repr(found.made)
    finally:
        found.drop()
        give_back(found.made.ports)
    assert not root.exists()


def test_the_gate_opens_once_it_is_taken(made):
    begun.begin(made, "7-8-def", "20260103.0")
    found = begun.claim(Path(made.furnishing.root).parent, made.furnishing.project)
    gate = found.root / "valohai/runner/serve_warm.gate"
    runner = Path(begun.__file__).parents[2] / "runner"
    waits = f"import sys; sys.path.insert(0, {str(runner)!r}); import serve_warm_gate as gate; print(1, flush=True)"
    command = [sys.executable, "-c", f"{waits}; gate.wait({str(gate.parent)!r}); print(2, flush=True)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"1\n"
        assert gate.exists()
        started = found.take()
        assert process.stdout.readline() == b"2\n"
    assert not gate.exists() and started.process.poll() is None
    again = begun.Begun(found.made, found.token, started, -1)
    found.close()
    again.drop()
    assert started.process.poll() is not None
    give_back(found.made.ports)


@pytest.mark.parametrize("saved", ["print('there')\n", None], ids=["edited", "deleted"])
def test_nothing_is_begun_of_what_was_saved_since(made, source, saved):
    source.unlink() if saved is None else source.write_text(saved)
    begun.begin(made, "7-8-def", "20260103.0")
    assert list(Path(made.furnishing.root).parent.glob("*")) == []
    assert begun.claim(Path(made.furnishing.root).parent, made.furnishing.project) is None


@pytest.mark.parametrize("other", [{"home": Path("/elsewhere")}, {"project": "/another"}], ids=["place", "project"])
def test_what_was_begun_for_another_is_ended(made, other):
    ports = made.ports
    begun.begin(replace(made, ports=ports), "7-8-def", "20260103.0")
    home = Path(made.furnishing.root).parent
    assert begun.claim(other.get("home", home), other.get("project", made.furnishing.project)) is None
    assert list(home.glob("*")) == []


def test_it_ends_with_the_process_that_began_it(made, spec, tmp_path):
    assert kept(made, spec) is not None
    code = (
        "import sys\nfrom vhlocal.runtime import starts\nfrom vhlocal.runtime.process import begun\n"
        f"begun.begin(begun.read(starts.recall({TYPED!r})[1]), '7-8-def', '20260103.0')\n"
        "print(starts.claim(begun.Begun, bool)._started.process.pid, flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        guard = psutil.Process(int(process.stdout.readline()))
        wait_for(guard.children, "its command to run")
        below = guard.children(recursive=True)
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs([guard, *below], timeout=30)
    assert not any(each.is_running() for each in (guard, *below))


def test_a_file_that_says_nonsense_is_no_start(made, spec):
    kept(made, spec)
    (file,) = Path("cache").rglob("*.json")
    nothing_made = json.dumps({**json.loads(file.read_text()), "made": {}})
    for text in ("", "[]", nothing_made):
        file.write_text(text)
        assert recalled(TYPED) is None


def test_free_ports_are_found_for_each(made):
    taken = free_ports(3)
    begun.begin(made, "7-8-def", "20260103.0")
    found = begun.claim(Path(made.furnishing.root).parent, made.furnishing.project)
    assert not set(found.made.ports) & set(taken)
    found.drop()
    give_back([*found.made.ports, *taken])
