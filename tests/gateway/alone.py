"""A gateway in a process of its own, to be measured from outside: ``python -m tests.gateway.alone '{...}'``.

The argument holds ``options`` (``GatewayOptions``), ``control`` (a port) and limits: ``files`` that may be open, and
``file_bytes`` that each may have. Each line that it reads publishes routes or asks for nothing; each is answered by one
line with the facts of the moment.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import uvloop

from tests.gateway.routes import route_to
from vhlocal.events import Bus
from vhlocal.gateway.server import Failure, Gateway, GatewayOptions, Page, Route, RouteTable, Upstream
from vhlocal.session.traffic.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from vhlocal.model import RequestRecord

_ROOT = Path(__file__).parent.parent.parent


class Alone:
    """The gateway's process, as a context manager. ``loop`` is ``uvloop`` or ``asyncio``."""

    def __init__(
        self,
        *,
        control: int = 1,
        files: int | None = None,
        file_bytes: int | None = None,
        loop: str = "uvloop",
        **options: float | bool | str,
    ) -> None:
        limits = {"files": files, "file_bytes": file_bytes}
        settings = json.dumps({"control": control, "limits": limits, "loop": loop, "options": options})
        self._command = [sys.executable, "-m", "tests.gateway.alone", settings]

    def __enter__(self) -> Alone:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT, bufsize=1
        )
        self.pid = self._process.pid
        self.port: int = self._answer()["port"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def publish(self, routes: Iterable[tuple[str, int | None]], *, buffered: bool = True) -> None:
        """Lead each prefix to a port of this machine; None lets its requests wait."""
        self._ask({"routes": list(routes), "buffered": buffered})

    def facts(self) -> dict[str, Any]:
        """What the gateway holds and has told: see ``_facts``."""
        return self._ask({})

    def memory(self) -> float:
        """The resident memory in MB (10^6 bytes)."""
        return self._status("VmRSS")

    def peak(self) -> float:
        """The most resident memory in MB since the process began or ``forget_peak`` was called."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Let ``peak`` begin anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def sockets(self) -> int:
        """The number of TCP sockets that the process has, the one that it listens on included."""
        return len(psutil.Process(self.pid).net_connections("tcp"))

    def processor_seconds(self) -> float:
        """The processor time that the process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _status(self, name: str) -> float:
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024 / 1e6

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class _Told:
    """What the gateway has told so far, as figures; each request is kept and told on as in a run."""

    def __init__(self) -> None:
        self._keep = Requests(asyncio.get_running_loop(), Bus()).add
        self.statuses: Counter[int] = Counter()
        self.bytes_in = 0
        self.bytes_out = 0
        self.broken = 0
        self.complaints: list[str] = []

    def request(self, record: RequestRecord) -> None:
        self._keep(record)
        self.statuses[record.status] += 1
        self.bytes_in += record.bytes_in
        self.bytes_out += record.bytes_out
        self.broken += not record.whole

    def complain(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")


async def _serve(settings: dict[str, Any]) -> None:
    told, table = _Told(), RouteTable()
    asyncio.get_running_loop().set_exception_handler(told.complain)
    options = GatewayOptions(control=Upstream("127.0.0.1", settings["control"]), **settings["options"])
    gateway = Gateway(table, options, _page, told.request, lambda passed: None)
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    await gateway.start(sock)
    print(json.dumps({"port": port}), flush=True)  # noqa: T201
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        if "routes" in command:
            table.publish(_route(prefix, to, command["buffered"]) for prefix, to in command["routes"])
        print(json.dumps(_facts(gateway, told)), flush=True)  # noqa: T201
    await gateway.close(0)


def _route(prefix: str, port: int | None, buffered: bool) -> Route:
    upstream = None if port is None else Upstream("127.0.0.1", port)
    return route_to(prefix, "predict", upstream, holding=port is None, revision="r", buffered=buffered)


def _facts(gateway: Gateway, told: _Told) -> dict[str, Any]:
    return {
        "connections": gateway.connections(),
        "upstream_connections": gateway.upstream_connections(),
        # This one aside.
        "tasks": len(asyncio.all_tasks()) - 1,
        "statuses": {str(status): count for status, count in sorted(told.statuses.items())},
        "bytes_in": told.bytes_in,
        "bytes_out": told.bytes_out,
        "broken": told.broken,
        "complaints": told.complaints,
    }


def _page(failure: Failure) -> Page:
    return Page(failure.reason.encode(), "text/plain", (("X-Page", failure.kind.value),))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    for name, limit in (("files", resource.RLIMIT_NOFILE), ("file_bytes", resource.RLIMIT_FSIZE)):
        if given["limits"][name] is not None:
            resource.setrlimit(limit, (given["limits"][name], resource.getrlimit(limit)[1]))
    (uvloop.run if given["loop"] == "uvloop" else asyncio.run)(_serve(given))
