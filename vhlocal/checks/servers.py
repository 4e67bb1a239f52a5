"""Where a server listens that a command starts: what its options say, else the program's own defaults (R1, R3)."""

from __future__ import annotations

import ast
import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.checks.commands import exported
from vhlocal.checks.settings_files import ini_settings_in, settings_in
from vhlocal.contract.image import PORTS
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from vhlocal.checks.commands import Command
    from vhlocal.checks.modules import Module, Modules
    from vhlocal.checks.settings_files import Setting
    from vhlocal.model import Place

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")

#: A port, or an address with a port, as Django's `runserver` takes it.
_ADDRESS = re.compile(r"(?:(\S+):)?(\d+|\$\S+)")

_DIRECTORY = re.compile(r"(?:\w[\w.-]*/)*\w[\w.-]*")
#: A file of uWSGI's, and its section.
_INI = re.compile(r"(?:--ini=)?([^\s=:]+\.ini)(?::([\w-]+))?")
#: Settings of uWSGI with which others count or do not, or come from elsewhere.
_ELSEWHERE = re.compile(r"if|for|end|ini|include|inherit|emperor|vassal|zerg|xml|yaml|json|config|opt-")

#: What stands in front of other servers: those may well listen on localhost.
_FRONTS = ("nginx", "caddy", "envoy", "haproxy", "supervisord", "traefik", "httpd", "apache2")


@dataclass(frozen=True)
class Program:
    """How one program takes its address: options for host, port, and both; its defaults; what else may set it.

    A default that is None is not known. ``every`` is what to add so that it listens on every address. ``valued`` are
    its other options whose value is a word of its own, if a subcommand or an address may follow them. ``positional`` is
    whether an address, or a port alone, may be given without an option. ``variables`` and ``files`` can move the
    defaults; ``keys`` are those of host and port in the first of these files, "" where it is not read. ``unless`` are
    options with which it listens otherwise. ``apps`` is whether what it is given may name an app, as ``module:name``.
    """

    hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()
    host: str | None = "0.0.0.0"
    port: int | None = 8000
    every: str = "--host 0.0.0.0"
    valued: tuple[str, ...] = ()
    positional: bool = False
    variables: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    keys: tuple[str, str] = ("", "")
    unless: tuple[str, ...] = ()
    apps: bool = True


GUNICORN_FILE = "gunicorn.conf.py"
_BOTH = "--bind 0.0.0.0:$VALOHAI_PORT"
_WAITRESS = Program(("--host",), ("--port",), ("--listen",), port=8080)
_FASTAPI = Program(("--host",), ("--port",), variables=("UVICORN_HOST", "UVICORN_PORT"))
_DJANGO = Program(
    host="127.0.0.1",
    every="0.0.0.0:$VALOHAI_PORT",
    valued=("--settings", "--pythonpath", "-v", "--verbosity"),
    positional=True,
    unless=("-6", "--ipv6"),
)
_FLASK = Program(
    ("--host", "-h"),
    ("--port", "-p"),
    host="127.0.0.1",
    port=5000,
    valued=("--app", "-A", "-e", "--env-file"),
    variables=("FLASK_RUN_HOST", "FLASK_RUN_PORT"),
    files=(".flaskenv", ".env"),
    unless=("-e", "--env-file"),
)
_MLFLOW = Program(
    ("-h", "--host"),
    ("-p", "--port"),
    host="127.0.0.1",
    port=5000,
    valued=("--env-file",),
    variables=("MLFLOW_HOST", "MLFLOW_PORT"),
    unless=("--env-file",),
    apps=False,
)
_BOKEH = Program(
    ("--address",),
    ("--port",),
    port=5006,
    every="--address 0.0.0.0",
    variables=("BOKEH_DEFAULT_SERVER_PORT",),
    unless=("--unix-socket",),
    apps=False,
)
#: Images for notebooks bring settings of their own, so only what the command says is known.
_JUPYTER = Program(
    ("--ip", "--ServerApp.ip", "--NotebookApp.ip"),
    ("--port", "--ServerApp.port", "--NotebookApp.port"),
    host=None,
    port=None,
    unless=("--sock", "--config"),
    apps=False,
)
_MARIMO = Program(("--host",), ("--port", "-p"), host="127.0.0.1", port=2718, apps=False)

