"""VH112: the server ends after one request, or after a few (R2, K2)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.edits import without_keyword, written
from vhlocal.checks.prefix.code import read_code
from vhlocal.checks.rule import Rule
from vhlocal.checks.servers import the_server
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.commands import Command
    from vhlocal.checks.modules import Module
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH112",
    title="The server ends after a number of requests",
    severity=Severity.ERROR,
    why="Some servers answer one request, or a set number, and end: demonstrations such as `python -m "
    "wsgiref.simple_server`, and workers that rely on something to restart them. In production, the platform "
    "restarts them, with growing pauses, and nobody is served meanwhile.",
    remedy={
        "": "Use a server that keeps running. For a WSGI or ASGI app, write `wsgi: module:name`: production sets up "
        "Gunicorn for you.",
        "FastAPI": "Remove `--limit-max-requests`, or write `wsgi: server:app`.",
        "WSGI": "`make_server(…).serve_forever()` instead of `handle_request()`, or `wsgi: server:application`.",
    },
    example=Example("yaml", "server-command: python -m wsgiref.simple_server", "wsgi: server:application"),
    rows=("R2", "K2"),
)

_NETCATS = ("nc", "ncat", "netcat", "nc.openbsd", "nc.traditional")
_LOOPS = ("while", "until", "for")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield commands and code that surely end so, and nothing that starts them again."""
    for reach in subject.reaches:
        commands = subject.commands[reach.endpoint.name]
        command = the_server(commands)
        if command is None or any(other.words[0] in _LOOPS for other in commands):
            continue
        seen = _seen(command)
        if seen is not None:
            goes_on = "use a server that keeps running"
            code = read_code(reach.endpoint, subject.package)
            is_served = command.program not in _NETCATS
            change = f"{code.by_wsgi}; or {goes_on}" if is_served else goes_on
            edits = code.fixes.by_wsgi if is_served else ()
            yield Finding(DEFINITION, command.place, seen, change, reach.endpoint.name, edits=edits)
        elif command.script is not None:
            for module, node, text in _in_code(reach):
                if isinstance(node.func, ast.Attribute) and node.func.attr == "handle_request":
                    change = "call `serve_forever()`"
                    edits = written(module, node, f"{ast.unparse(node.func.value)}.serve_forever()")
                else:
                    change = "remove `limit_max_requests`"
                    edits = without_keyword(module, node, "limit_max_requests")
                yield Finding(DEFINITION, module.place(node), text, change, reach.endpoint.name, edits=edits)


def _seen(command: Command) -> str | None:
    program = command.program
    if program == "wsgiref.simple_server":
        return "`python -m wsgiref.simple_server` is a demonstration: it answers one request with its own page"
    if program in _NETCATS and _listens(command) and not command.has("-k", "--keep-open"):
        return f"`{program}` accepts one connection and ends"
    if program == "uvicorn" and not command.values("--workers"):
        limit = [number for number in command.values("--limit-max-requests") if number.isdecimal()]
        return f"`uvicorn` is set to exit after {limit[-1]} request{'s' * (limit[-1] != '1')}" if limit else None
    return None


def _listens(command: Command) -> bool:
    short = (word[1:] for word in command.arguments if word.startswith("-") and not word.startswith("--"))
    return command.has("--listen") or any("l" in letters and "k" not in letters for letters in short)


def _in_code(reach: Reach) -> Iterator[tuple[Module, ast.Call, str]]:
    for module, site, call in reach.calls:
        if site.where.branch or site.where.fallback or (site.where.function and not site.where.unit):
            continue
        if isinstance(call.func, ast.Attribute) and call.func.attr == "handle_request" and not call.args:
            if not _goes_on(module, call):
                yield module, call, "`handle_request()` answers one request, and the code calls it once"
        elif module.dotted(call.func) == "uvicorn.run":
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            limit = given.get("limit_max_requests")
            if isinstance(limit, ast.Constant) and isinstance(limit.value, int) and "workers" not in given:
                yield module, call, f"`uvicorn.run` is set to exit after {limit.value} requests"


def _goes_on(module: Module, call: ast.Call) -> bool:
    """Tell whether a call is repeated, or another one in the same module serves on."""
    for site in module.sites:
        node = site.node
        if isinstance(node, ast.While | ast.For | ast.AsyncFor) and any(inner is call for inner in ast.walk(node)):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "serve_forever":
            return True
        # Who calls the function that calls it may do so in a loop.
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(inner is call for inner in ast.walk(node)):
            return True
    return False


RULE = Rule((DEFINITION,), find)
