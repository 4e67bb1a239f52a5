"""Why a ``server-command`` serves nothing, where its text and its code leave no doubt (R2)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.edits import served_by_wsgi
from vhlocal.checks.servers import program_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vhlocal.checks.commands import Command
    from vhlocal.checks.edits import Edits
    from vhlocal.checks.modules import Module
    from vhlocal.checks.reach import Reach

#: Programs that never listen.
_IDLE = ("sleep", "tail", "cat", "echo", "true", ":", "printf", "ls", "pwd", "date", "export", "set", "mkdir")
#: With these a command runs others.
_OTHER_COMMANDS = ("$(", "`", "<(", ">(")
#: Options with which servers go to the background.
_DAEMON_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "gunicorn": ("-D", "--daemon"),
    "uwsgi": ("--daemonize", "--daemonize2"),
}
#: Servers that go to the background unless an option keeps them, and what to write so that they stay.
_DAEMONS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "torchserve": (("--foreground", "--stop", "--version", "-v", "--help", "-h"), "add `--foreground`"),
    "nginx": (("-t", "-T", "-v", "-V", "-h", "-s"), "add `-g 'daemon off;'`"),
    "supervisord": (("-n", "--nodaemon", "-v", "--version", "-h", "--help"), "add `-n`"),
}
#: Calls that make an app, and do not serve it.
_APPS = ("flask.Flask", "fastapi.FastAPI", "starlette.applications.Starlette", "quart.Quart", "litestar.Litestar")
#: Modules that neither listen nor start anything that may.
_COMPUTING = frozenset(
    (
        *("__future__", "abc", "argparse", "collections", "contextlib", "copy", "csv", "dataclasses", "datetime"),
        *("decimal", "enum", "fractions", "functools", "gc", "glob", "gzip", "hashlib", "heapq", "io", "itertools"),
        *("json", "logging", "math", "numbers", "operator", "os", "pathlib", "pickle", "pprint", "random", "re"),
        *("shutil", "statistics", "string", "sys", "tempfile", "textwrap", "time", "traceback", "typing", "uuid"),
        *("warnings", "zipfile", "catboost", "joblib", "lightgbm", "matplotlib", "numpy", "pandas", "PIL", "polars"),
        *("pyarrow", "scipy", "seaborn", "sklearn", "statsmodels", "tqdm", "valohai", "xgboost", "yaml"),
    )
)
#: What lets such code do something else after all.
_OTHERWISE = ("exec", "eval", "__import__", "compile", "os.system", "os.popen", "os.fork", "os.forkpty", "os.startfile")


@dataclass(frozen=True)
class Cause:
    """Why nothing is served, as the end of a sentence, and what to do about it."""

    seen: str
    change: str
    edits: Edits = ()


def left_behind(reach: Reach) -> Cause | None:
    """Return what a command that has ended left in the background, or made and did not serve."""
    commands = reach.commands
    at = next((number for number in reversed(range(len(commands))) if commands[number].end == "&"), None)
    if at is not None and all(command.program in _IDLE for command in commands[at + 1 :]):
        seen = f"`{_shown(commands[at])}` was left in the background, and ended with it"
        return Cause(seen, "remove the `&` behind it and make it the last line, or end with `wait`")
    last = commands[-1] if commands else None
    if last is None or at is not None:
        return None
    daemon = _DAEMON_OPTIONS.get(last.program, ())
    option = next((word for word in last.options if word.partition("=")[0] in daemon), "")
    if option:
        return Cause(f"`{last.program} {option}` goes to the background, and ended with it", f"remove `{option}`")
    staying, change = _DAEMONS.get(last.program, ((), ""))
    if change and not last.has(*staying) and not any("daemon off" in word for word in last.arguments):
        return Cause(f"`{last.program}` goes to the background, and ended with it", change)
    return _unserved(reach)


def no_server(reach: Reach) -> Cause | None:
    """Return that nothing which a command runs can listen, where that is certain."""
    commands = reach.commands
    text = "\n".join(reach.endpoint.server_command or ())
    if not commands or any(command.end in ("&", "|") or program_of(command) for command in commands):
        return None
    if any(mark in text for mark in _OTHER_COMMANDS):
        return None
    others = [command for command in commands if command.program not in _IDLE]
    if not others:
        return _none(reach, commands[-1])
    scripts = [item for item in reach.reached if item.script]
    if len(others) != 1 or others[0].script is None or not scripts or not _only_computes(reach):
        return None
    return _none(reach, others[0])


def _none(reach: Reach, command: Command) -> Cause:
    change = f"end `server-command` with a server that listens on port {reach.endpoint.port}"
    step = "" if command.script is None else "; code that only computes belongs in a `step`"
    return Cause(f"nothing that `{_shown(command)}` runs is a server", change + step)


def _only_computes(reach: Reach) -> bool:
    """Tell whether all code that a script runs is seen, and nothing in it listens or starts something else."""
    own = {item.module.path for item in reach.reached}
    return all(
        item.module.tree is not None
        and all(name in _COMPUTING or _is_own(name, item.module, own) for name in _imported(item.module))
        and not any(
            name in _OTHERWISE or name.startswith(("os.exec", "os.spawn", "os.posix_spawn"))
            for site in item.module.sites
            if isinstance(site.node, ast.Call)
            for name in (item.module.dotted(site.node.func),)
        )
        for item in reach.reached
    )


def _imported(module: Module) -> Iterator[str]:
    """Yield the first names of what a module imports."""
    for site in module.sites:
        if isinstance(site.node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in site.node.names)
        elif isinstance(site.node, ast.ImportFrom) and not site.node.level:
            yield (site.node.module or "").partition(".")[0]


def _is_own(name: str, module: Module, own: set[str]) -> bool:
    beside = f"{module.directory}/" if module.directory else ""
    return any(f"{start}{name}{end}" in own for start in ("", beside) for end in (".py", "/__init__.py"))


def _unserved(reach: Reach) -> Cause | None:
    """Return the app that a script's top makes, if nothing is called that could serve it."""
    script = next((item.module for item in reach.reached if item.script), None)
    if script is None or "/" in script.path or any(_may_serve(call) for _, _, call in reach.calls):
        return None
    made = [
        name
        for name, value in script.constants.items()
        if isinstance(value, ast.Call) and script.dotted(value.func) in _APPS
    ]
    if len(made) != 1:
        return None
    target = f"{script.path.removesuffix('.py')}:{made[0]}"
    seen = f"{script.path} makes `{made[0]}`, and ends without serving it"
    edits = served_by_wsgi(reach.endpoint, target) if len(reach.commands) == 1 else ()
    return Cause(seen, f"write `wsgi: {target}` in place of `server-command`", edits)


def _may_serve(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return any(word in name.lower() for word in ("run", "serve", "listen", "launch", "start", "main"))


def _shown(command: Command) -> str:
    """Return the first words of a command."""
    words = command.words[:4]
    return " ".join(words) + (" …" if len(command.words) > len(words) else "")
