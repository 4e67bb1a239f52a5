"""What a rule is: definitions, and what finds them in one kind of evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vhlocal.findings import Definition, Finding, Note

Evidence = TypeVar("Evidence")


@dataclass(frozen=True)
class Rule(Generic[Evidence]):
    """What looks for one thing: ``find`` yields findings of its ``definitions`` from one kind of evidence.

    The evidence of the static rules is a ``Subject``, the project as it was read.
    """

    definitions: tuple[Definition, ...]
    find: Callable[[Evidence], Iterable[Finding | Note]]
