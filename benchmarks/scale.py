"""What several servers, versions and moves of aliases cost, each beside the same with one.

``python -m benchmarks.scale [--quick]``

The gateway before eight upstreams beside one; an endpoint that sleeps, with four replicas beside one; another replica
beside the first start; another version with equal requirements beside a warm ``up``; requests while an alias is moved
beside requests while it is not. Servers are processes.

The eight upstreams are eight addresses of one process, and what is counted is the gateway's own CPU: eight processes on
two cores measure the machine. There, nginx as the proxy answered 0.78 to 0.88 times the requests/s that it answers
before one, as it spends 1 to 5 µs more on each, to wake those that sleep; the gateway 0.78 to 0.95 times, 2 to 11 µs
more. Before eight addresses of one process both spend what they do before one (gateway 34.2 µs beside 35.7, nginx 22.6
beside 24.0), while the requests/s of the very same gateway differed by a tenth and more between two rounds. Both are
asked at the same time: on a machine that others load, their CPU goes up and down together.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.costs import side_by_side
from benchmarks.peers.processes import nginx_upstreams, python_peer
from benchmarks.process import end, start
from benchmarks.report import Goal, UnmeasuredError, conclude, print_table
from vhlocal.api.client import Client
from vhlocal.session.record import ProjectState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.synchronize import Event

_FORKED = multiprocessing.get_context("fork")

_GATEWAY_PATH = "/bench/bench/local/v/words/"
_PATH = "/bench/bench/local/20000101.0/words/"
_ALIAS = "/bench/bench/local/prod/words/"

_YAML = """\
- endpoint:
    name: words
    image: python:3.11-slim
    wsgi: server:app
"""
_REQUIREMENTS = "flask==3.0.3\n"
#: Sleeps for an answer as a model does that computes elsewhere.
_APP = """\
import time
import flask

app = flask.Flask(__name__)


@app.get("/sleep")
def sleep():
    time.sleep(0.05)
    return "slept"


@app.get("/")
def root():
    return "words"