#: By the program, and the subcommands that make it a server.
PROGRAMS: Mapping[str, Program] = {
    "uvicorn": Program(
        ("--host",), ("--port",), host="127.0.0.1", variables=("UVICORN_HOST", "UVICORN_PORT"), unless=("--uds", "--fd")
    ),
    "gunicorn": Program(
        binds=("-b", "--bind"),
        host="127.0.0.1",
        every=_BOTH,
        variables=("PORT", "GUNICORN_CMD_ARGS"),
        files=(GUNICORN_FILE,),
    ),
    "hypercorn": Program(
        binds=("-b", "--bind"),
        host="127.0.0.1",
        every=_BOTH,
        unless=("--insecure-bind", "--quic-bind"),
    ),
    "daphne": Program(
        ("-b", "--bind"),
        ("-p", "--port"),
        host="127.0.0.1",
        every="-b 0.0.0.0",
        unless=("-u", "-e", "--endpoint", "--fd"),
    ),
    "flask run": _FLASK,
    "quart run": replace(_FLASK, variables=("QUART_RUN_HOST", "QUART_RUN_PORT")),
    "litestar run": Program(
        ("--host", "-H"),
        ("--port", "-p"),
        host="127.0.0.1",
        valued=("--app", "--app-dir"),
        variables=("LITESTAR_HOST", "LITESTAR_PORT"),
        unless=("--uds", "-U", "--fd", "-F", "--file-descriptor", "--unix-domain-socket"),
    ),
    "sanic": Program(("--host", "-H"), ("--port", "-p"), host="127.0.0.1", unless=("--unix", "-u")),
    "granian": Program(
        ("--host",), ("--port",), host="127.0.0.1", variables=("GRANIAN_HOST", "GRANIAN_PORT"), unless=("--uds",)
    ),
    "fastapi run": _FASTAPI,
    "fastapi dev": replace(_FASTAPI, host="127.0.0.1"),
    "manage.py runserver": _DJANGO,
    "waitress-serve": _WAITRESS,
    "waitress": _WAITRESS,
    "http.server": Program(("-b", "--bind"), every="-b 0.0.0.0", positional=True, apps=False),
    "streamlit run": Program(
        ("--server.address",),
        ("--server.port",),
        port=8501,
        every="--server.address 0.0.0.0",
        variables=("STREAMLIT_SERVER_PORT", "STREAMLIT_SERVER_ADDRESS"),
        files=(".streamlit/config.toml",),
        keys=("server.address", "server.port"),
    ),
    "mlflow models serve": _MLFLOW,
    "mlflow server": _MLFLOW,
    "mlflow ui": _MLFLOW,
    "bokeh serve": _BOKEH,
    "panel serve": _BOKEH,
    "shiny run": Program(("--host", "-h"), ("--port", "-p"), host="127.0.0.1", apps=False),
    "chainlit run": Program(
        ("--host",),
        ("--port",),
        host="127.0.0.1",
        variables=("CHAINLIT_HOST", "CHAINLIT_PORT"),
        files=(".env",),
        apps=False,
    ),
    "marimo run": _MARIMO,
    "marimo edit": _MARIMO,
    "jupyter lab": _JUPYTER,
    "jupyter notebook": _JUPYTER,
    "jupyter server": _JUPYTER,
    "jupyter-lab": _JUPYTER,
    "jupyter-notebook": _JUPYTER,
    "bentoml serve": Program(("--host",), ("--port", "-p"), host=None, port=None, apps=False),
    "tensorflow_model_server": Program(
        ports=("--rest_api_port",), host=None, port=None, unless=("--flagfile",), apps=False
    ),
    "uwsgi": Program(
        binds=("--http", "--http-socket", "--http11-socket"),
        host=None,
        port=None,
        unless=("--xml", "--yaml", "--json", "--emperor", "-x", "-y", "-j"),
        apps=False,
    ),
}


