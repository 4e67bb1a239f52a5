"""VH117: the server's port is a variable that nothing sets (P8)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from vhlocal.checks.commands import exported
from vhlocal.checks.edits import in_command, written
from vhlocal.checks.rule import Rule
from vhlocal.checks.servers import program_of, the_server
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from vhlocal.checks.commands import Command
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject
    from vhlocal.model import Endpoint

DEFINITION = Definition(
    code="VH117",
    title="The server's port is a variable that nothing sets",
    severity=Severity.ERROR,
    why="Other platforms put the port into `PORT`; production puts it into `VALOHAI_PORT`, and does not set `PORT`. A "
    "shell replaces it with nothing, so the server gets no number or takes the next word for it; `os.environ` "
    "raises `KeyError`.",
    remedy={
        "": "Read the port from `VALOHAI_PORT`. If you do set the variable in Valohai, set it here too, with `vhlocal "
        "up --var PORT=8000` or `variables` in `vhlocal.yaml`."
    },
    example=Example(
        "yaml",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0 --port $PORT",
        "server-command: ~/.local/bin/uvicorn server:app --host 0.0.0.0 --port $VALOHAI_PORT",
    ),
    rows=("P8", "B8"),
)

#: A variable, without a word for the case that it is not set.
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
#: One with such a word, which may itself be a variable.
_OTHERWISE = re.compile(r"\$\{\w+:?[-=+?][^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
#: What the platform sets, and what stands for an unknown text.
_OURS = ("VALOHAI_", "VH_", "KUBERNETES_", "_")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the variables that a server takes its port from, in its command or its code, and that nothing sets."""
    known = {endpoint.name for endpoint in subject.known_images}  # another image may set it
    for reach in subject.reaches:
        endpoint = reach.endpoint
        text = "\n".join(endpoint.server_command or ())
        command = the_server(reach.commands)
        if endpoint.name not in known or command is None or re.search(r"(?:^|[\s;&])(?:source|\.|eval|read)\s", text):
            continue
        set_names = {*subject.variables, *exported(reach.commands)}
        yield from _in_command(endpoint, command, set_names, text)
        yield from _in_code(reach, set_names)


def _in_command(endpoint: Endpoint, command: Command, set_names: Collection[str], text: str) -> Iterator[Finding]:
    for name in dict.fromkeys(_ports(command)):
        is_set = name in set_names or name.startswith(_OURS) or re.search(rf"\b{name}=|\bfor {name}\b", text)
        if not is_set and not re.search(rf"\\\$\{{?{name}|(?<!-c )'[^'\n]*\$\{{?{name}\b[^'\n]*'", text):
            edits = in_command(command, rf"\$(?:{name}\b|\{{{name}\}})", lambda _: "$VALOHAI_PORT")
            seen = f"the server's port is `${name}`, which nothing sets"
            yield Finding(DEFINITION, command.place, seen, "write $VALOHAI_PORT", endpoint.name, edits=edits)


def _ports(command: Command) -> Iterator[str]:
    """Yield the variables that a command's port is: what its options give, and `PORT` wherever it stands."""
    program = program_of(command)
    if program is not None:
        given = [*command.values(*program.ports), *(bind.rpartition(":")[2] for bind in command.values(*program.binds))]
        for text in given:
            if (match := _VARIABLE.fullmatch(text)) is not None:
                yield match[1] or match[2]
    bare = [_OTHERWISE.sub("", word) for word in command.words]
    words = (match[1] or match[2] for word in bare for match in _VARIABLE.finditer(word))
    yield from (name for name in words if name == "PORT")


def _in_code(reach: Reach, set_names: Collection[str]) -> Iterator[Finding]:
    """Yield where a script that serves asks for `PORT` and cannot go on without."""
    if "PORT" in set_names or not any(item.script for item in reach.reached) or _sets(reach):
        return
    for module, site in reach.sites:
        match site.node:
            case ast.Subscript(value=value, slice=ast.Constant(value="PORT") as key):
                is_certain = site.is_sure and (not site.where.function or site.where.unit == "main")
                if module.dotted(value) == "os.environ" and is_certain and not module.is_tried(site.node):
                    seen = '`os.environ["PORT"]` is read, but nothing sets it'
                    edits = written(module, key, '"VALOHAI_PORT"')
                    place = module.place(site.node)
                    yield Finding(DEFINITION, place, seen, "read VALOHAI_PORT", reach.endpoint.name, edits=edits)


def _sets(reach: Reach) -> bool:
    """Tell whether the code may set `PORT` itself: it names it otherwise than to ask for it, or reads files of them."""
    for _, site in reach.sites:
        match site.node:
            case ast.Subscript(slice=ast.Constant(value="PORT"), ctx=ast.Store()) | ast.keyword(arg="PORT"):
                return True
            case ast.Call(func=ast.Attribute(attr="setdefault" | "putenv"), args=[ast.Constant(value="PORT"), *_]):
                return True
            case ast.Call(func=ast.Attribute(attr="update") | ast.Name(id="load_dotenv")):
                return True
            case ast.Call(func=ast.Attribute(attr="load_dotenv" | "read_env")):
                return True
    return False


RULE = Rule((DEFINITION,), find)
