"""A container that is begun ahead of a start: what it is made of, whose it is, and that none is left (real engine)."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine_fixtures import containers_of
from tests.waiting import wait_for
from vhlocal.contract.limits import MEBIBYTE, ContainerLimits
from vhlocal.errors import EngineError
from vhlocal.model import WorkspaceVolume
from vhlocal.runtime import starts
from vhlocal.runtime.base import Entry, Identity, Mounts, ServerSpec
from vhlocal.runtime.docker import begun
from vhlocal.runtime.docker.begun import Made
from vhlocal.runtime.docker.engine import Bind, ContainerSpec

TYPED = ("up", "-C", "project")
RUN = "7-8-def"
PREFIX = {"VH_DEFAULT_PREFIX": "/o/p/d/20260102.3/e/", "SCRIPT_NAME": "/o/p/d/20260102.3/e", "VALOHAI_PORT": "8000"}
SETTINGS = "/valohai/runner/serve_warm.json"
METADATA = Entry("/valohai/valohai-metadata.json", content=b"{}")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    yield
    starts.drop()
    assert starts.run() in {"", RUN}


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "server.py"
    path.write_text("print('here')\n")
    return path


@pytest.fixture
def made(tmp_path, source, engine, base_image) -> Made:
    """What an earlier start's container was made of; its command tells which files it has got."""
    settings = {"token": "secret", "modules": ["json"]}
    entries = (
        Entry("/valohai/code/server.py", source=source, digest=hashlib.sha256(source.read_bytes()).hexdigest()),
        Entry(SETTINGS, content=json.dumps(settings).encode()),
        METADATA,
    )
    spec = ContainerSpec(
        name="vhlocal-p-e-0a1b2c",
        image=base_image,
        command=("sh", "-c", "cd /valohai/runner; until test -e serve_warm.open; do sleep 0.1; done; ls; sleep 600"),
        labels={"vhlocal.endpoint": "e", "vhlocal.directory": str(tmp_path), "vhlocal.run": "1-2-abc"},
        working_directory="/valohai/code",
        environment=PREFIX,
        binds=(Bind(str(tmp_path), "/valohai/staging"),),
        limits=ContainerLimits(memory=64 * MEBIBYTE),
        ports=(8000, 1024),
        init=True,
    )
    return Made(spec, engine.images.get(base_image).id, entries, str(tmp_path))


@pytest.fixture
def spec() -> ServerSpec:
    return ServerSpec(Identity("o/p", "e"), "", ("true",), PREFIX, 8000, ContainerLimits(), (), Mounts())


def kept(made, spec) -> Made | None:
    """Remember what a start was made of, and return what the next one recalls."""
    starts.recall(TYPED)
    begun.remember(made, spec)
    known = starts.recall(TYPED)
    return None if known is None else begun.read(known[1])


@pytest.fixture
def begin():
    """Begin what was made, and claim it for the run and the project that it was begun for; nothing is left of it."""
    all_found = []

    def claimed(made) -> begun.Begun:
        begun.begin(made, RUN, "20260103.0")
        found = begun.claim(made.project, RUN)
        assert found is not None
        all_found.append(found)
        return found

    yield claimed
    for found in all_found:
        abandon(found)
        found.wait(60)


def abandon(found) -> None:
    starts.abandon(found)
    starts.drop()


def test_what_a_start_was_made_of_is_recalled_without_its_secrets_and_what_is_new_with_each(made, spec):
    found = kept(made, spec)
    assert found is not None and found.version == "20260102.3"
    assert found.spec == made.spec and (found.image, found.project) == (made.image, made.project)
    assert found.entries[0] == made.entries[0]
    assert json.loads(found.entries[1].content) == {"token": "", "modules": ["json"]}
    assert len(found.entries) == 2
    assert not any(word in file.read_text() for file in Path("cache").rglob("*.json") for word in ("secret", "-C"))


@pytest.mark.parametrize(
    "change",
    [
        {"environment": {**PREFIX, "PASSWORD": "secret"}},
        {"mounts": Mounts(files={"/valohai/code/model": Path("model")})},
        {"mounts": Mounts(workspace=WorkspaceVolume("/work", 1))},
    ],
    ids=["variables of the project", "chosen files", "volumes"],
)
def test_what_would_have_to_lie_on_a_disk_is_not_kept(made, spec, change):
    assert kept(made, replace(spec, **change)) is None
    assert not list(Path("cache").rglob("*.json"))


@pytest.mark.parametrize("change", [{"publish": True}, {"volumes_of": "another"}])
def test_a_container_that_is_reached_or_made_by_others_is_not_kept(made, spec, change):
    assert kept(replace(made, spec=replace(made.spec, **change)), spec) is None


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_a_file_that_says_nonsense_is_no_start(made, spec, text):
    kept(made, spec)
    (file,) = Path("cache").rglob("*.json")
    known = json.loads(file.read_text())
    file.write_text(json.dumps({**known, "made": json.loads(text)}) if text else text)
    recalled = starts.recall(TYPED)
    assert recalled is None or begun.read(recalled[1]) is None


