"""What a change asks for. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Action(enum.Enum):
    """How new code is brought to an endpoint. The value is what the user reads."""

    NOTHING = "nothing to do"
    RESTART = "restarted"
    REPLACE = "replaced"


@dataclass(frozen=True)
class Difference:
    """What differs between the server that runs and the one that is wanted.

    ``code``: files of the package; ``environment``: the image chain, so requirements or base; ``settings``: command,
    variables, limits, mounts or chosen files.
    """

    code: bool
    environment: bool
    settings: bool


def decide(difference: Difference) -> Action:
    """Choose the cheapest way that brings in all of a difference.

    Code alone is written into the running container, whose server is then restarted. All else is fixed when a
    container is made, so a new one has to take over.
    """
    if difference.environment or difference.settings:
        return Action.REPLACE
    return Action.RESTART if difference.code else Action.NOTHING
