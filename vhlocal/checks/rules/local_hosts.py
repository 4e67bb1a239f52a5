"""VH411, by the code or the command alone: the app accepts hosts of this machine, and no other (K9)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from vhlocal.checks.commands import exported
from vhlocal.checks.edits import after_program
from vhlocal.checks.hosts import DJANGO, host_lists, is_local
from vhlocal.checks.prefix.code import read_code
from vhlocal.checks.prefix.rules.hosts import CHANGE, DEFINITION
from vhlocal.checks.rule import Rule
from vhlocal.checks.servers import program_of, the_server
from vhlocal.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

#: What looks at a request's host in Django, whatever is asked for.
_LOOKS = "django.middleware.common.CommonMiddleware"
#: By what a library sets settings: `django_heroku.settings(locals())`, `DjangoDynaconf(__name__)`.
_CHANGING = ("locals", "globals", "vars", "exec", "__name__")
#: What may choose other settings than the code does.
_CHOICE = "DJANGO_SETTINGS_MODULE"
#: Programs that compare a WebSocket's `Origin`, with `localhost` unless they are given others.
_COMPARING = ("bokeh", "panel")
_ORIGIN = "--allow-websocket-origin"
_ORIGINS = "BOKEH_ALLOW_WS_ORIGIN"


def find(subject: Subject) -> Iterator[Finding]:
    """Yield lists of hosts that are surely in force, are written out, and have none that production could name."""
    for reach in subject.reaches:
        for hosts in host_lists(reach):
            if not (hosts.sure and hosts.is_local) or (hosts.setting == DJANGO and not _is_certain(subject, reach)):
                continue
            names = ", ".join(f"`{name}`" for name in hosts.names or ())
            seen = f"`{hosts.setting}` has only {names}" if names else f"`{hosts.setting}` is empty"
            seen += ": a request in production names another host, and gets 400"
            caveat = "but answers 400 to production's host"
            yield Finding(
                DEFINITION,
                hosts.place,
                seen,
                CHANGE,
                reach.endpoint.name,
                reach.framework if reach.framework in DEFINITION.remedy else "",
                caveat=caveat,
                edits=read_code(reach.endpoint, subject.package).fixes.hosts,
            )
            break
    yield from _by_command(subject)


def _by_command(subject: Subject) -> Iterator[Finding]:
    """Yield servers of Bokeh's that accept the WebSockets of pages at this machine alone."""
    for endpoint in subject.endpoints:
        commands = subject.commands[endpoint.name]
        command = the_server(commands)
        if command is None or command.program not in _COMPARING or program_of(command) is None:
            continue
        origins = command.values(_ORIGIN)
        is_chosen = _ORIGINS in {**subject.variables, **exported(commands)} or (command.has(_ORIGIN) and not origins)
        is_behind = command.has("--unix-socket") or command.values("--unix-socket")  # a proxy then names its own host
        if is_chosen or is_behind or not all(is_local(origin.rpartition(":")[0] or origin) for origin in origins):
            continue
        accepted = ", ".join(f"`{origin}`" for origin in origins) or "`localhost`, its default"
        seen = (
            f"{command.program} accepts WebSockets from pages at {accepted} only: pages in production are at another "
        )
        seen += "host, and their WebSockets get 403"
        change = f"write `{_ORIGIN}=*`" if origins else f"add `{_ORIGIN}=*` to the command"
        edits = () if origins else after_program(command, f"{_ORIGIN}=*")
        caveat = "but rejects the WebSockets of pages at production's host"
        yield Finding(DEFINITION, command.place, seen, change, endpoint.name, caveat=caveat, edits=edits)


def _is_certain(subject: Subject, reach: Reach) -> bool:
    """Tell whether Django surely has these settings, and looks at each request's host by them."""
    files = [path for path in subject.package.files if path.endswith(".py")]
    speaking = [path for path in files if DJANGO in (subject.text(path) or "")]
    if len(speaking) != 1 or _CHOICE in subject.variables:
        return False
    settings = [item.module for item in reach.reached if item.module.path in speaking]
    if any(getattr(site.node, "id", "") in _CHANGING for module in settings for site in module.sites):
        return False
    spoken = [site for module in settings for site in module.sites if getattr(site.node, "id", "") == DJANGO]
    middlewares = (module.constants.get("MIDDLEWARE") for module in settings)
    texts = {node.value for each in middlewares if each for node in ast.walk(each) if isinstance(node, ast.Constant)}
    return len(spoken) == 1 and _LOOKS in texts


RULE = Rule((DEFINITION,), find)
