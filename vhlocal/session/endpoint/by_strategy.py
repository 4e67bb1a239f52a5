"""An edit is brought in by the strategy that was chosen, or, where that shows to be impossible, by the next best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError
from vhlocal.events import Notice
from vhlocal.model import Strategy
from vhlocal.reload.decide import anew, decide
from vhlocal.session.endpoint.ready import EndedError
from vhlocal.session.endpoint.strategies import STRATEGIES
from vhlocal.session.wanted.desired import difference
from vhlocal.session.warm.forks import AloneError, NoRoomError
from vhlocal.session.warm.runner_client import RunnerGoneError

if TYPE_CHECKING:
    from vhlocal.session.endpoint.post import Post
    from vhlocal.session.endpoint.surroundings import Surroundings
    from vhlocal.session.phases import Phases
    from vhlocal.session.wanted.desired import Desired


async def by_strategy(
    surroundings: Surroundings, post: Post, strategy: Strategy, wanted: Desired, phases: Phases
) -> Strategy:
    """Return the strategy that did it: another one where the server shows that there cannot be two of it.

    One is refused what the one that serves has, and ends for it or lives on without.
    """
    while True:
        try:
            return await _beside(surroundings, post, strategy, wanted, phases)
        except AloneError as error:
            post.clashed = error.held
            differs = difference(post.wanted, wanted)
            strategy = decide(differs, post.abilities, wanted.bringing.strategy) or anew(post.abilities)
            post.tell_alone(error, "restart" if strategy is Strategy.RESTART else "replacement")


async def _beside(
    surroundings: Surroundings, post: Post, strategy: Strategy, wanted: Desired, phases: Phases
) -> Strategy:
    """Return the strategy that did it: where there is no room for a fork, or its runner has gone, a replacement."""
    if strategy is Strategy.FORK:
        try:
            await STRATEGIES[strategy](post, wanted, phases)
            return strategy
        except NoRoomError as error:
            text, place = f"{error}: a save reloads by replacement", wanted.endpoint.place("resources.memory")
            surroundings.bus.publish(Notice(text, place, error.hint, post.name))
        except RunnerGoneError:
            pass
        except (VhlocalError, EndedError):
            # What it imports from may have been removed.
            if await surroundings.environments.is_there(wanted):
                raise
        strategy = Strategy.REPLACE
    await STRATEGIES[strategy](post, wanted, phases)
    return strategy
