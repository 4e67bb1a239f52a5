"""What a change asks for. Pure."""

from __future__ import annotations

from vhlocal.model import Strategy
from vhlocal.values import dataclass


@dataclass(frozen=True)
class Difference:
    """What differs between the server that runs and the one that is wanted.

    ``code``: files of the package; ``environment``: the image chain, so requirements or base; ``settings``: command,
    variables, limits, mounts or chosen files.
    """

    code: bool
    environment: bool
    settings: bool

    def __bool__(self) -> bool:
        return self.code or self.environment or self.settings


@dataclass(frozen=True)
class Abilities:
    """What an endpoint's server allows.

    ``running`` is whether there is one, ``forks`` whether its runner can fork the next (see ``runner/``), ``alone``
    whether there can be only one: it holds a GPU, on which two rarely find room, or a port or lock of this machine.
    """

    running: bool
    forks: bool
    alone: bool


def standing(abilities: Abilities, chosen: Strategy | None) -> Strategy:
    """Return how an endpoint's code is brought in as long as nothing but code changes.

    ``chosen`` is the user's own choice. A fork is the quickest and needs no gap. A second container needs none either,
    and is ready no later than the first would be again: to stop one takes longer than to make one. So a restart, with
    requests waiting until the first one has ended and the second one answers, is for what there cannot be two of.
    """
    if chosen is Strategy.RESTART:
        return chosen
    if abilities.forks and chosen is not Strategy.REPLACE:
        return Strategy.FORK
    return anew(abilities)


def decide(difference: Difference, abilities: Abilities, chosen: Strategy | None) -> Strategy | None:
    """Choose the way that brings in all of a difference; None where nothing differs.

    What is fixed when a container is made asks for a new one, and so does a server that has ended.
    """
    if not difference:
        return None
    if not abilities.running:
        return Strategy.REPLACE
    if difference.environment or difference.settings:
        return anew(abilities)
    return standing(abilities, chosen)


def anew(abilities: Abilities) -> Strategy:
    """Return how a server is made anew: beside the one that serves, unless there can be only one."""
    return Strategy.RESTART if abilities.alone else Strategy.REPLACE
