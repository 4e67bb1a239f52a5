"""Which endpoint each smoke test is for, and under which paths it is sent. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.smoke.results import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from vhlocal.exchanges import Header

#: Where smoke tests are, in the project's directory.
DIRECTORY = "smoke"


def endpoint_of(path: Path, names: Sequence[str]) -> str:
    """Return the endpoint that a file is for: ``smoke/NAME.http``, or any file in ``smoke/NAME/``.

    Where there is one endpoint alone, it is for that. Raises InputError where the name is none of an endpoint.
    """
    for name in (path.stem, *(parent.name for parent in path.parents)):
        if name in names:
            return name
    if len(names) == 1:
        return names[0]
    raise InputError(
        f"this smoke test does not say which endpoint it is for: this run has {', '.join(names)}",
        place=Place(path),
        hint=f"name it {path.parent}/{names[0]}.http, or put it into {path.parent}/{names[0]}/",
    )


def targets(statuses: Iterable[Mapping[str, Any]], headers: tuple[Header, ...] = ()) -> dict[str, tuple[Target, ...]]:
    """Return the targets of a run's endpoints, by endpoint: the version and each alias, replicas once.

    ``statuses`` are as the API returns them. Each request is sent with ``headers``, except those that it sets itself.
    """
    found: dict[str, dict[str, Target]] = {}
    for status in statuses:
        for url in map(str, status["urls"]):
            plain = url.rstrip("/")
            under = urlsplit(plain).path.split("/")[-2]
            found.setdefault(str(status["endpoint"]), {})[plain] = Target(
                str(status["endpoint"]), under, plain, headers
            )
    return {endpoint: tuple(by_url.values()) for endpoint, by_url in found.items()}
