"""vhlocal's gateway alone in a process, in front of one upstream, its requests kept and told as in a run.

``python -m benchmarks.peers.gateway PORT UPSTREAM-PORT [--no-records]``
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TextIO

from rich.console import Console

from vhlocal.events import Bus
from vhlocal.gateway.options import GatewayOptions
from vhlocal.gateway.report import Failure, Page
from vhlocal.gateway.server import Gateway
from vhlocal.gateway.table import Replica, Route, RouteTable, Upstream
from vhlocal.session.session import run
from vhlocal.session.traffic.requests import Requests
from vhlocal.ui.terminal import Terminal

PREFIX = "/bench/bench/local/v/words"


async def _serve(port: int, upstream: Upstream, nowhere: TextIO, *, records: bool) -> None:
    bus = Bus()
    bus.subscribe(Terminal(Console(file=nowhere)))
    requests = Requests(asyncio.get_running_loop(), bus)
    table = RouteTable()
    table.publish([Route(PREFIX, "words", (Replica(upstream, revision="0123456789ab"),))])
    options = GatewayOptions(control=upstream, connections=10_000)
    gateway = Gateway(table, options, _page, requests.add if records else lambda _: None, lambda _: None)
    await gateway.start(socket.create_server(("127.0.0.1", port), backlog=1024))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await gateway.close(0)


def _page(failure: Failure) -> Page:
    return Page(f"{failure.reason}\n".encode(), "text/plain")


if __name__ == "__main__":
    port, upstream, *rest = sys.argv[1:]
    with Path(os.devnull).open("w") as nowhere:
        run(_serve(int(port), Upstream("127.0.0.1", int(upstream)), nowhere, records=not rest))
