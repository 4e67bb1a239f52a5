"""Where a server listens that a command starts: what its options say, else the program's own defaults (R1, R3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.checks.commands import exported
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from vhlocal.checks.commands import Command

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")

#: What stands in front of other servers: those may well listen on localhost.
_FRONTS = ("nginx", "caddy", "envoy", "haproxy", "supervisord", "traefik", "httpd", "apache2")


@dataclass(frozen=True)
class Program:
    """How one program is told where to listen: options for host, port, and both; its defaults; what else may tell it.

    ``subcommand`` is the first argument that makes it a server. ``variables`` and ``files`` can move the defaults.
    ``unless`` are options with which it listens otherwise.
    """

    hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()
    host: str = "0.0.0.0"
    port: int = 8000
    subcommand: str = ""
    positional: bool = False
    variables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


_GUNICORN = Program(
    binds=("-b", "--bind"),
    host="127.0.0.1",
    variables=("PORT", "GUNICORN_CMD_ARGS"),
    files=("gunicorn.conf.py",),
    unless=("-c", "--config"),
)

PROGRAMS: Mapping[str, Program] = {
    "uvicorn": Program(
        ("--host",), ("--port",), host="127.0.0.1", variables=("UVICORN_HOST", "UVICORN_PORT"), unless=("--uds", "--fd")
    ),
    "gunicorn": _GUNICORN,
    "hypercorn": Program(
        binds=("-b", "--bind"), host="127.0.0.1", unless=("-c", "--config", "--insecure-bind", "--quic-bind")
    ),
    "daphne": Program(("-b", "--bind"), ("-p", "--port"), host="127.0.0.1", unless=("-u", "-e", "--endpoint", "--fd")),
    "flask": Program(
        ("--host", "-h"),
        ("--port", "-p"),
        host="127.0.0.1",
        port=5000,
        subcommand="run",
        variables=("FLASK_RUN_HOST", "FLASK_RUN_PORT"),
        files=(".flaskenv", ".env"),
        unless=("-e", "--env-file"),
    ),
    "quart": Program(
        ("--host", "-h"),
        ("--port", "-p"),
        host="127.0.0.1",
        port=5000,
        subcommand="run",
        variables=("QUART_RUN_HOST", "QUART_RUN_PORT"),
        files=(".flaskenv", ".env"),
    ),
    "litestar": Program(
        ("--host", "-H"),
        ("--port", "-p"),
        host="127.0.0.1",
        subcommand="run",
        variables=("LITESTAR_HOST", "LITESTAR_PORT"),
        unless=("--uds", "-U", "--fd", "-F", "--file-descriptor", "--unix-domain-socket"),
    ),
    "sanic": Program(("--host", "-H"), ("--port", "-p"), host="127.0.0.1", unless=("--unix", "-u")),
    "granian": Program(
        ("--host",), ("--port",), host="127.0.0.1", variables=("GRANIAN_HOST", "GRANIAN_PORT"), unless=("--uds",)
    ),
    "fastapi": Program(("--host",), ("--port",), subcommand="run", variables=("UVICORN_HOST", "UVICORN_PORT")),
    "manage.py": Program(host="127.0.0.1", subcommand="runserver", positional=True),
    "waitress-serve": Program(("--host",), ("--port",), ("--listen",), port=8080),
    "waitress": Program(("--host",), ("--port",), ("--listen",), port=8080),
    "streamlit": Program(
        ("--server.address",),
        ("--server.port",),
        port=8501,
        subcommand="run",
        variables=("STREAMLIT_SERVER_PORT", "STREAMLIT_SERVER_ADDRESS"),
        files=(".streamlit/config.toml",),
    ),
    "mlflow": Program(
        ("-h", "--host"),
        ("-p", "--port"),
        host="127.0.0.1",
        port=5000,
        subcommand="models",
        variables=("MLFLOW_HOST", "MLFLOW_PORT"),
    ),
}


@dataclass(frozen=True)
class Listening:
    """Where a command's server listens; None for what cannot be told. ``…_given`` where the command itself says so."""

    command: Command
    host: str | None
    port: int | None
    host_given: bool = False
    port_given: bool = False

    def is_loopback(self) -> bool:
        """Tell whether only the server's own container reaches it (R3)."""
        return self.host is not None and (self.host in LOOPBACK or self.host.startswith("127."))


def program_of(command: Command) -> Program | None:
    """Return the server that a command starts, None where it is none that is known."""
    name, arguments = command.split
    program = PROGRAMS.get(name)
    if program is None or (program.subcommand and program.subcommand not in arguments):
        return None
    return program


def the_server(commands: Sequence[Command]) -> Command | None:
    """Return the command that serves the endpoint: the last, where it is the only one that may listen."""
    if not commands or commands[-1].end == "&":
        return None
    background = any(command.end in ("&", "|") for command in commands)
    others = [command for command in commands[:-1] if program_of(command) or command.program in _FRONTS]
    return None if background or others else commands[-1]


def listening(commands: Sequence[Command], packaged: Collection[str], variables: Mapping[str, str]) -> Listening | None:
    """Return where the server of these commands listens, None where that is not known at all.

    ``variables`` are those of the endpoint, besides what the commands set.
    """
    command = the_server(commands)
    program = program_of(command) if command else None
    if command is None or program is None:
        return None
    if any(command.values(option) or command.has(option) for option in program.unless):
        return None
    known = {**variables, **exported(commands)}
    moved = any(name in known for name in program.variables) or any(file in packaged for file in program.files)
    hosts, ports = command.values(*program.hosts), command.values(*program.ports)
    binds = command.values(*program.binds) + _positional(command, program)
    if binds:
        return _bound(command, binds)
    host = hosts[-1] if hosts else None if moved else program.host
    port = ports[-1] if ports else None if moved else str(program.port)
    return Listening(command, _host(host), _port(port), bool(hosts), bool(ports))


def _positional(command: Command, program: Program) -> list[str]:
    if not program.positional:
        return []
    arguments = command.arguments
    given = [word for word in arguments[arguments.index(program.subcommand) + 1 :] if not word.startswith("-")]
    return [word if ":" in word else f"{program.host}:{word}" for word in given[:1]]


def _bound(command: Command, binds: Sequence[str]) -> Listening | None:
    """Return where ``HOST:PORT`` values lead; nothing for sockets, and where there are several."""
    if len(binds) != 1 or binds[0].startswith(("unix:", "fd:")):
        return None
    host, colon, port = binds[0].rpartition(":")
    if not colon or "$" in binds[0].removesuffix(port):
        return Listening(command, None if "$" in binds[0] else binds[0], None, host_given=True)
    return Listening(command, _host(host or "0.0.0.0"), _port(port), host_given=True, port_given=True)


def _host(text: str | None) -> str | None:
    return None if text is None or "$" in text else text


def _port(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