@dataclass(frozen=True)
class Listening:
    """Where a command's server listens; None for what is not known. ``…_given`` is whether the command itself says so.

    ``bound`` is the value that says so, and its module, if that is a configuration file's; ``host_at`` and ``port_at``
    are their lines in a file of settings.
    """

    command: Command
    program: Program
    host: str | None
    port: int | None
    host_given: bool = False
    port_given: bool = False
    bound: tuple[Module, ast.expr] | None = None
    host_at: Place | None = None
    port_at: Place | None = None

    @property
    def host_place(self) -> Place:
        """Where the host is written, or the command that starts the server."""
        return self.host_at or self._place

    @property
    def port_place(self) -> Place:
        """Where the port is written, or the command that starts the server."""
        return self.port_at or self._place

    @property
    def _place(self) -> Place:
        return self.command.place if self.bound is None else self.bound[0].place(self.bound[1])

    def is_loopback(self) -> bool:
        """Tell whether only the server's own container reaches it (R3)."""
        return self.host is not None and (self.host in LOOPBACK or self.host.startswith("127."))


def program_of(command: Command) -> Program | None:
    """Return the server that a command starts, None where it is none that is known."""
    found = _found(command)
    return found[0] if found else None


def subcommand_of(command: Command) -> tuple[str, ...]:
    """Return the arguments of a known server up to the subcommand that makes it one; () where it needs none."""
    found = _found(command)
    return command.arguments[: found[1]] if found else ()


def _found(command: Command) -> tuple[Program, int] | None:
    """Return the server that a command starts, and how many of its arguments say so."""
    name, arguments = command.split
    for known, program in PROGRAMS.items():
        first, *subcommands = known.split()
        end = _end(arguments, subcommands, program.valued) if name == first else None
        if end is not None:
            return program, end
    return None


def _end(arguments: Sequence[str], subcommands: Sequence[str], valued: Collection[str]) -> int | None:
    """Return how many arguments there are up to the last subcommand, None where these are not the first operands."""
    index = 0
    for word in subcommands:
        while index < len(arguments) and arguments[index].startswith("-"):
            index += 2 if arguments[index] in valued else 1
        if arguments[index : index + 1] != (word,):
            return None
        index += 1
    return index


def the_server(commands: Sequence[Command]) -> Command | None:
    """Return the command that serves the endpoint: the last, where it is the only one that may listen."""
    if not commands or commands[-1].end == "&":
        return None
    background = any(command.end in ("&", "|") for command in commands)
    others = [command for command in commands[:-1] if program_of(command) or command.program in _FRONTS]
    return None if background or others else commands[-1]


def listening(
    commands: Sequence[Command], packaged: Collection[str], variables: Mapping[str, str], modules: Modules
) -> Listening | None:
    """Return where the server of these commands listens, None where that is not known at all.

    ``variables`` are those of the endpoint, besides what the commands set; ``modules`` are the packaged ones.
    """
    command = the_server(commands)
    program = program_of(command) if command else None
    if command is None or program is None or _listens_otherwise(command, program):
        return None
    known = {**variables, **exported(commands)}
    settings = _own_settings(commands, program, packaged, modules)
    moved = any(name in known for name in program.variables) or settings is None
    hosts, ports = command.values(*program.hosts), command.values(*program.ports)
    binds = command.values(*program.binds)
    if command.program == "uwsgi" and (command.values("--ini") or any(map(_INI.fullmatch, command.options))):
        return None if binds else _by_uwsgis(commands, program, known, modules)  # both would count
    if binds:
        return _bound(command, program, binds)
    config = command.values("-c", "--config") if command.program in ("gunicorn", "hypercorn") else []
    if config or (command.program == "gunicorn" and GUNICORN_FILE in packaged):
        by_file = _by_hypercorns if command.program == "hypercorn" else _configured
        return by_file(commands, program, (config or [GUNICORN_FILE])[-1], known, modules)
    address = _positional(command, program)
    if address is not None:
        hosts, ports = (hosts if address[1] is None else [address[1]]), [address[2]]
    default = None if program.port is None else str(program.port)
    by_host, by_port = (None if moved or settings is None else settings.get(key) for key in program.keys)
    host, host_at = _chosen(hosts, by_host, None if moved else program.host)
    port, port_at = _chosen(ports, by_port, None if moved else default)
    is_given = (bool(hosts or host_at), bool(ports or port_at))
    return Listening(command, program, _host(host), _port(port), *is_given, host_at=host_at, port_at=port_at)


