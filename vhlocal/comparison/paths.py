"""Paths into JSON, as they are written: ``$.items[0].name``, and ``$.items[*].id`` where each of them is meant."""

from __future__ import annotations

import json
import re
from typing import Any

#: From the root to a value: keys of objects and indexes of lists.
Path = tuple[str | int, ...]

#: A path in which None stands for each key or index.
Pattern = tuple[str | int | None, ...]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STEP = re.compile(
    r"""\.(?P<name>[^\W\d][\w-]*)|(?P<each>\.\*|\[\*\])|\[(?P<index>\d+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]|\['(?P<single>[^'\\]*)'\]"""
)


class PathError(ValueError):
    """A path that cannot be read; the text says where it stops to be one."""


def parse(text: str) -> Pattern:
    """Read a path. Raises PathError with what cannot be read, and what could be."""
    if not text.startswith("$"):
        raise PathError(f"{text} is not a path: a path begins with $, the whole body")
    steps: list[str | int | None] = []
    place = 1
    while place < len(text):
        found = _STEP.match(text, place)
        if found is None:
            raise PathError(
                f'{text} cannot be read from `{text[place:]}` on: a path is made of .name, [0], [*] and ["any name"]'
            )
        steps.append(_step(found))
        place = found.end()
    return tuple(steps)


def parse_one(text: str) -> Path:
    """Read a path that leads to one value: ``parse`` without ``[*]``."""
    pattern = parse(text)
    steps = tuple(step for step in pattern if step is not None)
    if len(steps) < len(pattern):
        raise PathError(f"{text} matches many values: write an index or a name in place of *")
    return steps


def written(path: Path) -> str:
    """Return a path as it is written, so that ``parse`` reads the same."""
    return "$" + "".join(_written(step) for step in path)


def lookup(document: Any, path: Path) -> Any:
    """Return the value that a path leads to in a JSON document. Raises KeyError where it leads nowhere."""
    for step in path:
        found = isinstance(document, dict) if isinstance(step, str) else isinstance(document, list)
        if not found or (isinstance(step, int) and step >= len(document)):
            raise KeyError(step)
        document = document[step]
    return document


def _step(found: re.Match[str]) -> str | int | None:
    if found["each"]:
        return None
    if found["index"]:
        return int(found["index"])
    if found["quoted"]:
        try:
            return str(json.loads(found["quoted"]))
        except ValueError as error:
            raise PathError(f"{found['quoted']} is not a name: {error}") from error
    return str(found["name"] if found["name"] is not None else found["single"])


def _written(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(step) else f"[{json.dumps(step, ensure_ascii=False)}]"
