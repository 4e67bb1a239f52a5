"""Apps as functions from a request to an answer, for the rules about the prefix: no server, no code on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.checks.prefix.code import Code
from vhlocal.checks.prefix.evidence import Answer, Asked, Case, Evidence
from vhlocal.checks.prefix.questions import questions
from vhlocal.model import Endpoint, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    App = Callable[[str, str], Answer]

VERSION = "/acme/shop/main/20261122.0/greet"
ALIAS = "/acme/shop/main/dev/greet"
HOST, LOCAL_HOSTS = "deployments.example.com", ("localhost", "127.0.0.1:8080")

ENDPOINTS = ("greet", "score")
COMMAND = Place(Path("valohai.yaml"), 4)
MADE = Place(Path("server.py"), 3)

PAGE, MISSING, FAILED = Answer(200, (), "hello"), Answer(404), Answer(500)


def html(body: str) -> Answer:
    return Answer(200, (("content-type", "text/html; charset=utf-8"),), body)


def redirect(location: str, status: int = 302) -> Answer:
    return Answer(status, (("location", location),))


def with_header(name: str, value: str) -> Answer:
    return Answer(200, ((name, value),), "hello")


def below(prefixes: tuple[str, ...], routes: dict[str, Answer]) -> App:
    """Make an app that has these routes below these prefixes ("" for none), and nothing else."""
    known = {prefix + path: answer for prefix in prefixes for path, answer in routes.items()}
    return lambda _, target: known.get(target, MISSING)


def code(server: str = "", root_path: Place | None = None, framework: str = "Flask") -> Code:
    return Code(COMMAND, framework, server, MADE, root_path)


def examined(
    app: App,
    path: str = "/",
    known: Code | None = None,
    *,
    wsgi: bool = False,
    alias: str | None = ALIAS,
    docs: tuple[str, ...] = (),
    routes: tuple[str, ...] = (),
    local: App | None = None,
    other_hosts: tuple[str, ...] = (),
    sockets: App | None = None,
) -> Evidence:
    """Ask an app all that it is to be asked.

    ``local`` answers where the host is another than production's, ``sockets`` where a WebSocket at `/ws` is asked for.
    """
    command = None if wsgi else ("python server.py",)
    endpoint = Endpoint("greet", "python:3.11-slim", 8000, "server:app" if wsgi else None, command)
    case = Case(
        VERSION, alias, path, HOST, docs, routes, LOCAL_HOSTS, other_hosts, ("/ws",) if sockets else (), ENDPOINTS
    )
    answers: dict[Asked, Answer] = {}
    while asked := questions(case, answers):
        answers |= {
            one: ((local if one.host else sockets if one.socket else None) or app)(one.prefix, one.target)
            for one in asked
        }
    return Evidence(endpoint, known or code(), case, answers)
