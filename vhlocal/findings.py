"""The words of the findings: what is defined once of each, and what is found each time (see ``checks/``)."""

from __future__ import annotations

import enum
from dataclasses import field, replace
from typing import TYPE_CHECKING

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vhlocal.model import Place

#: Where the page of each finding is, relative to the root of vhlocal's own repository.
PAGES = "docs/findings"

#: What a remedy is keyed by: "" is the general one.
FRAMEWORKS = (
    "",
    "Flask",
    "Django",
    "FastAPI",
    "WSGI",
    "BentoML",
    "Dash",
    "Falcon",
    "Gradio",
    "LitServe",
    "Sanic",
    "Streamlit",
    "Tornado",
    "aiohttp",
    "Node",
)


class Severity(enum.Enum):
    """How bad a finding is. The value is the word that the user reads.

    ERROR: it fails in production, or must not get there. WARNING: it may fail, or harm. NOTICE: worth knowing.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True)
class Example:
    """A few lines that a finding is about, and the same lines mended; ``language`` is the page's word for theirs."""

    language: str
    broken: str
    mended: str


@dataclass(frozen=True)
class Definition:
    """What is the same each time: code, title, why it fails in production, and what to do.

    ``rows`` are the rows of the contract that it follows from. ``remedy`` is keyed by framework, one of ``FRAMEWORKS``.
    The page of the finding is made from this.
    """

    code: str
    title: str
    severity: Severity
    why: str
    remedy: Mapping[str, str] = field(hash=False)
    example: Example
    rows: tuple[str, ...] = ()

    @property
    def page(self) -> str:
        """The path of the finding's page."""
        return f"{PAGES}/{self.code}.md"

    @property
    def explain(self) -> str:
        """The command that shows the finding's page."""
        return f"vhlocal explain {self.code}"


@dataclass(frozen=True)
class Edit:
    """A change that can be pasted: the whole lines ``new`` in the place of ``old``, which begin at ``place``.

    Without ``old``, the lines are added at the end of the file, which may not be there yet. Without ``new``, they are
    taken out. No text ends in a line break.
    """

    place: Place
    old: str
    new: str

    @property
    def shown(self) -> tuple[str, ...]:
        """The lines to show: what goes begins with ``- ``, what comes with ``+ ``, what stays with two spaces."""
        from difflib import ndiff  # noqa: PLC0415 - only where a finding is shown

        compared = ndiff(self.old.splitlines(), self.new.splitlines())
        return tuple(line for line in compared if not line.startswith("?"))


@dataclass(frozen=True)
class Finding:
    """What was seen at one place, and the change to make there; ``endpoint`` where it is about one alone.

    ``framework`` is the one of the definition's remedies that fits the endpoint's code, "" where none differs.
    ``caveat`` is what `ready` does not say of its endpoint then, such as ``but answers 404 below its prefix``.
    ``edits`` are the change in the project's own lines: all of them make one remedy. There are none where the lines
    are not known for certain, or only the project's author can choose.
    """

    definition: Definition
    place: Place
    seen: str
    change: str
    endpoint: str | None = None
    framework: str = ""
    caveat: str = ""
    edits: tuple[Edit, ...] = ()

    def placed(self, named: Callable[[Place], Place]) -> Finding:
        """Return the same with each of its places as ``named`` returns it."""
        edits = tuple(replace(edit, place=named(edit.place)) for edit in self.edits)
        return replace(self, place=named(self.place), edits=edits)


@dataclass(frozen=True)
class Note:
    """What a rule could not look at, in one line. It is no finding, and changes no exit code."""

    text: str