def _chosen(given: Sequence[str], setting: Setting | None, default: str | None) -> tuple[str | None, Place | None]:
    """Return what counts of a command's options, a file's setting and the default, and its line in the file."""
    if given:
        return given[-1], None
    return (default, None) if setting is None else (setting.value, setting.place)


def _configured(
    commands: Sequence[Command], program: Program, path: str, variables: Collection[str], modules: Modules
) -> Listening | None:
    """Return where Gunicorn listens by its configuration file, which is Python; None where that is not certain."""
    command = commands[-1]
    module = modules.get(path.removeprefix("file:").removeprefix("./"))
    moves = "GUNICORN_CMD_ARGS" in variables or any(one.program in ("cd", "pushd") for one in commands)
    if moves or module is None or module.tree is None:
        return None
    node = module.constants.get("bind")
    if node is None:
        is_bound = "PORT" in variables or any(_may_bind(site.node) for site in module.sites)
        return None if is_bound else Listening(command, program, program.host, program.port)
    if isinstance(node, ast.List | ast.Tuple) and len(node.elts) == 1:
        node = node.elts[0]
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return None
    found = _bound(command, program, [node.value])
    return found and replace(found, bound=(module, node))


def _listens_otherwise(command: Command, program: Program) -> bool:
    return any(command.values(option) or command.has(option) for option in program.unless)


def _settings(commands: Sequence[Command], path: str, modules: Modules) -> Mapping[str, Setting] | None:
    """Return what a packaged TOML file says, None where that is not certain."""
    file = modules.source(path.removeprefix("./"))
    moves = any(one.program in ("cd", "pushd") for one in commands)
    return None if file is None or moves else settings_in(file)


def _by_hypercorns(
    commands: Sequence[Command], program: Program, path: str, _: Collection[str], modules: Modules
) -> Listening | None:
    """Return where Hypercorn listens by its configuration file; None where that is not certain."""
    command, settings = commands[-1], _settings(commands, path, modules)
    if settings is None or not settings.keys().isdisjoint(("insecure_bind", "quic_bind")):
        return None
    bind = settings.get("bind")
    if bind is None:
        return Listening(command, program, program.host, program.port)
    found = None if bind.value is None else _bound(command, program, [bind.value])
    return found and replace(found, host_at=bind.place, port_at=bind.place)


def ini_of(commands: Sequence[Command], modules: Modules) -> Sequence[Setting] | None:
    """Return the settings of uWSGI's only file, nothing where it has none; None where they are not certain."""
    words = [match for word in commands[-1].options if (match := _INI.fullmatch(word))]
    others = commands[-1].values("--ini")
    if not words:
        return None if others else ()
    (path, section), *more = [match.groups() for match in words]
    file = modules.source(path.removeprefix("./"))
    moves = any(one.program in ("cd", "pushd") for one in commands)
    if more or moves or file is None or len(others) > 1:
        return None
    settings = ini_settings_in(file, section or "uwsgi")
    is_plain = settings is not None and not any(_ELSEWHERE.match(one.key) for one in settings)
    return settings if is_plain else None


