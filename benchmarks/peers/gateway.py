"""vhlocal's gateway alone in a process, in front of one upstream, its requests kept and told as in a run.

``python -m benchmarks.peers.gateway PORT UPSTREAM-PORT... [--no-records] [--recording]``

Each upstream is a replica, one that is named again another.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TextIO

from rich.console import Console

from vhlocal.__main__ import BETWEEN_LOOKS
from vhlocal.events import Bus
from vhlocal.gateway.options import GatewayOptions
from vhlocal.gateway.report import Failure, Page
from vhlocal.gateway.server import Gateway
from vhlocal.gateway.table import Replica, Route, RouteTable, Upstream
from vhlocal.recorder.store import Store
from vhlocal.session.loop import run
from vhlocal.session.traffic.requests import Requests
from vhlocal.ui.terminal import Terminal

PREFIX = "/bench/bench/local/v/words"


async def _serve(port: int, upstreams: list[Upstream], nowhere: TextIO, options: set[str]) -> None:
    bus = Bus()
    bus.subscribe(Terminal(Console(file=nowhere)))
    requests = Requests(asyncio.get_running_loop(), bus)
    table = RouteTable()
    numbers = range(1, len(upstreams) + 1) if len(upstreams) > 1 else (0,)
    replicas = tuple(
        Replica(upstream, number, revision="0123456789ab") for number, upstream in zip(numbers, upstreams, strict=True)
    )
    table.publish([Route(PREFIX, "words", replicas)])
    on_request = (lambda _: None) if "--no-records" in options else requests.add
    settings = GatewayOptions(control=upstreams[0], connections=10_000)
    gateway = Gateway(table, settings, _page, on_request, lambda _: None)
    if "--recording" in options:
        gateway.tap = Store()
    await gateway.start(socket.create_server(("127.0.0.1", port), backlog=1024))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await gateway.close(0)


def _page(failure: Failure) -> Page:
    return Page(f"{failure.reason}\n".encode(), "text/plain")


if __name__ == "__main__":
    gc.set_threshold(BETWEEN_LOOKS)  # as a run has it, which keeps records for half a second
    ports = [int(each) for each in sys.argv[1:] if not each.startswith("-")]
    upstreams = [Upstream("127.0.0.1", each) for each in ports[1:]]
    with Path(os.devnull).open("w") as nowhere:
        run(_serve(ports[0], upstreams, nowhere, {each for each in sys.argv[1:] if each.startswith("-")}))
