"""The gateway beside nginx, werkzeug's ``ProxyMiddleware`` and no proxy at all, in front of the same upstream.

``python -m benchmarks.gateway [--quick]``

Small answers at 1, 16, 64 and 256 connections; what records and recordings of them cost; a large body each way; bodies
in chunks; a slow body beside quick clients; and a thousand clients of server-sent events with a thousand WebSockets
that stay connected. nginx has a worker for each processor, sets the same headers, reads bodies whole as the gateway
does, keeps as many connections and writes no log; the gateway is one process, and keeps and publishes its requests as
in a run.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.peers import loads
from benchmarks.peers.costs import side_by_side
from benchmarks.peers.processes import nginx_proxy, nginx_upstream, proxy_middleware, python_peer
from benchmarks.report import Goal, conclude, print_table
from vhlocal.session.open_files import raise_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_PATH = "/bench/bench/local/v/words/"
_LARGE = _PATH + "large"
_CONNECTIONS = (1, 16, 64, 256)
_COMPARED = (16, 64)
_STAYING = 1000
#: Bodies in chunks: bytes, and how many of them on one connection.
_CHUNKED = {"1 KB": (1000, 2000), "1 MB": (1_000_000, 100)}
_UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\n"

_NGINX, _MIDDLEWARE, _GATEWAY, _BARE, _SILENT = "nginx", "ProxyMiddleware", "gateway", "no proxy", "gateway, no records"
_RECORDING = "gateway, recording"

Samples = dict[str, list[float]]


def measure() -> Sequence[Goal]:
    """Measure everything and return the goals."""
    quick = "--quick" in sys.argv
    raise_limit()
    with tempfile.TemporaryDirectory() as place:
        # nginx may read it as another user.
        Path(place).chmod(0o755)
        file = Path(place, "large")
        # Written, not left sparse: holes are read in another way than files are.
        with file.open("wb") as large:
            for _ in range(64 if quick else 512):
                large.write(b"0123456789abcdef" * 65536)
        return [
            *_small(Path(place, "small"), file, 1 if quick else 10, 1 if quick else 2),
            *_keeping(Path(place, "keeping"), file, 10 if quick else 40),
            *_bodies(Path(place, "bodies"), file, 2 if quick else 7),
            *_stay(1 if quick else 5, 1 if quick else 2),
        ]


def _small(place: Path, file: Path, rounds: int, seconds: int) -> Iterator[Goal]:
    with contextlib.ExitStack() as stack:
        ports = _start(stack, place, file)
        for connections in _CONNECTIONS:
            rates, halves = _alternate(ports, rounds, connections, seconds)
            print_table(f"small answers, {connections} connections", "requests/s", rates)
            print_table(f"half of them within, {connections} connections", "µs", halves)
            if connections in _COMPARED:
                yield _ratio(f"requests/s at {connections}, gateway/nginx", rates, _NGINX, 0.6)
                yield _ratio(f"requests/s at {connections}, gateway/ProxyMiddleware", rates, _MIDDLEWARE, 8)
            elif connections == 1:
                added = {name: statistics.median(halves[name]) - statistics.median(halves[_BARE]) for name in ports}
                yield Goal("latency added, gateway/nginx", added[_GATEWAY] / added[_NGINX], "<=", 4)
                yield Goal("latency added, gateway/ProxyMiddleware", added[_GATEWAY] / added[_MIDDLEWARE], "<=", 1 / 3)


def _keeping(place: Path, file: Path, rounds: int) -> Iterator[Goal]:
    """Compare what records and recordings cost: a busy gateway answers as many requests as it has CPU for."""
    place.mkdir()
    with contextlib.ExitStack() as stack:
        upstream = str(stack.enter_context(nginx_upstream(place / "upstream", _LARGE, file)))
        kinds = {_SILENT: ("--no-records",), _GATEWAY: (), _RECORDING: ("--recording",)}
        peers = {
            name: stack.enter_context(python_peer("gateway", upstream, *options)) for name, options in kinds.items()
        }
        for connections in _COMPARED:
            spent = side_by_side(peers, _PATH, connections, rounds)
            print_table(f"CPU of the gateway for a small answer, {connections} connections", "µs", spent)
            rounds_of = list(zip(*(spent[name] for name in kinds), strict=True))
            kept = statistics.median(silent / usual for silent, usual, _ in rounds_of)
            recorded = statistics.median(usual / recording for _, usual, recording in rounds_of)
            yield Goal(f"requests for the CPU at {connections}, with/without records", kept, ">=", 0.95)
            yield Goal(f"requests for the CPU at {connections}, recording/not", recorded, ">=", 0.93)


def _start(stack: contextlib.ExitStack, place: Path, file: Path) -> dict[str, int]:
    place.mkdir()
    upstream = stack.enter_context(nginx_upstream(place / "upstream", _LARGE, file))
    gateway, _ = stack.enter_context(python_peer("gateway", str(upstream)))
    return {
        _BARE: upstream,
        _NGINX: stack.enter_context(nginx_proxy(place / "proxy", upstream)),
        _MIDDLEWARE: stack.enter_context(proxy_middleware(upstream)),
        _GATEWAY: gateway,
    }


def _alternate(ports: Mapping[str, int], rounds: int, connections: int, seconds: int) -> tuple[Samples, Samples]:
    rates: Samples = {name: [] for name in ports}
    halves: Samples = {name: [] for name in ports}
    for turn in range(rounds):
        for name in _shuffled(ports, turn):
            measured = loads.small(ports[name], _PATH, connections, seconds)
            rates[name].append(measured.per_second)
            halves[name].append(measured.half_within)
    return rates, halves


def _shuffled(names: Mapping[str, int], turn: int) -> list[str]:
    """Return an order for one turn: what one peer leaves behind in the system must not always burden the same next."""
    return random.Random(turn).sample(list(names), len(names))


def _ratio(name: str, samples: Mapping[str, Sequence[float]], peer: str, target: float) -> Goal:
    ratio = statistics.median(samples[_GATEWAY]) / statistics.median(samples[peer])
    return Goal(name, ratio, ">=", target)


def _bodies(place: Path, file: Path, rounds: int) -> Iterator[Goal]:
    size = file.stat().st_size
    with contextlib.ExitStack() as stack:
        down = _start(stack, place, file)
        sink, _ = stack.enter_context(python_peer("sink"))
        gateway, _ = stack.enter_context(python_peer("gateway", str(sink)))
        up = {
            _BARE: sink,
            _NGINX: stack.enter_context(nginx_proxy(place / "to-sink", sink)),
            _MIDDLEWARE: stack.enter_context(proxy_middleware(sink)),
            _GATEWAY: gateway,
        }
        ways: dict[str, tuple[dict[str, int], Callable[[int], float]]] = {
            "download": (down, lambda port: loads.download(port, _LARGE, size)),
            "upload": (up, lambda port: loads.upload(port, _LARGE, file)),
        }
        for way, (ports, load) in ways.items():
            speeds: Samples = {name: [] for name in ports}
            for turn in range(rounds):
                for name in _shuffled(ports, turn):
                    speeds[name].append(load(ports[name]))
            print_table(f"{way} of {size / 1e6:.0f} MB", "MB/s", speeds)
            yield _ratio(f"{way}, gateway/nginx", speeds, _NGINX, 0.7)
        for name, (bytes_, times) in {**_CHUNKED, f"{size / 1e6:.0f} MB": (size, 1)}.items():
            speeds = {peer: [] for peer in (_NGINX, _GATEWAY)}
            for turn in range(rounds):
                for peer in _shuffled({peer: up[peer] for peer in speeds}, turn):
                    speeds[peer].append(loads.chunked(up[peer], _LARGE, bytes_, times))
            print_table(f"uploads of {name} in chunks", "MB/s", speeds)
            yield _ratio(f"uploads of {name} in chunks, gateway/nginx", speeds, _NGINX, 0.7)
        yield _beside_a_slow_body(down[_GATEWAY], rounds)


def _beside_a_slow_body(port: int, rounds: int) -> Goal:
    halves: Samples = {"alone": [], "beside": []}
    for turn in range(rounds):
        for name in _shuffled(dict.fromkeys(halves, port), turn):
            with loads.dribbling(port, _PATH) if name == "beside" else contextlib.nullcontext():
                halves[name].append(loads.small(port, _PATH, 64, 1).half_within)
    print_table("half of 64 quick clients' requests within, a slow body beside them", "µs", halves)
    ratio = statistics.median(halves["beside"]) / statistics.median(halves["alone"])
    return Goal("latency of 64 clients beside a slow body/alone", ratio, "<=", 1.1)


def _stay(rounds: int, seconds: int) -> Iterator[Goal]:
    with python_peer("idle") as (idle, _), python_peer("gateway", str(idle)) as (gateway, process):
        alone = [loads.small(gateway, _PATH, 1, seconds).half_within for _ in range(rounds)]
        before = psutil.Process(process).memory_info().rss
        with (
            loads.staying(gateway, _PATH + "events", _STAYING),
            loads.staying(gateway, _PATH + "socket", _STAYING, _UPGRADE),
        ):
            among = [loads.small(gateway, _PATH, 1, seconds).half_within for _ in range(rounds)]
            grown = psutil.Process(process).memory_info().rss - before
    print_table(
        f"half of other requests within, {2 * _STAYING} clients connected", "µs", {"alone": alone, "among": among}
    )
    yield Goal("latency among clients that stay/alone", statistics.median(among) / statistics.median(alone), "<=", 2)
    yield Goal("memory of each client that stays, KB", grown / 1e3 / (2 * _STAYING), "<=", 40)


if __name__ == "__main__":
    conclude(measure)
