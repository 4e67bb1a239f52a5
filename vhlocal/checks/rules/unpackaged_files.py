"""VH206: a file that the code opens or imports is on this machine but not in the package (B5)."""

from __future__ import annotations

import ast
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.checks.distributions import is_standard, providers
from vhlocal.checks.images import is_official_python
from vhlocal.checks.paths import makes_path
from vhlocal.checks.rule import Rule
from vhlocal.checks.rules.imports import imports_at_start, is_own
from vhlocal.checks.rules.near_misses import near_miss
from vhlocal.checks.rules.personal_paths import is_personal
from vhlocal.checks.unpackaged import why_unpackaged
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.paths import Opened
    from vhlocal.checks.reach import Reach
    from vhlocal.checks.subject import Subject

DEFINITION = Definition(
    code="VH206",
    title="A file that the code opens or imports is not packaged",
    severity=Severity.ERROR,
    why="The package contains what git lists and does not ignore, without what `.vhignore` names. It contains nothing "
    "from elsewhere on your machine, and an ad hoc package neither follows links to directories nor includes "
    "top-level names that begin with a dot. Such a file is on your machine but not in the image, so the code works "
    "here and fails there with `FileNotFoundError` or `ModuleNotFoundError`.",
    remedy={
        "": "Stop ignoring the file if it belongs to the code. If a run creates it, such as a model, give the endpoint "
        "an entry in `files` with the path that the code opens, relative to the code's directory."
    },
    example=Example(
        "yaml",
        "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    wsgi: server:app",
        "- endpoint:\n    name: greet\n    image: python:3.12-slim\n    wsgi: server:app\n    files:\n"
        "      - name: model\n        path: model.pkl",
    ),
    rows=("B4", "B5"),
)

#: What images bring, or the system makes.
_OF_SYSTEMS = (
    *("/bin/", "/boot/", "/dev/", "/etc/", "/lib", "/nix/", "/proc/"),
    *("/run/", "/sbin/", "/sys/", "/usr/", "/var/"),
)
#: Commands that make no file of the project's.
_HARMLESS = ("cd", "echo", "export", "ls", "mkdir", "pushd", "set", "ulimit", "umask")
#: What no image brings.
_OF_NOBODY = ("/tmp/", "/var/tmp/")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield the openings and imports that are sure to fail for want of the file."""
    for reach in subject.reaches:
        if any(command.program not in _HARMLESS for command in reach.commands[:-1]):
            continue  # what runs before the server may make the file
        reported: set[str] = set()
        for opened in subject.openings[reach.endpoint.name]:
            look = _elsewhere if opened.path.startswith("/") else _inside
            found = look(opened, reach, subject) if opened.sure and opened.path not in reported else None
            if found is not None:
                reported.add(opened.path)
                yield found
        yield from _imports(reach, subject)


def _inside(opened: Opened, reach: Reach, subject: Subject) -> Finding | None:
    path, endpoint = opened.path, reach.endpoint
    if path in subject.package.files or path in {entry.path for entry in endpoint.files}:
        return None
    if near_miss(path, endpoint, subject) is not None or not (subject.directory / path).is_file():
        return None
    why = why_unpackaged(path, subject.package)
    return Finding(
        DEFINITION,
        opened.place,
        f"{path} is opened; it is on this machine, but not packaged: {why.reason}",
        f"{why.change}, or give the endpoint an entry in `files` with `path: {path}`",
        endpoint.name,
    )


def _elsewhere(opened: Opened, reach: Reach, subject: Subject) -> Finding | None:
    """Return what is wrong with a file of this machine that surely is in no image, and that nothing puts there."""
    path, endpoint = opened.path, reach.endpoint
    inside = is_official_python(endpoint.image) and not path.startswith(_OF_SYSTEMS)
    if not (inside or path.startswith(_OF_NOBODY)) or is_personal(path) or not Path(path).is_file():
        return None
    mounted = [volume.mount_path for volume in endpoint.shared_volumes]
    mounted += [endpoint.workspace_volume.mount_path] if endpoint.workspace_volume else []
    above = posixpath.dirname(path)
    texts = [(site, text.rstrip("/")) for module, site, text in reach.texts if not makes_path(site.parent, module)]
    if any(text == path and isinstance(site.parent, ast.List | ast.Tuple) for site, text in texts):
        return None  # a command's words, say
    spoken = [text for _, text in texts] + list(endpoint.server_command or ())
    if any(path.startswith(f"{mount.rstrip('/')}/") for mount in mounted):
        return None
    if any(text == above or (above in text and text != path) for text in spoken):
        return None
    return Finding(
        DEFINITION,
        opened.place,
        f"{path} is opened; it is on this machine, but nothing puts it into the image",
        f"give the endpoint an entry in `files` with `path: {posixpath.basename(path)}`, and open that",
        endpoint.name,
    )


def _imports(reach: Reach, subject: Subject) -> Iterator[Finding]:
    """Yield the project's own modules that are imported whatever happens, and not packaged."""
    reported: set[str] = set()
    listed = subject.requirements.names if subject.requirements else frozenset()
    for module, node, name in imports_at_start(reach):
        top = name.partition(".")[0]
        if top in reported or is_standard(top) or is_own(top, module, subject) or set(providers(top)) & set(listed):
            continue
        roots = dict.fromkeys(("", f"{module.directory}/" if module.directory else ""))
        paths = (f"{root}{top}{end}" for root in roots for end in (".py", "/__init__.py"))
        path = next((path for path in paths if (subject.directory / path).is_file()), None)
        if path is not None:
            reported.add(top)
            why = why_unpackaged(path, subject.package)
            seen = f"`{top}` is imported; {path} is on this machine, but not packaged: {why.reason}"
            yield Finding(DEFINITION, module.place(node), seen, why.change, reach.endpoint.name)


RULE = Rule((DEFINITION,), find)
