"""``valohai.yaml``: its endpoints, parsed, validated and linted by the platform's own package (B4, R1, R2, R4, K1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vhlocal.errors import InputError
from vhlocal.events import Notice
from vhlocal.model import Place
from vhlocal.project.above import CONFIG_FILE
from vhlocal.project.endpoints import ITEM_KINDS, item_kind, read_endpoint
from vhlocal.project.marks import Document, Trouble, raise_troubles, read_document
from vhlocal.project.schema import did_you_mean
from vhlocal.project.taken import is_taken, keep_taken
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from vhlocal.model import Endpoint

#: A ``valohai.yaml`` to begin with.
EXAMPLE = """\
- endpoint:
    name: greet
    image: python:3.11-slim
    wsgi: app:app"""


@dataclass(frozen=True)
class Config:
    """The endpoints of one ``valohai.yaml``, in its order, and what is doubtful elsewhere in it.

    ``troubles`` is what keeps endpoints from being served, ``elsewhere`` what the platform would refuse too but no
    endpoint depends on; ``doubts`` is what it takes without a word, or warns of.
    """

    path: Path
    endpoints: tuple[Endpoint, ...]
    troubles: tuple[Trouble, ...] = ()
    elsewhere: tuple[Trouble, ...] = ()
    doubts: tuple[Notice, ...] = ()

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """What a run goes on in spite of."""
        refused = (
            Notice(f"{trouble.message}; the platform would refuse this file", trouble.place, trouble.hint)
            for trouble in self.elsewhere
        )
        return (*refused, *self.doubts)


def load_config(directory: Path) -> Config:
    """Read ``valohai.yaml`` in ``directory``.

    InputError, with the places of all that is wrong, when it is missing, broken, invalid, or has no endpoint. What is
    wrong in steps and pipelines is a warning: the platform would reject the file, but no endpoint depends on it.
    """
    config = read_config(directory)
    raise_troubles(config.troubles)
    return config


def read_config(directory: Path) -> Config:
    """Read ``valohai.yaml`` in ``directory``, as far as it goes: the endpoints are those in which nothing is wrong.

    InputError when it is missing, no YAML, or has no endpoint.
    """
    path = directory / CONFIG_FILE
    if path.exists() and not path.is_file():
        what = "is a directory" if path.is_dir() else "is no regular file"
        raise InputError(f"{CONFIG_FILE} {what}", place=Place(path), hint="put a file of that name in its place")
    if not path.is_file():
        raise InputError(
            f"there is no {CONFIG_FILE} in {directory}",
            place=Place(path),
            hint="go to a Valohai project or a directory in it, name one with -C DIRECTORY, "
            f"or write a {CONFIG_FILE} such as:\n{EXAMPLE}",
        )
    document = read_document(path)
    items = _endpoint_items(document)
    if is_taken(path, document.source):
        return Config(path, _endpoints(document, items)[0])
    config = _judged(document, items)
    if not (config.troubles or config.elsewhere or config.doubts):
        keep_taken(path, document.source)
    return config


def _judged(document: Document, items: list[int]) -> Config:
    """Ask the platform's package for all that it says of a file; InputError for one without an endpoint."""
    from vhlocal.project.lint import lint, lint_endpoint, refused  # noqa: PLC0415 - slow to import

    path = document.file
    data = _without([] if document.data is None else document.data, document.keys_trouble)
    found = [*document.keys_trouble, *refused(data, document)]
    troubles = [trouble for trouble in found if _matters(trouble, items)]
    elsewhere = tuple(trouble for trouble in found if not _matters(trouble, items))
    doubts = _ignored_keys(document, data) if isinstance(data, list) else []
    if not items and not troubles:
        raise _no_endpoint(Config(path, (), (), elsewhere, tuple(doubts)))
    if any(len(trouble.path) < 2 for trouble in troubles):
        return Config(path, (), tuple(troubles), elsewhere, tuple(doubts))
    sound = [index for index in items if index not in {trouble.path[0] for trouble in troubles}]
    endpoints, own = _endpoints(document, sound)
    for index in sound:
        wrong, doubtful = lint_endpoint(document, index)
        own += wrong
        doubts += doubtful
    if not found:  # the platform's linter looks no further either where its schema refuses something
        known = {*(trouble.message for trouble in own), *(notice.text for notice in doubts)}
        others, doubtful = lint(document, data, known)
        elsewhere = tuple(others)
        doubts += doubtful
    return Config(path, endpoints, (*troubles, *own), elsewhere, tuple(doubts))


def _no_endpoint(config: Config) -> InputError:
    detail = "\n".join(f"{warning.place}: {warning.text}" for warning in config.warnings)
    hint = f"add one, such as:\n{EXAMPLE}"
    return InputError(f"{CONFIG_FILE} has no endpoint", place=Place(config.path), hint=hint, detail=detail or None)


def _endpoint_items(document: Document) -> list[int]:
    """Return the indices of the items that the platform takes for endpoints."""
    data = document.data if isinstance(document.data, list) else []
    return [index for index, item in enumerate(data) if item_kind(item) == "endpoint"]


def _matters(trouble: Trouble, items: list[int]) -> bool:
    """Tell whether a trouble is about the whole file, or about an item that is an endpoint."""
    return len(trouble.path) < 2 or trouble.path[0] in items


def _without(data: Any, troubles: tuple[Trouble, ...]) -> Any:
    """Return the data with each troubled item empty: a schema validator cannot take keys that are no text."""
    items = {trouble.path[0] for trouble in troubles if trouble.path}
    if not items or not isinstance(data, list):
        return data
    return [{} if index in items and isinstance(item, dict) else item for index, item in enumerate(data)]


def _ignored_keys(document: Document, data: Any) -> list[Notice]:
    """Return a notice for each key beside an item's kind: the platform drops it without a word."""
    notices = []
    for index, item in enumerate(data):
        kind = item_kind(item)
        for key in item if isinstance(item, dict) else ():
            if key == kind:
                continue
            text, hint = f"`{key}` is ignored: Valohai does not know this key", did_you_mean(key, ITEM_KINDS)
            if kind is not None and key in ITEM_KINDS:
                text = f"this `{key}` is ignored: it is in the same list item as a `{kind}`"
                hint = f"start it with a dash: `- {key}:`"
            notices.append(Notice(text, document.key_place((index, key)), hint))
    return notices


def _line(place: Place | None) -> str:
    return str(place.line) if place is not None else "?"


def _endpoints(document: Document, items: list[int]) -> tuple[tuple[Endpoint, ...], list[Trouble]]:
    troubles: list[Trouble] = []
    endpoints: dict[str, Endpoint] = {}
    for index in items:
        path = (index, "endpoint")
        endpoint, own = read_endpoint(document.data[index]["endpoint"], document, path)
        troubles += own
        if (first := endpoints.get(endpoint.name)) is not None:
            clash = f"two endpoints are named `{endpoint.name}`, the first on line {_line(first.place('name'))}"
            troubles.append(Trouble(clash, document.place((*path, "name")), hint="give one of them another name"))
        endpoints.setdefault(endpoint.name, endpoint)
    return tuple(endpoints.values()), troubles
