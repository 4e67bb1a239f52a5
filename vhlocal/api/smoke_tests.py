"""Keeps what was tried on the page as a smoke test in the project."""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING, Any

from vhlocal.errors import InputError
from vhlocal.exchanges import Answer, Body, Exchange, Request, whole
from vhlocal.project.settings import load_settings
from vhlocal.smoke.keeping import keep
from vhlocal.smoke.plan import DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from vhlocal.exchanges import Header
    from vhlocal.session.deployment import Deployment

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

#: What can be done where the file is there already; "" asks.
_WAYS = ("", "add", "replace")


async def project_of(deployment: Deployment) -> Path:
    """Return the directory of the project whose working tree is served."""
    return deployment.served[0].inputs().package.directory


def keep_tried(asked: Any, url: str, directory: Path, endpoints: Sequence[str]) -> dict[str, str]:
    """Write a request and its answer to ``smoke/NAME.http``, or, if that names no endpoint, below ``smoke/ENDPOINT``.

    ``url`` is the gateway's. Return ``written`` with the path, or ``exists`` if the file is there and nobody has said
    what to do with it. Raises InputError for anything but such a request, or for a name that leads elsewhere.
    """
    if not isinstance(asked, dict):
        raise InputError("the body must be a JSON object")
    name, endpoint, how = (str(asked.get(each, "")) for each in ("name", "endpoint", "how"))
    name = name.removesuffix(".http")
    if not _NAME.fullmatch(name):
        raise InputError(f"`{name}` cannot be the name of a smoke test", hint="use letters, digits, dots and dashes")
    if endpoint not in endpoints or how not in _WAYS:
        raise InputError(
            f"no endpoint `{endpoint}` is running" if endpoint not in endpoints else f"`{how}` is not a way to write"
        )
    chosen = load_settings(directory, {}, fetch=False).smoke
    within = chosen or directory / DIRECTORY
    file = within / f"{name}.http" if name == endpoint or len(endpoints) == 1 else within / endpoint / f"{name}.http"
    if not file.resolve().is_relative_to((chosen or directory).resolve()):
        raise InputError(f"{file} is outside the project")
    shown = file.relative_to(directory).as_posix() if file.is_relative_to(directory) else str(file)
    if file.exists() and not how:
        return {"exists": shown}
    try:
        exchange = _exchange(asked, name, endpoint)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"this is not a request with its answer: {error!r}") from error
    keep(exchange, url, file, replaces=how == "replace")
    return {"written": shown}


def _exchange(asked: Mapping[str, Any], name: str, endpoint: str) -> Exchange:
    sent, got = asked["request"], asked["answer"]
    target = str(sent["target"])
    request = Request(
        str(sent["method"]), target, _headers(sent["headers"], "utf-8"), whole(base64.b64decode(sent["body"]))
    )
    body = Body(None, int(got["length"])) if got["body"] is None else whole(base64.b64decode(got["body"]))
    prefix = "/".join(target.partition("?")[0].split("/")[:6])
    answer = Answer(int(got["status"]), _headers(got["headers"], "latin-1"), body, prefix)
    return Exchange(name, time.time(), endpoint, "", request, answer, 0.0)


def _headers(given: Any, encoding: str) -> tuple[Header, ...]:
    return tuple((str(name), str(value).encode(encoding).decode("latin-1")) for name, value in given)
