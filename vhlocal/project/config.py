"""``valohai.yaml``: its endpoints, parsed, validated and linted by the platform's own package (B4, R1, R2, R4, K1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import valohai_yaml
from jsonschema import Draft202012Validator
from valohai_yaml.lint import LintResult
from valohai_yaml.validation import get_json_schema

from vhlocal.errors import InputError
from vhlocal.events import Notice
from vhlocal.model import Place
from vhlocal.project.endpoints import read_endpoint
from vhlocal.project.marks import Document, Trouble, raise_troubles, read_document
from vhlocal.project.schema import did_you_mean, explain

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from vhlocal.model import Endpoint
    from vhlocal.project.marks import NodePath

CONFIG_FILE = "valohai.yaml"

#: What the platform's parser takes an item for, in its order: of two keys in one item, the first here wins.
_ITEM_KINDS = ("step", "task", "endpoint", "pipeline", "blueprint", "deployment")

#: Words of lint messages that are keys as well, and so name nothing.
_WORDS = {*_ITEM_KINDS, "name", "node", "edge", "source", "target", "parameter", "default", "type", "input", "command"}

_EXAMPLE = """\
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
    if not path.is_file():
        raise InputError(
            f"there is no {CONFIG_FILE} in {directory}",
            place=Place(path),
            hint=f"go to a Valohai project, name one with -C DIRECTORY, or write a {CONFIG_FILE} such as:\n{_EXAMPLE}",
        )
    document = read_document(path)
    items = _endpoint_items(document)
    data = _without([] if document.data is None else document.data, document.keys_trouble)
    found = [*document.keys_trouble, *_invalid(data, document)]
    troubles = [trouble for trouble in found if _matters(trouble, items)]
    elsewhere = tuple(trouble for trouble in found if not _matters(trouble, items))
    doubts = _ignored_keys(document, data) if isinstance(data, list) else []
    if not items and not troubles:
        raise _no_endpoint(Config(path, (), (), elsewhere, tuple(doubts)))
    if any(len(trouble.path) < 2 for trouble in troubles):
        return Config(path, (), tuple(troubles), elsewhere, tuple(doubts))
    sound = [index for index in items if index not in {trouble.path[0] for trouble in troubles}]
    endpoints, own, lint_doubts = _endpoints(document, sound)
    if not found:  # the platform's linter looks no further either where its schema refuses something
        told = {*(trouble.message for trouble in own), *(notice.text for notice in lint_doubts)}
        refused, doubtful = _lint(document, data, told)
        elsewhere, lint_doubts = tuple(refused), [*lint_doubts, *doubtful]
    return Config(path, endpoints, (*troubles, *own), elsewhere, (*doubts, *lint_doubts))


def _lint(document: Document, data: list[Any], told: Collection[str]) -> tuple[list[Trouble], list[Notice]]:
    """Return what the platform's own linter says of the whole file: what it refuses, and what it warns of.

    ``told`` is what was found of the endpoints already.
    """
    try:
        # Items of no kind are told of as what is ignored.
        messages = valohai_yaml.parse([item for item in data if _kind(item)], validate=False).lint().messages
    except Exception as error:  # noqa: BLE001 - whatever its parser ends with, it does not take the file
        return [Trouble(f"the platform cannot read this: {error}", _unreadable(document, data))], []
    troubles, notices = [], []
    for message in messages:
        text = str(message["message"])
        if text in told:
            continue
        place = _place_of(text, document)
        if message["type"] == "error":
            troubles.append(Trouble(text, place))
        else:
            notices.append(Notice(text, place))
    return troubles, notices


def _place_of(message: str, document: Document) -> Place:
    """Return where something stands that a lint message names, the last that it does: the linter gives no location."""
    words = [word.strip(".") for word in re.findall(r"[\w.-]+", message)]
    named = (document.find_text((), word) for word in reversed(words) if word not in _WORDS)
    return next(filter(None, named), None) or document.place()


def _unreadable(document: Document, data: list[Any]) -> Place:
    """Return where the first item stands that the platform's parser does not take."""
    for index, item in enumerate(data):
        try:
            valohai_yaml.parse([item], validate=False)
        except Exception:  # noqa: BLE001 - see above
            return document.place((index,))
    return document.place()


def _invalid(data: Any, document: Document) -> list[Trouble]:
    """Return what the platform's schema refuses, but for what was found wrong with keys already."""
    known = {trouble.path[0] for trouble in document.keys_trouble if trouble.path}
    found = explain(Draft202012Validator(get_json_schema()).iter_errors(data), document)
    return [trouble for trouble in found if not trouble.path or trouble.path[0] not in known]


def _no_endpoint(config: Config) -> InputError:
    detail = "\n".join(f"{warning.place}: {warning.text}" for warning in config.warnings)
    hint = f"add one, such as:\n{_EXAMPLE}"
    return InputError(f"{CONFIG_FILE} has no endpoint", place=Place(config.path), hint=hint, detail=detail or None)


def _endpoint_items(document: Document) -> list[int]:
    """Return the indices of the items that the platform takes for endpoints."""
    data = document.data if isinstance(document.data, list) else []
    return [index for index, item in enumerate(data) if _kind(item) == "endpoint"]


def _kind(item: Any) -> str | None:
    return next((kind for kind in _ITEM_KINDS if isinstance(item, dict) and kind in item), None)


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
        kind = _kind(item)
        for key in item if isinstance(item, dict) else ():
            if key == kind:
                continue
            text, hint = f"`{key}` is ignored: it is unknown here", did_you_mean(key, _ITEM_KINDS)
            if kind is not None and key in _ITEM_KINDS:
                text = f"this `{key}` is ignored: it stands in the same list item as a `{kind}`"
                hint = f"begin it with a dash: `- {key}:`"
            notices.append(Notice(text, document.key_place((index, key)), hint))
    return notices


def _line(place: Place | None) -> str:
    return str(place.line) if place is not None else "?"


def _endpoints(document: Document, items: list[int]) -> tuple[tuple[Endpoint, ...], list[Trouble], list[Notice]]:
    troubles: list[Trouble] = []
    notices: list[Notice] = []
    endpoints: dict[str, Endpoint] = {}
    for index in items:
        (parsed,) = valohai_yaml.parse([document.data[index]], validate=False).endpoints.values()
        result = LintResult()
        parsed.lint(result, {})
        for message in result.messages:
            trouble = _lint_trouble(document, (index, "endpoint"), str(message["message"]))
            if message["type"] == "error":
                troubles.append(trouble)
            else:
                notices.append(Notice(trouble.message, trouble.place, endpoint=parsed.name))
        endpoint, own = read_endpoint(parsed, document, (index, "endpoint"))
        troubles += own
        if (first := endpoints.get(endpoint.name)) is not None:
            clash = f"two endpoints are named `{endpoint.name}`, the first on line {_line(first.place('name'))}"
            place = document.place((index, "endpoint", "name"))
            troubles.append(Trouble(clash, place, hint="give one of them another name"))
        endpoints.setdefault(endpoint.name, endpoint)
    return tuple(endpoints.values()), troubles, notices


def _lint_trouble(document: Document, path: NodePath, message: str) -> Trouble:
    """Find the node of a lint message: the linter gives no location, but quotes the endpoint, then the value."""
    part = "workspace-volume" if " workspace volume " in message else "shared-volumes"
    quoted = re.findall(r'"([^"]*)"', message)
    place = document.find_text((*path, part), quoted[1]) if len(quoted) > 1 else None
    return Trouble(message, place or document.place((*path, part)), path)
