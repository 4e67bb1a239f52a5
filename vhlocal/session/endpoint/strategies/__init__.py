"""How new code is brought in: one file for each way, and this table of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.model import Strategy
from vhlocal.session.endpoint.strategies import fork, replace, restart

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from vhlocal.session.endpoint.post import Post
    from vhlocal.session.phases import Phases
    from vhlocal.session.wanted.desired import Desired

#: Each brings ``wanted`` to where ``post`` leads its requests, or raises and has left everything as it was.
STRATEGIES: Mapping[Strategy, Callable[[Post, Desired, Phases], Awaitable[None]]] = {
    Strategy.FORK: fork.bring,
    Strategy.RESTART: restart.bring,
    Strategy.REPLACE: replace.bring,
}
