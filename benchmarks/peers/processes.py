"""Peers as processes: each started on a free port, waited for, and ended with the benchmark."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import UnmeasuredError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROOT = Path(__file__).parent.parent.parent
_DEADLINE = 20.0
_PAUSE = 0.02

#: The same headers for the upstream that the gateway adds (P7, K9), and the same connections kept open.
_PROXY = """
    upstream behind {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024 reuseport;
        location / {{
            proxy_pass http://behind;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-VH-Prefix /bench/bench/local/v/words/;
            proxy_set_header X-Request-ID $request_id;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Scheme $scheme;
            proxy_set_header X-Scheme $scheme;
            proxy_buffering off;
        }}
    }}
"""

_UPSTREAM = """
    server {{
        {listens}
        location / {{ default_type text/plain; return 200 "hello from the endpoint\\n"; }}
        location {large} {{ default_type application/octet-stream; alias {file}; }}
    }}
"""

_CONFIG = """
daemon off; master_process on; worker_processes {workers}; pid {directory}/nginx.pid; error_log stderr error;
events {{ worker_connections 8192; }}
http {{
    access_log off; sendfile on; tcp_nopush on; tcp_nodelay on;
    keepalive_requests 1000000000; client_max_body_size 0;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    {servers}
}}
"""


@contextlib.contextmanager
def nginx_upstream(directory: Path, large_path: str, large_file: Path) -> Iterator[int]:
    """Serve a short text at every path and a large file at one; yield the port."""
    with nginx_upstreams(directory, large_path, large_file, 1) as (port,):
        yield port


@contextlib.contextmanager
def nginx_upstreams(directory: Path, large_path: str, large_file: Path, number: int) -> Iterator[list[int]]:
    """Serve the same at so many ports, by one process; yield them."""
    ports: set[int] = set()
    while len(ports) < number:
        ports.add(free_port())
    listens = "\n".join(f"listen 127.0.0.1:{port} backlog=1024 reuseport;" for port in ports)
    with _nginx(directory, 1, _UPSTREAM.format(listens=listens, large=large_path, file=large_file), min(ports)):
        yield sorted(ports)


@contextlib.contextmanager
def nginx_proxy(directory: Path, upstream: int) -> Iterator[int]:
    """Proxy to a port, with a worker for each processor as Debian's own configuration has it; yield the port."""
    port = free_port()
    with _nginx(directory, 0, _PROXY.format(port=port, upstream=upstream), port):
        yield port


@contextlib.contextmanager
def proxy_middleware(upstream: int) -> Iterator[int]:
    """Proxy by werkzeug's ``ProxyMiddleware``, served by Gunicorn's threads; yield the port."""
    port = free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "64", "--log-level", "error"]
    app = f"benchmarks.peers.middleware:proxy('http://127.0.0.1:{upstream}')"
    with process([sys.executable, "-m", "gunicorn", *options, app], port):
        yield port


@contextlib.contextmanager
def python_peer(module: str, *arguments: str) -> Iterator[tuple[int, int]]:
    """Start a module of this package that takes its port first; yield the port and the process's id."""
    port = free_port()
    with process([sys.executable, "-m", f"benchmarks.peers.{module}", str(port), *arguments], port) as peer:
        yield port, peer.pid


@contextlib.contextmanager
def process(command: Sequence[str], port: int, directory: Path = _ROOT) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in ``directory``, and yield it once it answers at its port, whatever it says."""
    server = subprocess.Popen(command, cwd=directory)
    try:
        _wait_until_it_answers(server, port)
        yield server
    finally:
        server.terminate()
        server.wait(_DEADLINE)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _nginx(directory: Path, workers: int, servers: str, port: int) -> Iterator[None]:
    binary = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin")
    if binary is None:
        raise UnmeasuredError("nginx is not installed (Debian: nginx-light)")
    directory.mkdir()
    config = directory / "nginx.conf"
    config.write_text(_CONFIG.format(workers=workers or "auto", directory=directory, servers=servers))
    with process([binary, "-c", str(config), "-p", str(directory)], port):
        yield


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int) -> None:
    began = time.perf_counter()
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except (OSError, http.client.HTTPException):
            if server.poll() is not None or time.perf_counter() - began > _DEADLINE:
                raise UnmeasuredError(f"{server.args!r} does not answer") from None
            time.sleep(_PAUSE)
        finally:
            connection.close()