def _by_uwsgis(
    commands: Sequence[Command], program: Program, variables: Collection[str], modules: Modules
) -> Listening | None:
    """Return where uWSGI listens by its file; None where that is not certain."""
    settings = ini_of(commands, modules) or ()
    binds = [one for one in settings if f"--{one.key}" in program.binds]
    if len(binds) != 1 or binds[0].value is None or any(name.startswith("UWSGI_") for name in variables):
        return None
    found = _bound(commands[-1], program, [binds[0].value])
    return found and replace(found, host_at=binds[0].place, port_at=binds[0].place)


def _may_bind(node: ast.AST) -> bool:
    """Tell whether a node may give a module the name `bind`, in a way that is not read."""
    match node:
        case ast.Name(id="bind" | "exec" | "globals" | "locals" | "vars" | "setattr"):
            return True
        case ast.alias(name=name, asname=other):
            return "bind" in (name, other) or name == "*"
    return False


def _own_settings(
    commands: Sequence[Command], program: Program, packaged: Collection[str], modules: Modules
) -> Mapping[str, Setting] | None:
    """Return what a program's file says that it reads unasked: nothing without one, None where that is not certain."""
    if not program.keys[0]:
        return None if _has_file(program, commands, packaged) else {}
    files = [path for path in packaged for file in program.files if f"/{path}".endswith(f"/{file}")]
    base = _directory(commands)
    if not files or base is None or files != [posixpath.join(base, program.files[0])]:
        return None if files else {}  # newer versions of Streamlit also read the one beside the script
    file = modules.source(files[0])
    settings = None if file is None else settings_in(file)
    tables = {key.partition(".")[0] for key in program.keys}
    return None if settings is None or not tables.isdisjoint(settings) else settings


def _directory(commands: Sequence[Command]) -> str | None:
    """Return the directory below the code's in which the last command runs; None where that is not certain."""
    moves = [one for one in commands if one.program in ("cd", "pushd")]
    if not moves:
        return ""
    path = moves[0].arguments[0].removeprefix("./").rstrip("/") if len(moves[0].arguments) == 1 else ""
    is_plain = len(moves) == 1 and moves[0].end in ("&&", ";") and _DIRECTORY.fullmatch(path)
    return path if is_plain else None


def _has_file(program: Program, commands: Sequence[Command], packaged: Collection[str]) -> bool:
    """Tell whether a file may tell a program where to listen: after `cd`, of any directory."""
    if not program.files or all(command.program not in ("cd", "pushd") for command in commands):
        return any(file in packaged for file in program.files)
    return any(f"/{path}".endswith(f"/{file}") for path in packaged for file in program.files)


def _positional(command: Command, program: Program) -> re.Match[str] | None:
    """Return the address that a command gives without an option: its host, if it has one, and its port."""
    if not program.positional:
        return None
    valued = (*program.valued, *program.hosts)
    words = command.options[len(subcommand_of(command)) :]
    operands = (word for before, word in zip(("", *words), words, strict=False) if before not in valued)
    return next((match for word in operands if (match := _ADDRESS.fullmatch(word))), None)


def _bound(command: Command, program: Program, binds: Sequence[str]) -> Listening | None:
    """Return where ``HOST:PORT`` values lead; nothing for sockets, and where there are several."""
    if len(binds) != 1 or binds[0].startswith(("unix:", "fd:")) or "/" in binds[0]:
        return None
    host, colon, port = binds[0].rpartition(":")
    if not colon or "$" in binds[0].removesuffix(port):
        return Listening(command, program, None if "$" in binds[0] else binds[0], None, host_given=True)
    return Listening(command, program, _host(host or "0.0.0.0"), _port(port), host_given=True, port_given=True)


def or_that_port(port: int | None, where: str = "") -> str:
    """Return, as the end of a remedy, that the endpoint's `port` may be the server's; "" where it cannot be (R1)."""
    return f", or write `port: {port}`{where}" if port in PORTS else ""


def _host(text: str | None) -> str | None:
    return None if text is None or "$" in text else text


def _port(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
