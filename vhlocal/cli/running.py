"""The run that a command is about, and where its endpoints are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vhlocal.api.client import Client
from vhlocal.errors import InputError, VhlocalError
from vhlocal.session.record import ProjectState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def client_of_run(directory: Path) -> Client:
    """Return a client of the project's run; InputError when there is none."""
    return Client(ProjectState(directory).run())


def see_that_it_goes_on(client: Client) -> None:
    """Raise VhlocalError if the run has ended: nothing else is then to be said of what it does not answer."""
    if not client.goes_on():
        raise VhlocalError(
            f"the run at {client.url} has ended, before all was answered", hint="start it again: vhlocal up"
        )


def url_of(found: Mapping[str, Any], endpoint: str | None, name: str | None) -> str:
    """Return an endpoint's URL, without a slash at its end; ``found`` is what a run reports of itself.

    ``name`` is a version or an alias, None for the version of the working tree. ``endpoint`` may be None if there is
    only one. Raises InputError, with what there is, if there is no such endpoint, version or alias.
    """
    urls: dict[str, dict[str, str]] = {}
    for each in found["endpoints"]:
        urls.setdefault(each["endpoint"], {}).update({url.split("/")[-2]: url for url in each["urls"]})
    if endpoint is None and len(urls) == 1:
        (endpoint,) = urls
    if endpoint is None:
        raise InputError("there are several endpoints", hint=f"name one: {', '.join(urls)}")
    if endpoint not in urls:
        raise InputError(f"no endpoint `{endpoint}` is running", hint=_meant(endpoint, urls))
    by_name = urls[endpoint]
    name = name or next((each for each in (found["version"], *by_name) if each in by_name), found["version"])
    if name not in by_name:
        raise InputError(f"`{endpoint}` is not served under `{name}`", hint=_meant(name, by_name))
    return by_name[name]


def _meant(word: str, names: Iterable[str]) -> str | None:
    from vhlocal.project.schema import did_you_mean, nearest  # noqa: PLC0415 - brings a parser, and few names are wrong

    known = list(names)
    hint = did_you_mean(word, known)
    return f"{hint} There are {', '.join(known)}" if nearest(word, known) and len(known) > 1 else hint
