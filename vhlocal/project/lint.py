"""What the platform's own package says of a ``valohai.yaml``: by its schema, its parser and its linter.

It takes long to import: ``config`` asks it about texts alone that it was not asked about before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import valohai_yaml
from jsonschema import Draft202012Validator
from valohai_yaml.lint import LintResult
from valohai_yaml.validation import get_json_schema

from vhlocal.events import Notice
from vhlocal.project.endpoints import ITEM_KINDS, item_kind
from vhlocal.project.marks import Document, Trouble
from vhlocal.project.schema import explain

if TYPE_CHECKING:
    from collections.abc import Collection

    from vhlocal.model import Place
    from vhlocal.project.marks import NodePath

#: Words of lint messages that are keys as well, and so name nothing.
_WORDS = {*ITEM_KINDS, "name", "node", "edge", "source", "target", "parameter", "default", "type", "input", "command"}


def refused(data: Any, document: Document) -> list[Trouble]:
    """Return what the platform's schema refuses, but for what was found wrong with keys already."""
    known = {trouble.path[0] for trouble in document.keys_trouble if trouble.path}
    found = explain(Draft202012Validator(get_json_schema()).iter_errors(data), document)
    return [trouble for trouble in found if not trouble.path or trouble.path[0] not in known]


def lint_endpoint(document: Document, index: int) -> tuple[list[Trouble], list[Notice]]:
    """Return what the platform's linter refuses of one endpoint, valid by the schema, and what it warns of."""
    (parsed,) = valohai_yaml.parse([document.data[index]], validate=False).endpoints.values()
    result = LintResult()
    parsed.lint(result, {})
    troubles, notices = [], []
    for message in result.messages:
        trouble = _lint_trouble(document, (index, "endpoint"), str(message["message"]))
        if message["type"] == "error":
            troubles.append(trouble)
        else:
            notices.append(Notice(trouble.message, trouble.place, endpoint=parsed.name))
    return troubles, notices


def lint(document: Document, data: list[Any], known: Collection[str]) -> tuple[list[Trouble], list[Notice]]:
    """Return what the platform's own linter says of the whole file: what it refuses, and what it warns of.

    ``known`` are the messages that are already reported of endpoints.
    """
    try:
        # Items of no kind are reported as ignored elsewhere.
        messages = valohai_yaml.parse([item for item in data if item_kind(item)], validate=False).lint().messages
    except Exception as error:  # noqa: BLE001 - whatever its parser ends with, it does not take the file
        return [Trouble(f"the platform cannot read this: {error}", _unreadable(document, data))], []
    troubles, notices = [], []
    for message in messages:
        text = str(message["message"])
        if text in known:
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


def _lint_trouble(document: Document, path: NodePath, message: str) -> Trouble:
    """Find the node of a lint message: the linter gives no location, but quotes the endpoint, then the value."""
    part = "workspace-volume" if " workspace volume " in message else "shared-volumes"
    quoted = re.findall(r'"([^"]*)"', message)
    place = document.find_text((*path, part), quoted[1]) if len(quoted) > 1 else None
    return Trouble(message, place or document.place((*path, part)), path)
