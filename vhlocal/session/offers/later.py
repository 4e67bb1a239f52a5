"""What can be asked of endpoints, for a session: the rules that read code are loaded once somebody wants to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vhlocal.model import Offer, Package, ServedAt
    from vhlocal.session.endpoint.chatter import Chatter
    from vhlocal.session.offers.find import Asking
    from vhlocal.session.traffic.routes import Routes
    from vhlocal.session.wanted.desired import Desired


@dataclass(frozen=True)
class Offers:
    """One run's; ``base`` is the gateway's URL, ``package`` what the working tree is."""

    base: str
    routes: Routes
    package: Callable[[], Package]
    chatter: Chatter

    async def of(self, wanted: Sequence[Desired]) -> dict[ServedAt, Offer]:
        """See ``find_offers``."""
        from vhlocal.session.offers.find import find_offers  # noqa: PLC0415 - see the module

        return await find_offers(self._asking(), wanted)

    def schema(self, served: Sequence[ServedAt]) -> Any:
        """See ``schema_of``."""
        from vhlocal.session.offers.find import schema_of  # noqa: PLC0415 - see the module

        return schema_of(self._asking(), served)

    def _asking(self) -> Asking:
        from vhlocal.session.offers.find import Asking  # noqa: PLC0415 - see the module

        return Asking(self.base, self.routes, self.package(), self.chatter)
