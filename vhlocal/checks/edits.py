"""Remedies as edits of the project's own lines. What is not certain gives none: a wrong line is worse than no line."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from vhlocal.checks.commands import is_python, lines_of
from vhlocal.checks.servers import subcommand_of
from vhlocal.findings import Edit
from vhlocal.model import Place
from vhlocal.parsing import parse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vhlocal.checks.commands import Command
    from vhlocal.checks.modules import Module
    from vhlocal.checks.servers import Listening
    from vhlocal.model import Endpoint

Edits = tuple[Edit, ...]


def in_line(place: Place, old: str, new: str) -> Edits:
    """Return the edit that writes ``new`` for ``old`` in one line; none where it does not stand there exactly once."""
    lines = lines_of(place.file)
    number = place.line or 1
    line = lines[number - 1] if number <= len(lines) else ""
    if not old or line.count(old) != 1:
        return ()
    return (Edit(Place(place.file, number), line, line.replace(old, new).rstrip()),)


def added(file: Path, line: str) -> Edits:
    """Return the edit that adds a line at the end of a file."""
    return (Edit(Place(file), "", line),)


def served_by_wsgi(endpoint: Endpoint, target: str) -> Edits:
    """Return the edit that has ``wsgi`` serve ``target`` in place of the endpoint's ``server-command``."""
    place = endpoint.place("server-command")
    if not target or endpoint.server_command is None or place is None:
        return ()
    lines = lines_of(place.file)
    start = next((n for n in range((place.line or 1) - 1, -1, -1) if _is_key(lines, n, "server-command")), None)
    if start is None:
        return ()
    indent = _indent(lines[start])
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or _goes_on(lines[end], indent)):
        end += 1
    while not lines[end - 1].strip():
        end -= 1
    key = lines[start].index("server-command")
    new = f"{lines[start][:key]}wsgi: {target}"
    return (Edit(Place(place.file, start + 1), "\n".join(lines[start:end]), new),)


def written(module: Module, node: ast.expr | ast.stmt, new: str) -> Edits:
    """Return the edit that writes ``new`` in the place of a node."""
    return _span(module, (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0), new)


def with_keyword(module: Module, call: ast.Call, name: str, value: str) -> Edits:
    """Return the edit that gives a call a keyword argument, or another value of it."""
    return with_keywords(module, call, {name: value})


def with_keywords(module: Module, call: ast.Call, values: dict[str, str]) -> Edits:
    """Return the edit that gives a call keyword arguments, or other values of them, all in one."""
    given = {keyword.arg: keyword for keyword in call.keywords}
    if None in given:  # `**more` may have it
        return ()
    present = [name for name in values if name in given]
    if present:
        if len(values) > 1:
            return ()
        return written(module, given[present[0]].value, values[present[0]])
    text = ", ".join(f"{name}={value}" for name, value in values.items())
    arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    last = max(arguments, key=_end, default=None)
    if last is None:
        end = (call.end_lineno or 0, (call.end_col_offset or 0) - 1)
        return _span(module, end, end, text)
    return _span(module, _end(last), _end(last), f", {text}")


def without_keyword(module: Module, call: ast.Call, name: str) -> Edits:
    """Return the edit that takes a keyword argument out of a call; none where it is not written so."""
    arguments: list[ast.expr | ast.keyword] = sorted([*call.args, *call.keywords], key=_end)
    at = next((n for n, one in enumerate(arguments) if isinstance(one, ast.keyword) and one.arg == name), None)
    if at is None:
        return ()
    one = arguments[at]
    if at:
        return _span(module, _end(arguments[at - 1]), _end(one), "")
    after = arguments[at + 1] if at + 1 < len(arguments) else None
    end = _end(one) if after is None else (after.lineno, after.col_offset)
    return _span(module, (one.lineno, one.col_offset), end, "")


def with_import(module: Module, edits: Edits, line: str) -> Edits:
    """Return edits with the import that they need, above the module's first one, unless it is there already."""
    body = module.tree.body if module.tree is not None else []
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    wanted = _names(parse(line).body[0]) if line else set()
    if not edits or wanted <= {name for node in imports for name in _names(node)}:
        return edits
    first = next((node for node in imports if getattr(node, "module", "") != "__future__"), None)
    return () if first is None else together(edits, _span(module, (first.lineno, 0), (first.lineno, 0), f"{line}\n"))


def after_program(command: Command, options: str) -> Edits:
    """Return the edit that gives a command options, behind its program or, if it has one, its subcommand."""
    first = re.escape(command.script or (command.program if is_python(command.words[0]) else command.words[0]))
    if command.script is None and is_python(command.words[0]):
        first = rf"-m\s+{first}"
    words = "".join(rf"""\s+(?:{word}|"{word}"|'{word}')""" for word in map(re.escape, subcommand_of(command)))
    pattern = rf"""(?<![\w./~-]){first}{words}(?![^\s"');&|])"""
    return in_command(command, pattern, lambda match: f"{match[0]} {options}")


