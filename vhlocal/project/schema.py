"""What a JSON schema's errors mean, in plain words, at the line and column of the offending node."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from vhlocal.project.marks import Trouble
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jsonschema import ValidationError

    from vhlocal.project.marks import Document, NodePath

_TYPES = {
    "string": "text",
    "array": "a list",
    "object": "a mapping",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
}


@dataclass(frozen=True)
class _Fault:
    """The parts of a validator's error that count here: the rule's keyword and value, and what broke it, where."""

    rule: str
    value: Any
    instance: Any
    schema: Any
    message: str
    path: NodePath


def explain(errors: Iterable[ValidationError], document: Document) -> list[Trouble]:
    """Return one trouble or more for each of a validator's errors."""
    troubles: list[Trouble] = []
    for error in errors:
        path = tuple(error.absolute_path)
        rule, value = str(error.validator), error.validator_value
        troubles += _troubles(_Fault(rule, value, error.instance, error.schema, error.message, path), document)
    return troubles


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the closest of the known words, or lists them; None where none is known."""
    names = sorted(known)
    close = nearest(word, names)
    if close is not None:
        return f"did you mean `{close}`?"
    return f"choose from: {', '.join(names)}" if names else None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of the known words that may have been meant, None where none is like it."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)), None)


def _troubles(fault: _Fault, document: Document) -> Iterator[Trouble]:
    place = document.place(fault.path)
    if fault.rule == "additionalProperties" and fault.value is False:
        yield from _unknown_keys(fault, document)
    elif fault.rule == "oneOf" and (keys := _required_alternatives(fault)):
        if isinstance(fault.instance, dict):  # what is no mapping breaks its type's rule too, and that says more
            yield _alternatives(fault, document, keys)
    elif fault.rule == "required":
        key = next(key for key in fault.value if key not in fault.instance and f"'{key}' " in fault.message)
        yield Trouble(f"{_subject(fault.path)} needs `{key}`", place, fault.path)
    else:
        yield Trouble(_message(fault), place, fault.path, _hint(fault))


def _unknown_keys(fault: _Fault, document: Document) -> Iterator[Trouble]:
    known = fault.schema.get("properties", {})
    unwritten = [name for name in known if name not in fault.instance]
    for key in fault.instance:
        if key not in known:
            path = (*fault.path, key)
            message = f"{_subject(fault.path)} has an unknown key `{key}`"
            yield Trouble(message, document.key_place(path), path, did_you_mean(key, unwritten))


def _required_alternatives(fault: _Fault) -> list[str]:
    """Return the keys of a "one of these keys is required" rule, and nothing for any other rule."""
    keys = [branch["required"][0] for branch in fault.value if set(branch) == {"required"}]
    return keys if len(keys) == len(fault.value) else []


def _alternatives(fault: _Fault, document: Document, keys: list[str]) -> Trouble:
    path = fault.path
    written = [key for key in keys if key in fault.instance]
    named = " and ".join(f"`{key}`" for key in keys)
    if not written:
        either = " or ".join(f"`{key}`" for key in keys)
        return Trouble(f"{_subject(path)} needs {either}", document.place(path), path, "write one of them")
    message = f"{_subject(path)} has both {named}, but takes only one"
    places = [document.key_place((*path, key)) for key in written]
    last = max(places, key=lambda place: (place.line or 0, place.column or 0))
    return Trouble(message, last, path, "remove one of them")


def _message(fault: _Fault) -> str:
    subject, value = _subject(fault.path), fault.instance
    phrases: dict[str, Callable[[], str]] = {
        "type": lambda: f"must be {_type_name(fault.value)}, not {_quoted(fault)}",
        "minimum": lambda: f"must be at least {fault.value}, not {value}",
        "maximum": lambda: f"must be at most {fault.value}, not {value}",
        "minLength": lambda: "must not be empty",
        "pattern": lambda: f"is {_shown(value)}, which does not match `{fault.value}`",
        "oneOf": lambda: f"must be {_branches(fault)}, not {_shown(value)}",
    }
    phrase = phrases.get(fault.rule)
    return f"{subject} {phrase()}" if phrase else f"{subject}: {fault.message}"


def _quoted(fault: _Fault) -> str:
    secret = isinstance(fault.instance, str) and fault.schema.get("writeOnly")
    return "text" if secret else _shown(fault.instance)


def _branches(fault: _Fault) -> str:
    names = []
    for branch in fault.value:
        items = branch.get("items", {}).get("type")
        name = _type_name(branch.get("type", "object"))
        names.append(f"{name} of {_type_name(items)}" if items else name)
    return " or ".join(names)


def _type_name(types: str | list[str]) -> str:
    return " or ".join(_TYPES.get(name, name) for name in ([types] if isinstance(types, str) else types))


def _hint(fault: _Fault) -> str | None:
    if fault.rule == "pattern":
        description = fault.schema.get("description")
        return str(description) if description else None
    if fault.rule != "type":
        return None
    if fault.instance is None:
        return "indent its contents below it" if "object" in fault.value else None
    return (
        "put the value in quotes" if "string" in fault.value and not isinstance(fault.instance, dict | list) else None
    )


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "this list" if value else "an empty list"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _subject(path: NodePath) -> str:
    """Return what the user calls a node, such as ```files` item 2``.

    The place shows the item of the file and its kind, so this leaves them out.
    """
    words = [f"item {step + 1}" if isinstance(step, int) else f"`{step}`" for step in path]
    inner = words[min(2, len(words) - 1) :] if path and isinstance(path[0], int) else words
    return " ".join(inner) or "the file"
