"""What every runtime promises (``runtime/base.py``), asked of each: add a third to ``RUNTIMES``."""

from __future__ import annotations

import json
import secrets
import threading
import urllib.request
import uuid
from dataclasses import replace

import psutil
import pytest

from tests.waiting import wait_for
from vhlocal.contract.image import CODE_DIRECTORY, GUNICORN, Install
from vhlocal.contract.limits import ContainerLimits
from vhlocal.errors import BuildError
from vhlocal.runtime.base import Entry, Exit, Identity, Layer, Mounts, ServerSpec
from vhlocal.runtime.chosen import LARGE
from vhlocal.runtime.connect import RUNTIMES

RUN = "1-1-test"

HOLD = "import time\nx = b'x' * 50_000_000\nprint('holds', flush=True)\ntime.sleep(60)\n"

SPEND = """\
import os, time
def spend():
    while time.process_time() < 0.5:
        pass
for last in (False, True):
    child = os.fork()
    if not child:
        spend()
        if last:
            print("spent", flush=True)
            time.sleep(60)
        os._exit(0)
    if not last:
        os.waitpid(child, 0)
time.sleep(60)
"""

TELL = """\
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = {"directory": os.getcwd(), "environment": dict(os.environ), "file": open("data.txt").read()}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
print("begins", flush=True)
print("complains", file=sys.stderr, flush=True)
http.server.HTTPServer(("0.0.0.0", int(os.environ["VALOHAI_PORT"])), Handler).serve_forever()
"""


class Started:
    """A server of a runtime, what it printed, and how it ended."""

    def __init__(self, runtime, spec: ServerSpec) -> None:
        self.runtime = runtime
        self.layout = runtime.layout(spec)
        self.id = runtime.create(spec.located(self.layout))
        self.lines: list[tuple[str, str]] = []
        self.start()

    def start(self) -> None:
        self.exit: Exit | None = None
        self.ended = threading.Event()
        self.addresses = self.runtime.start(self.id, lambda stream, text: self.lines.append((stream, text)), self._end)

    def _end(self, how: Exit) -> None:
        self.exit = how
        self.ended.set()

    def wait(self) -> Exit:
        assert self.ended.wait(120), self.lines
        assert self.exit is not None
        return self.exit

    def get(self) -> dict:
        address = self.addresses[self.layout.port]
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def ask():
            try:
                return opener.open(f"http://{address.host}:{address.port}/", timeout=60).read()
            except OSError:
                return None

        return json.loads(wait_for(ask, f"an answer; output: {self.lines}"))


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.engine] * (name == "docker")) for name in sorted(RUNTIMES)]
)
def kind(request):
    if request.param == "docker":
        request.getfixturevalue("base_image")
    return request.param


@pytest.fixture
def runtime(kind, tmp_path, shared_cache):
    connected = RUNTIMES[kind](str(tmp_path / "project"), RUN)
    yield connected
    for server in connected.servers(str(tmp_path / "project")):
        connected.remove(server.id)
    connected.close()


@pytest.fixture
def forgotten(request, kind):
    """Names of layers whose images go after the test; environments go with their directory."""
    names: list[str] = []
    yield names
    for name in names if kind == "docker" else ():
        request.getfixturevalue("engine").images.remove(name, force=True)


@pytest.fixture
def spec(runtime, tmp_path):
    """A spec of one server; ``entries`` are texts by name in the code's directory."""

    def make(*command: str, entries=(), **facts) -> ServerSpec:
        texts = {"tell.py": TELL, "data.txt": "one", **dict(entries)}
        return ServerSpec(
            identity=Identity("acme/words", "hello"),
            image=runtime.base("python:3.11-slim"),
            command=("sh", "-c", " ".join(command)),
            environment={"LEVEL": "high", "VALOHAI_PORT": "8000"},
            port=8000,
            limits=facts.pop("limits", ContainerLimits()),
            entries=tuple(Entry(f"{CODE_DIRECTORY}/{name}", content=text.encode()) for name, text in texts.items()),
            mounts=facts.pop("mounts", Mounts()),
            staging=tmp_path,
            **facts,
        )

    return make


def test_a_server_finds_its_files_its_directory_its_port_and_nothing_of_ours(runtime, spec):
    """P8, B7, B8: and the host's own variables are not handed on."""
    server = Started(runtime, spec("exec python tell.py"))
    found = server.get()
    assert found["file"] == "one"
    assert server.layout.as_in_production(found["directory"]) == CODE_DIRECTORY
    assert found["environment"]["LEVEL"] == "high"
    assert found["environment"]["VALOHAI_PORT"] == str(server.layout.port)
    assert not [name for name in found["environment"] if name.startswith(("VHLOCAL_", "PIP_", "PYTEST_"))]
    wait_for(lambda: ("stdout", "begins") in server.lines and ("stderr", "complains") in server.lines, "both streams")


