"""What a ``.http`` file says: requests as they are written, with variables not filled in yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.errors import InputError
from vhlocal.model import Place
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vhlocal.smoke.expecting import Expectation

#: The variable that is filled in for each endpoint, under its version and each alias.
ENDPOINT = "endpoint"

_VARIABLE = re.compile(r"\{\{(.+?)\}\}")


class Line(NamedTuple):
    """A line of a file, counted from 1; ``text`` may hold ``{{name}}``."""

    number: int
    text: str


class FromFile(NamedTuple):
    """A line of a body that stands for the bytes of a file, whose path is relative to the ``.http`` file."""

    number: int
    path: str


class Field(NamedTuple):
    """A header as it is written."""

    number: int
    name: str
    value: str


@dataclass(frozen=True)
class Case:
    """One request and what is expected of its answer. ``place`` is that of its request line.

    ``body`` are lines, joined by ``line_end`` when it is sent. ``redirects`` is whether they are followed.
    """

    name: str
    place: Place
    method: str
    url: Line
    fields: tuple[Field, ...]
    body: tuple[Line | FromFile, ...]
    line_end: str
    expectations: tuple[Expectation, ...]
    redirects: bool


@dataclass(frozen=True)
class HttpFile:
    """A file's requests in order. ``variables`` are the file's own; their values may hold ``{{endpoint}}`` alone."""

    path: Path
    cases: tuple[Case, ...]
    variables: Mapping[str, str]

    def fill(self, line: int, text: str, endpoint: str) -> str:
        """Return a text of the file with its variables filled in.

        ``endpoint`` is a URL without a slash at its end. It gets one where the file's own ``@endpoint``, by which
        editors send it, has one: so both read ``{{endpoint}}predict`` alike.
        """
        own = self.variables.get(ENDPOINT, "")
        values = {**self.variables, ENDPOINT: f"{endpoint}/" if own.endswith("/") else endpoint}
        return fill(text, values, Place(self.path, line))


def fill(text: str, values: Mapping[str, str], place: Place) -> str:
    """Return a text with ``{{name}}`` filled in. Raises InputError for a name that has no value."""

    def value(found: re.Match[str]) -> str:
        name = found[1].strip()
        if name not in values:
            raise undefined(name, place)
        return fill_known(values[name], values)

    return _VARIABLE.sub(value, text)


def fill_known(text: str, values: Mapping[str, str]) -> str:
    """Return a text with ``{{name}}`` filled in where the name has a value."""
    return _VARIABLE.sub(lambda found: values.get(found[1].strip(), found[0]), text)


def names_in(text: str) -> list[str]:
    """Return the names of the variables that a text asks for."""
    return [name.strip() for name in _VARIABLE.findall(text)]


def undefined(name: str, place: Place) -> InputError:
    """Return what is wrong with a variable that has no value here."""
    if name.startswith(("$processEnv", "$dotenv", "$env.", "$shared", "process.env")):
        return InputError(
            f"{{{{{name}}}}} comes from where an editor runs, and each has its own word for it",
            place=place,
            hint="write the value itself, or a test for pytest, which can read os.environ",
        )
    if name.startswith("$") or "." in name:
        what = "is different for each request" if name.startswith("$") else "comes from another request's answer"
        return InputError(
            f"{{{{{name}}}}} {what}, which each editor writes in its own way",
            place=place,
            hint="write the value itself: a smoke test sends the same each time, and each request stands alone",
        )
    return InputError(
        f"{{{{{name}}}}} has no value here",
        place=place,
        hint=f"write `@{name} = …` above its first use",
    )