"""

#: Rounds at least of requests while an alias is moved: of two, the median is what one of them met by chance.
_MOVED = 8

#: Clients of the endpoint that sleeps: enough to keep four replicas of one worker busy.
_CLIENTS = 8


def measure() -> Sequence[Goal]:
    """Measure everything and return the goals."""
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        return [
            *_gateway(Path(place), 20 if quick else 40),
            *_run(Path(place), 2 if quick else 5, 1.0 if quick else 4.0),
        ]


def _gateway(place: Path, rounds: int) -> Iterator[Goal]:
    file = place / "large"
    file.write_bytes(b"x")
    with (
        nginx_upstreams(place / "upstreams", _GATEWAY_PATH + "large", file, 8) as ports,
        contextlib.ExitStack() as stack,
    ):
        peers = {
            name: stack.enter_context(python_peer("gateway", *map(str, ports[:number])))
            for name, number in (("one upstream", 1), ("eight upstreams", 8))
        }
        spent = side_by_side(peers, _GATEWAY_PATH, 16, rounds)
    print_table("CPU of the gateway for a small answer, 16 connections", "µs", spent)
    ratio = statistics.median(one / eight for one, eight in zip(*spent.values(), strict=True))
    yield Goal("requests for the gateway's CPU, eight upstreams/one", ratio, ">=", 0.95)


def _run(place: Path, rounds: int, seconds: float) -> Iterator[Goal]:
    project = place / "project"
    project.mkdir()
    for name, text in (("valohai.yaml", _YAML), ("requirements.txt", _REQUIREMENTS), ("server.py", _APP)):
        (project / name).write_text(text)
    names = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    for words in (("init", "-q"), ("add", "-A"), (*names, "commit", "-q", "-m", "bench")):
        subprocess.run(["git", *words], cwd=project, check=True)
    environment = {**os.environ, "XDG_CACHE_HOME": str(place / "cache"), "XDG_STATE_HOME": str(place / "state")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["XDG_STATE_HOME"] = environment["XDG_STATE_HOME"]
    end(start(project, _PATH, environment)[1])  # once, so that all is made and learnt
    ups: list[float] = []
    replicas: list[float] = []
    versions: list[float] = []
    for _ in range(rounds):
        took, process = start(project, _PATH, environment)
        try:
            client, port = _client(project)
            ups.append(took)
            replicas.append(_scaled(client, 2))
            client.scale("words", "1", None)
            began = time.perf_counter()
            client.add_version({"ref": "HEAD", "name": "old"})
            versions.append(time.perf_counter() - began)
        finally:
            end(process)
    print_table("until it answers", "s", {"up, warm": ups, "another replica": replicas, "another version": versions})
    yield Goal("another replica/first start", statistics.median(replicas) / statistics.median(ups), "<=", 1.2)
    yield Goal("another version/warm up", statistics.median(versions) / statistics.median(ups), "<=", 1.3)
    _, process = start(project, _PATH, environment)
    try:
        client, port = _client(project)
        yield _throughput(client, port, rounds, seconds)
        client.add_version({"ref": "HEAD", "name": "old", "aliases": ["prod"]})
        yield _moves(client, port, max(rounds, _MOVED), seconds)
    finally:
        end(process)


def _client(project: Path) -> tuple[Client, int]:
    record = ProjectState(project).running()
    if record is None:
        raise UnmeasuredError(f"no run is found for {project}")
    return Client(record), int(record.url.rpartition(":")[2])


def _scaled(client: Client, replicas: int) -> float:
    """Have so many replicas, and return the seconds until they are ready."""
    began = time.perf_counter()
    client.scale("words", str(replicas), None)
    while sum(each["state"] == "ready" for each in client.endpoints()["endpoints"]) != replicas:
        time.sleep(0.005)
    return time.perf_counter() - began


def _throughput(client: Client, port: int, rounds: int, seconds: float) -> Goal:
    rates: dict[str, list[float]] = {"one replica": [], "four replicas": []}
    for turn in range(rounds):
        for name, number in sorted((("one replica", 1), ("four replicas", 4)), reverse=bool(turn % 2)):
            _scaled(client, number)
            rates[name].append(len(_asked(port, _PATH + "sleep", seconds)) / seconds)
    print_table(f"an endpoint that sleeps 50 ms, {_CLIENTS} clients", "requests/s", rates)
    client.scale("words", "1", None)
    one, four = (statistics.median(rates[name]) for name in ("one replica", "four replicas"))
    return Goal("throughput, four replicas/one", four / one, ">=", 3.6)


def _moves(client: Client, port: int, rounds: int, seconds: float) -> Goal:
    names = [version["version"] for version in client.versions()]
    late: dict[str, list[float]] = {"at rest": [], "while it is moved": []}
    for turn in range(rounds):
        for name in sorted(late, reverse=bool(turn % 2)):
            # Not a thread: it would hold up those that ask, and be counted as the run's.
            moving = _FORKED.Event()
            mover = _FORKED.Process(target=_move, args=(client, names, moving), daemon=True)
            if name != "at rest":
                mover.start()
            took = sorted(_asked(port, _ALIAS, seconds, clients=2))
            moving.set()
            if name != "at rest":
                mover.join()
            late[name].append(took[int(len(took) * 0.99)] * 1e3)
    print_table("99 of 100 requests under an alias within", "ms", late)
    ratio = statistics.median(moved / rest for rest, moved in zip(*late.values(), strict=True))
    return Goal("p99 while an alias is moved/at rest", ratio, "<=", 1.5)


def _move(client: Client, names: Sequence[str], until: Event) -> None:
    now = client.aliases()["aliases"]["prod"]
    while not until.wait(0.02):
        now = next(name for name in names if name != now)
        client.point("prod", {"version": now})


def _asked(port: int, path: str, seconds: float, *, clients: int = _CLIENTS) -> list[float]:
    """Ask by some clients, each for one answer after the other, and return the seconds that each took."""
    until = time.perf_counter() + seconds

    def ask() -> list[float]:
        found: list[float] = []
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while (began := time.perf_counter()) < until:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.client.OK:
                raise UnmeasuredError(f"{path} was answered {answer.status}")
            if (ended := time.perf_counter()) < until:  # those that wait at the end are no throughput
                found.append(ended - began)
        connection.close()
        return found

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        return [took for each in [pool.submit(ask) for _ in range(clients)] for took in each.result()]


if __name__ == "__main__":
    conclude(measure)