def test_it_is_listed_until_it_is_removed_and_can_be_started_again(runtime, spec, tmp_path):
    directory = str(tmp_path / "project")
    server = Started(runtime, spec("exec python tell.py"))
    server.get()
    (listed,) = runtime.servers(directory)
    assert (listed.id, listed.endpoint, listed.run, listed.running) == (server.id, "hello", RUN, True)
    runtime.stop(server.id, 10)
    assert server.wait().code == 143
    server.start()
    assert server.get()["file"] == "one"
    runtime.remove(server.id)
    server.wait()
    assert list(runtime.servers(directory)) == []
    runtime.remove(server.id)


@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("kill -SEGV $$", 139), ("no-such-command", 127)])
def test_the_end_is_told_once_all_output_has_come(runtime, spec, command, code):
    """R2, B3: the shell's own codes; output without an end of its line comes too."""
    server = Started(runtime, spec(f"echo before; printf last; {command}"))
    assert server.wait() == Exit(code)
    assert [text for stream, text in server.lines if stream == "stdout"] == ["before", "last"]


def test_what_does_not_heed_the_request_to_end_is_ended_after_its_grace(runtime, spec):
    server = Started(runtime, spec("trap '' TERM; python tell.py & wait; wait"))
    server.get()
    runtime.stop(server.id, 0.5)
    assert server.wait().code == 137


def test_with_its_main_process_all_that_it_started_ends(runtime, spec):
    """Also what has left its session: nothing goes on behind a server's back."""
    mark = uuid.uuid4().hex
    begun = f"setsid sh -c 'touch begun; exec python tell.py {mark}' & until test -e begun; do sleep 0.1; done; exit 4"
    server = Started(runtime, spec(begun))
    assert server.wait().code == 4
    # Its address may be another container's by now.
    assert [process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or ())] == []


def test_files_can_be_changed_added_and_taken_away(runtime, spec, tmp_path):
    server = Started(runtime, spec("exec python tell.py", entries={"old/x.txt": "x"}))
    server.get()
    source = tmp_path / "source.txt"
    source.write_text("two")
    located = server.layout.located
    changed = Entry(located(f"{CODE_DIRECTORY}/data.txt"), source=source, digest="d")
    added = Entry(located(f"{CODE_DIRECTORY}/new/deep.txt"), content=b"deep")
    link = Entry(located(f"{CODE_DIRECTORY}/link.txt"), link="data.txt")
    runtime.sync(server.id, [changed, added, link], [located(f"{CODE_DIRECTORY}/old")])
    assert server.get()["file"] == "two"
    runtime.stop(server.id, 5)
    listing = Started(runtime, spec("ls"))  # another server has files of its own
    listing.wait()
    assert ("stdout", "data.txt") in listing.lines and ("stdout", "link.txt") not in listing.lines


def test_a_chosen_file_is_found_at_its_path(runtime, spec, tmp_path):
    """B4."""
    (tmp_path / "model.bin").write_text("weights")
    mounts = Mounts(files={f"{CODE_DIRECTORY}/models/model.bin": tmp_path / "model.bin"})
    server = Started(runtime, spec("cat models/model.bin", mounts=mounts))
    assert server.wait().code == 0
    assert server.lines == [("stdout", "weights")]


@pytest.mark.parametrize("size", [7, LARGE])
def test_a_chosen_file_is_the_servers_own_to_rename_and_to_delete(runtime, spec, tmp_path, size):
    """B4: in production it is a copy in the image."""
    source = tmp_path / "model.bin"
    with source.open("wb") as file:
        file.truncate(size)
    mounts = Mounts(files={f"{CODE_DIRECTORY}/model.bin": source})
    server = Started(runtime, spec("mv model.bin old.bin && wc -c < old.bin && rm old.bin && ls", mounts=mounts))
    assert server.wait().code == 0, server.lines
    assert server.lines[0] == ("stdout", str(size))
    assert not any("bin" in text for _, text in server.lines[1:])
    assert source.stat().st_size == size


def test_a_chosen_file_is_written_and_the_users_stays_as_it_is(runtime, spec, tmp_path):
    """B4."""
    source = tmp_path / "model.bin"
    source.write_text("weights")
    mounts = Mounts(files={f"{CODE_DIRECTORY}/model.bin": source})
    server = Started(runtime, spec("printf ' and more' >> model.bin && cat model.bin", mounts=mounts))
    assert server.wait().code == 0, server.lines
    assert server.lines == [("stdout", "weights and more")]
    assert source.read_text() == "weights"


def test_its_listeners_are_seen(runtime, spec):
    """R3: where a server listens, and that it does for its own machine alone."""
    server = Started(runtime, spec("exec python -m http.server --bind 127.0.0.1 $VALOHAI_PORT"))

    def seen():
        return [each for each in runtime.listeners(server.id) if each.port == server.layout.port]

    (listener,) = wait_for(seen, "the socket to be seen")
    assert listener.loopback


