"""What can be asked of endpoints, for a session: the rules that read code are loaded once somebody wants to know."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vhlocal.model import Call, Offer, Package, ServedAt
    from vhlocal.session.endpoint.chatter import Chatter
    from vhlocal.session.offers.find import Asking
    from vhlocal.session.traffic.routes import Routes
    from vhlocal.session.wanted.desired import Desired


@dataclass(frozen=True)
class Offers:
    """One run's; ``base`` is the gateway's URL, ``package`` the working tree's, ``found`` what was found by now."""

    base: str
    routes: Routes
    package: Callable[[], Package]
    chatter: Chatter
    found: dict[ServedAt, Offer] = field(default_factory=dict)

    async def of(self, wanted: Sequence[Desired]) -> dict[ServedAt, Offer]:
        """See ``find_offers``."""
        from vhlocal.session.offers.find import find_offers  # noqa: PLC0415 - see the module

        offers = await find_offers(self._asking(), wanted)
        self.found.update(offers)
        return offers

    def call(self, served: Sequence[ServedAt]) -> Call | None:
        """Return the request that was found for the first of these, None where none was; from any thread."""
        return next((offer.call for at in served if (offer := self.found.get(at)) is not None), None)

    def schema(self, served: Sequence[ServedAt]) -> Any:
        """See ``schema_of``."""
        from vhlocal.session.offers.find import schema_of  # noqa: PLC0415 - see the module

        return schema_of(self._asking(), served)

    def _asking(self) -> Asking:
        from vhlocal.session.offers.find import Asking  # noqa: PLC0415 - see the module

        return Asking(self.base, self.routes, self.package(), self.chatter)
