"""VH516: what only the base image brings is missing where something else stands in for that (B1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vhlocal.checks.distributions import command_providers
from vhlocal.checks.images import is_official_python
from vhlocal.checks.rule import Rule
from vhlocal.checks.server.evidence import missing_module, module_files
from vhlocal.checks.server.starting import missing_command
from vhlocal.contract.image import CODE_DIRECTORY
from vhlocal.findings import Definition, Example, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vhlocal.checks.server.evidence import Ended

DEFINITION = Definition(
    code="VH516",
    title="This machine lacks something that the image may contain",
    severity=Severity.WARNING,
    why="Without a container engine, this machine's Python stands in for the base image. Programs, packages and "
    "libraries of the image are missing, so the server fails here; only the image shows whether production has "
    "them.",
    remedy={
        "": "Run the endpoint in its image: `vhlocal up --runtime docker`. If you cannot get that image, name another "
        "one that contains the same: `--image ENDPOINT=IMAGE`. Put what belongs to the code rather than the image into "
        "the requirements."
    },
    example=Example("shell", "vhlocal up --runtime process", "vhlocal up --runtime docker"),
    rows=("B1",),
)

_NO_LIBRARY = re.compile(r"(?:ImportError|OSError): (\S+\.so[\w.]*): cannot open shared object file")


def find(ended: Ended) -> Iterator[Finding]:
    """Yield what was missed that the image may bring."""
    what = _missed(ended) if ended.stands_in else None
    if what is None:
        return
    text, otherwise = what
    name, image = ended.endpoint.name, ended.endpoint.image
    yield Finding(
        DEFINITION,
        ended.place,
        f"{text} is not on this machine; the image {image} may contain it, but is not used here",
        f"`vhlocal up --runtime docker` uses it, `--image {name}=IMAGE` another one; {otherwise}",
        name,
    )


def _missed(ended: Ended) -> tuple[str, str] | None:
    """Return what is missing, and what to do should the image not have it; None where that is no matter of it."""
    if ended.code == 127:
        command = missing_command(ended)
        return None if command is None else _command(ended, command)
    library = _NO_LIBRARY.findall(ended.text)
    if library:
        return f"the library {library[-1]}", "if the image does not have it either, install it there"
    module = missing_module(ended.text)
    if module is None or is_official_python(ended.endpoint.image) or _is_of_the_project(ended, module):
        return None
    file = ended.requirements or "requirements.txt"
    return f"the module {module}", f"if the image does not have it either, add what provides it to {file}"


def _command(ended: Ended, command: str) -> tuple[str, str] | None:
    if "/" in command:
        outside = command.startswith("/") and not command.startswith(CODE_DIRECTORY)
        return (command, "if the image does not have it either, name what it does have") if outside else None
    if not command_providers(command):
        return command, "if the image does not have it either, name what it does have"
    if is_official_python(ended.endpoint.image):
        return None
    return command, f"if pip installs it in production, write ~/.local/bin/{command}"


def _is_of_the_project(ended: Ended, module: str) -> bool:
    if module == re.split("[.:]", ended.endpoint.wsgi or "")[0]:
        return True
    return any(path in ended.here or path in ended.packaged for path in module_files(module))


RULE = Rule((DEFINITION,), find)