def test_what_it_uses_of_memory_and_cpu_is_told_while_it_runs(runtime, spec):
    """K1: files that are only cached aside; nothing once it has ended."""
    server = Started(runtime, spec("head -c 90000000 /dev/zero > big; exec python hold.py", entries={"hold.py": HOLD}))
    wait_for(lambda: ("stdout", "holds") in server.lines, "it to hold 50 MB")
    found = runtime.usage(server.id)
    assert 50_000_000 < found.memory < 90_000_000
    assert 0 < found.cpu <= runtime.usage(server.id).cpu
    runtime.stop(server.id, 1)
    server.wait()
    assert runtime.usage(server.id) is None


@pytest.mark.once
def test_cpu_counts_for_all_processes_those_that_have_ended_too(runtime, spec):
    """K1: a child has used half a second and ended, then another one that lives on has; so much in all, and no less."""
    server = Started(runtime, spec("exec python spend.py", entries={"spend.py": SPEND}))
    wait_for(lambda: ("stdout", "spent") in server.lines, "it to have used what it is to")
    assert 0.95 <= runtime.usage(server.id).cpu < 60


def test_a_server_over_its_memory_limit_is_ended_by_the_kernel(runtime, spec):
    """K1, K2: and so told; a limit that the kernel keeps needs nobody else to mind it."""
    limits = ContainerLimits(memory=64_000_000)
    server = Started(runtime, spec("exec python -c 'x = [b\"x\" * 1_000_000 for _ in range(300)]'", limits=limits))
    assert server.wait().out_of_memory


@pytest.mark.builds
def test_layers_stand_on_each_other_and_are_told_by_what_they_were_made_of(runtime, spec, forgotten):
    """B2, B3, R4: `pip install --user`, whose commands are not on the PATH."""
    base = runtime.base("python:3.11-slim")
    suffix = secrets.token_hex(8)
    requirements = Layer(
        f"vhlocal/requirements:{suffix}",
        base,
        "requirements.txt",
        Install(("-r", "requirements.txt")),
        (Entry(f"{CODE_DIRECTORY}/requirements.txt", content=b"iniconfig\n"),),
    )
    gunicorn = Layer(f"vhlocal/gunicorn:{suffix}", requirements.tag, "Gunicorn", GUNICORN)
    forgotten += [gunicorn.tag, requirements.tag]
    printed: list[str] = []
    assert runtime.image(requirements.tag) is None
    for layer in (requirements, gunicorn):
        runtime.build(layer, printed.append)
    assert runtime.image(requirements.tag).parent == runtime.image(base).id
    assert runtime.image(gunicorn.tag).parent == runtime.image(requirements.tag).id
    assert any("iniconfig" in line for line in printed)
    script = "python -c 'import iniconfig, gunicorn' && ~/.local/bin/gunicorn --version && gunicorn --version"
    server = Started(runtime, replace(spec(script), image=gunicorn.tag))
    assert server.wait().code == 127
    assert any(text.startswith("gunicorn (version") for _, text in server.lines)


@pytest.mark.builds
def test_layers_that_nobody_uses_are_discarded(runtime, spec, forgotten):
    base, suffix = runtime.base("python:3.11-slim"), secrets.token_hex(8)
    nothing = (Entry(f"{CODE_DIRECTORY}/requirements.txt", content=b"# nothing\n"),)
    install = Install(("-r", "requirements.txt"))
    below = Layer(f"vhlocal/requirements:{suffix}", base, "requirements.txt", install, nothing)
    above = Layer(f"vhlocal/above:{suffix}", below.tag, "more.txt", install, nothing)
    for layer in (below, above):
        runtime.build(layer, lambda _: None)
    assert set(runtime.discard([below.tag, "vhlocal/none:1"])) == {"vhlocal/none:1"}, "another stands on it"
    server = Started(runtime, replace(spec("exec python tell.py"), image=above.tag))
    assert set(runtime.discard([below.tag, above.tag])) == set()
    assert server.get()
    runtime.remove(server.id)
    assert set(runtime.discard([below.tag, above.tag])) == {below.tag, above.tag}
    assert runtime.image(below.tag) is None
    assert runtime.image(above.tag) is None


@pytest.mark.builds
def test_a_layer_that_cannot_be_made_says_why_and_leaves_nothing(runtime, tmp_path):
    base = runtime.base("python:3.11-slim")
    bad = Layer("vhlocal/requirements:never", base, "requirements.txt", Install(("no-such-package-anywhere-0",)))
    with pytest.raises(BuildError, match="no-such-package-anywhere-0") as raised:
        runtime.build(bad, lambda line: None)
    assert "no-such-package-anywhere-0" in (raised.value.detail or "")
    assert runtime.image(bad.tag) is None


@pytest.mark.parametrize("kind", ["process"], indirect=True)
def test_a_server_whose_removal_was_given_up_halfway_is_found_and_removed(runtime, spec, tmp_path):
    """As where the run has ended meanwhile: nobody else would ever take away what is left of the directory."""
    created = runtime.create(spec("true").located(runtime.layout(spec("true"))))
    (facts,) = tmp_path.rglob(f"{created}/server.json")
    facts.unlink()
    (found,) = runtime.servers(str(tmp_path / "project"))
    assert (found.id, found.run, found.running) == (created, RUN, False)
    runtime.remove(found.id)
    assert not facts.parent.exists()