def test_it_runs_for_a_run_and_a_version_of_its_own_and_waits_for_what_is_missing(made, engine, begin):
    found = begin(made)
    assert starts.run() == RUN
    again = found.made.spec
    assert again.labels["vhlocal.run"] == RUN
    assert again.environment["SCRIPT_NAME"] == "/o/p/d/20260103.0/e"
    settings = next(entry for entry in found.made.entries if entry.path == SETTINGS)
    assert json.loads(settings.content)["token"] == found.token != "secret"
    (name,) = wait_for(lambda: containers_of(engine, Path(made.project)), "its container")
    assert name.startswith("vhlocal-p-e-") and name != made.spec.name

    entries = (*found.made.entries, Entry("/valohai/new.json", content=b"[]"))
    assert found.is_same(replace(again, name="another"), made.image, entries)
    container = found.take()
    try:
        assert engine.containers.get(container).name == name
        found.open(container, entries)
        said = b""
        for out, _ in found.output:
            said += out or b""
            if b"serve_warm.open" in said:
                break
        assert said.split() == [b"serve_warm.gate", b"serve_warm.json", b"serve_warm.open"]
        placed = engine.containers.get(container).exec_run(["cat", "/valohai/new.json", "/valohai/code/server.py"])
        assert placed.output == b"[]print('here')\n"
        # Whoever has it keeps it.
        abandon(found)
        assert engine.containers.get(container).status == "running"
    finally:
        found.output.close()
        engine.containers.get(container).remove(force=True)


def test_it_is_another_where_anything_but_what_is_new_with_each_start_differs(made, source, begin):
    found = begin(made)
    again, entries = found.made.spec, list(found.made.entries)
    code, settings, metadata = entries
    assert found.is_same(again, made.image, entries)
    assert not found.is_same(again, "sha256:another", entries)
    assert not found.is_same(replace(again, environment={**again.environment, "A": "b"}), made.image, entries)
    assert not found.is_same(replace(again, limits=ContainerLimits()), made.image, entries)
    edited, unset = replace(code, digest="another"), replace(settings, content=b"{}")
    new_code, new_runner = Entry("/valohai/code/new.py", source=source), Entry("/valohai/runner/a.py", content=b"")
    for others in (
        [edited, settings, metadata],
        [code, unset, metadata],
        [settings, metadata],
        [*entries, new_code],
        [*entries, new_runner],
    ):
        assert not found.is_same(again, made.image, others)


@pytest.mark.parametrize("saved", ["print('there')\n", None], ids=["edited", "deleted"])
def test_nothing_is_begun_of_what_was_saved_since(made, source, saved, engine, begin):
    source.unlink() if saved is None else source.write_text(saved)
    found = begin(made)
    with pytest.raises(EngineError, match="no container was begun ahead"):
        found.take()
    assert containers_of(engine, Path(made.project)) == []


def test_nothing_is_begun_of_an_image_that_was_made_anew(made, engine, begin):
    found = begin(replace(made, image="sha256:another"))
    with pytest.raises(EngineError, match="no container was begun ahead"):
        found.take()
    assert containers_of(engine, Path(made.project)) == []


def test_nothing_is_begun_where_no_engine_answers(made, spec):
    assert kept(made, spec) is not None
    code = (
        "from vhlocal.runtime import starts\nfrom vhlocal.runtime.docker import begun\n"
        f"begun.begin(begun.read(starts.recall({TYPED!r})[1]), '7-8-def', '20260103.0')\n"
        f"found = begun.claim({made.project!r}, '7-8-def')\nprint(found.reached())\nfound.take()\n"
    )
    # A process of its own: the SDK leaves the socket of a connection that failed to the garbage collector.
    environment = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/engine.sock"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "None\n"
    assert "EngineError: no container was begun ahead" in done.stderr


def test_a_container_that_has_ended_is_not_taken_and_not_left(made, engine, begin):
    found = begin(replace(made, spec=replace(made.spec, command=("false",))))
    found.wait(60)
    (name,) = containers_of(engine, Path(made.project))
    wait_for(lambda: engine.containers.get(name).status == "exited", "its end")
    with pytest.raises(EngineError, match="has ended"):
        found.take()
    abandon(found)
    found.wait(60)
    assert containers_of(engine, Path(made.project)) == []


@pytest.mark.parametrize("late", [False, True], ids=["at once", "once it runs"])
def test_nothing_is_left_of_what_nobody_wants(made, engine, late, begin):
    found = begin(made)
    if late:
        found.wait(60)
        assert len(containers_of(engine, Path(made.project))) == 1
    abandon(found)
    found.wait(60)
    assert containers_of(engine, Path(made.project)) == []


@pytest.mark.parametrize("other", [{"project": "/another"}, {"run": "9-9-abc"}], ids=["project", "run"])
def test_what_was_begun_for_another_is_removed(made, engine, other):
    begun.begin(made, RUN, "20260103.0")
    assert begun.claim(**{"project": made.project, "run": RUN, **other}) is None
    starts.drop()
    wait_for(lambda: not containers_of(engine, Path(made.project)), "nothing to be left")
