"""What the gateway answers itself: for commands, for programs, and for who lands at its root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from vhlocal.api import pages
from vhlocal.api.app import App, api_rules, as_json

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from vhlocal.api.guard import Guard, Refusal
    from vhlocal.api.origin import Origin
    from vhlocal.api.reloads import Reloads
    from vhlocal.session.view import View

_ICON = "/favicon.ico"


class GatewayApp(App):
    """Whoever shows the run's token may do all; others may look, as far as the guard lets them."""

    routes = Map(
        [
            Rule("/", endpoint="root", methods=["GET"]),
            Rule(_ICON, endpoint="icon", methods=["GET"]),
            Rule("/metrics", endpoint="metrics", methods=["GET"]),
            Rule("/api/invitations", endpoint="invite", methods=["POST"]),
            *api_rules(),
        ]
    )
    headers = pages.SAFE
    links_style = False
    whose = "`vhlocal down`"

    def __init__(self, view: View, reloads: Reloads, guard: Guard, origin: Origin) -> None:
        super().__init__(view, reloads)
        self._guard = guard
        self._origin = origin

    def refusal(self, request: Request) -> Refusal | None:
        """See ``App``."""
        return None if request.path == _ICON else self._guard.refusal(request.method, request.headers)

    def is_owner(self, request: Request) -> bool:
        """See ``App``."""
        return self._guard.is_owner(request.headers)

    def page_link(self, *, owner: bool) -> str:
        """See ``App``: what asks without the token may be a page of an endpoint's."""
        return self._origin.link if owner else self._origin.address

    def look(self, *, owner: bool) -> str | None:
        """See ``App``."""
        view = self._view
        return self._guard.link(view.shared or view.url) if view.open_to_network and owner else None

    def answer(self, request: Request) -> Response:
        """See ``App``; the key to look is taken first."""
        if request.path == "/" and self._guard.is_key(request.args.get("key", "")):
            return self._let_in()
        return super().answer(request)

    def _let_in(self) -> Response:
        """Take the key out of the address bar and into a cookie."""
        response = redirect("/", 303)
        response.set_cookie(self._guard.cookie, self._guard.read_key, httponly=True, samesite="Strict")
        return response

    def _root(self, _request: Request) -> Response:
        return Response(pages.gateway_page(self._view, self._origin.address), mimetype="text/html")

    def _invite(self, _request: Request) -> Response:
        return as_json({"url": self._origin.invite()}, 201)

    def _icon(self, _request: Request) -> Response:
        return Response(status=204)

    def _metrics(self, request: Request) -> Response:
        # Most runs are never asked, and the library would cost each of them its start-up time.
        from vhlocal.api.metrics import exposition  # noqa: PLC0415

        body, content_type = exposition(self._view, request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)