def on_every_address(found: Listening) -> Edits:
    """Return the edit by which a command's server listens on every address."""
    command, program, host = found.command, found.program, found.host or ""
    if found.bound is not None or found.host_at is not None:
        return in_line(found.host_place, host, "0.0.0.0")
    if found.host_given:
        return in_command(command, rf"(?<![\w.]){re.escape(host)}(?![\w.])", lambda _: "0.0.0.0")
    if program.positional and not program.hosts and found.port_given:
        return in_command(command, rf"(?<![\w.:]){found.port}(?![\w.])", lambda match: f"0.0.0.0:{match[0]}")
    return after_program(command, program.every)


def on_the_port(found: Listening) -> Edits:
    """Return the edit by which a command's server listens on the endpoint's port.

    TOML reads no variables, but what the command gives wins over it. uWSGI's own file reads them, and both would count.
    """
    command, program = found.command, found.program
    if found.bound is not None:
        return () if found.is_loopback() else _bound(found, *found.bound)  # that edit is of the same words
    if found.port_at is not None and command.program == "uwsgi":
        return in_line(found.port_at, f":{found.port}", ":$(VALOHAI_PORT)")
    if found.port_given and found.port_at is None:
        return in_command(command, rf"(?<![\w.]){found.port}(?![\w.])", lambda _: "$VALOHAI_PORT")
    if program.ports:
        return after_program(command, f"{program.ports[0]} $VALOHAI_PORT")
    if "$VALOHAI_PORT" not in program.every:
        return after_program(command, "$VALOHAI_PORT") if program.positional else ()
    return () if found.host_given and found.host_at is None else after_program(command, program.every)


def _bound(found: Listening, module: Module, node: ast.expr) -> Edits:
    address = f"f\"{found.host}:{{os.environ['VALOHAI_PORT']}}\""
    return with_import(module, written(module, node, address), "import os")


def in_command(command: Command, pattern: str, new: Callable[[re.Match[str]], str]) -> Edits:
    """Return the edit of what a pattern matches in a command's line; none where it does so not exactly once.

    What is quoted may be read in another way when quotes or variables come into it.
    """
    lines = lines_of(command.place.file)
    number = command.place.line or 1
    line = lines[number - 1] if number <= len(lines) else ""
    matches = list(re.finditer(pattern, line))
    if len(matches) != 1:
        return ()
    (match,) = matches
    text = new(match)
    if ("$" in text and "'" in line) or ('"' in text and '"' in line):
        return ()
    return (Edit(Place(command.place.file, number), line, line[: match.start()] + text + line[match.end() :]),)


def together(*parts: Edits) -> Edits:
    """Return edits that are one remedy; none where a part is missing, or two are of the same lines."""
    if not all(parts):
        return ()
    edits = [edit for part in parts for edit in part]
    merged: list[Edit] = []
    for edit in edits:
        twin = next((one for one in merged if edit.old and (one.place, one.old) == (edit.place, edit.old)), None)
        if twin is not None:
            return ()
        merged.append(edit)
    return tuple(sorted(merged, key=lambda edit: (str(edit.place.file), edit.place.line or 0)))


def _span(module: Module, start: tuple[int, int], end: tuple[int, int], new: str) -> Edits:
    """Return the edit of what stands between two places of a module, given as line and offset in bytes."""
    lines = lines_of(module.source)
    if not 0 < start[0] <= end[0] <= len(lines):
        return ()
    old = lines[start[0] - 1 : end[0]]
    before = old[0].encode()[: start[1]].decode(errors="replace")
    after = old[-1].encode()[end[1] :].decode(errors="replace")
    return (Edit(Place(module.source, start[0]), "\n".join(old), before + new + after),)


def _end(node: ast.expr | ast.keyword) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


def _names(node: ast.stmt) -> set[tuple[str, str, str | None]]:
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    aliases = node.names if isinstance(node, ast.Import | ast.ImportFrom) else []
    return {(module, alias.name, alias.asname) for alias in aliases}


def _is_key(lines: list[str], number: int, key: str) -> bool:
    return lines[number].lstrip(" -").startswith(f"{key}:")


def _indent(line: str) -> int:
    """Return how far a key is indented; the dash of a list item counts as a space."""
    return len(line) - len(line.lstrip(" -"))


def _goes_on(line: str, indent: int) -> bool:
    """Tell whether a line belongs to the value of a key: a list may stand no deeper than its key."""
    own = len(line) - len(line.lstrip(" "))
    return own > indent or (own == indent and line.lstrip(" ").startswith("- "))
