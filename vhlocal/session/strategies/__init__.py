"""How new code is brought in: one file for each way, and this table of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.model import Strategy
from vhlocal.session.strategies import fork, replace, restart

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from vhlocal.session.desired import Desired
    from vhlocal.session.phases import Phases
    from vhlocal.session.strategies.site import Site

#: Each brings ``wanted`` to where ``site`` leads its requests, or raises and has left everything as it was.
STRATEGIES: Mapping[Strategy, Callable[[Site, Desired, Phases], Awaitable[None]]] = {
    Strategy.FORK: fork.bring,
    Strategy.RESTART: restart.bring,
    Strategy.REPLACE: replace.bring,
}
