"""What can be asked about recorded requests, in JSON: them themselves, which are pinned, and one sent again."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vhlocal.comparison.differences import told
from vhlocal.errors import InputError, VhlocalError
from vhlocal.events import PinsChanged
from vhlocal.exchanges import whole
from vhlocal.recorder.curl import curl
from vhlocal.recorder.lookup import the_one
from vhlocal.recorder.plain import to_json
from vhlocal.recorder.showing import fit_to_show, unmasked
from vhlocal.session.replaying import led_to, replay

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vhlocal.exchanges import Exchange
    from vhlocal.recorder.store import Store, Taken
    from vhlocal.session.view import View


def store_of(view: View) -> Store:
    """Return the run's recordings; VhlocalError where nothing is recorded."""
    if view.recordings is None:
        raise VhlocalError("nothing is recorded", hint="start the run without --no-record")
    return view.recordings


def as_curl(view: View, beginning: str) -> dict[str, Any]:
    """Return the command that sends the request whose id begins so again."""
    exchange = the_one([taken.exchange() for taken in store_of(view).find(beginning)], beginning)
    return {"curl": curl(exchange, view.url)}


def pins(view: View) -> dict[str, Any]:
    """Return the records of the pinned requests, the oldest pin first."""
    return {"pins": [] if view.recordings is None else [taken.record.facts() for taken in view.recordings.pins.all()]}


def pin(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Pin the request whose id begins with ``id``."""
    store = store_of(view)
    taken = _taken(store.find(_beginning(asked)), _beginning(asked))
    store.pins.add(taken)
    view.bus.publish(PinsChanged())
    return {"id": taken.record.id, "pinned": True}


def unpin(view: View, beginning: str) -> dict[str, Any]:
    """Unpin the pinned request whose id begins so."""
    store = store_of(view)
    found = [taken for taken in store.pins.all() if taken.record.id.startswith(beginning)]
    taken = _taken(found, beginning)
    store.pins.remove(taken.record.id)
    view.bus.publish(PinsChanged())
    return {"id": taken.record.id, "pinned": False}


def replayed(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Send the request whose id begins with ``id`` again, and return it with its new answer, and what differs.

    ``on`` names the version or alias, if it is not to go where it went. ``edited`` has what is to be sent otherwise:
    ``method``, ``path`` (below the endpoint, with its query), ``headers`` (all of them, as pairs) and ``body`` (in
    base64). What was masked when it was shown, and is sent so, is sent as it was.
    """
    beginning = _beginning(asked)
    exchange = the_one([taken.exchange() for taken in store_of(view).find(beginning)], beginning)
    name = asked.get("on")
    served = [name for version in view.versions() for name in (version.name, *version.aliases)]
    if name is not None and name not in served:
        raise InputError(f"no version `{name}` is served", hint=f"there are {', '.join(served)}")
    edited = asked.get("edited")
    done = replay(exchange if edited is None else _edited(exchange, edited), view.url, name)
    return {
        **to_json(fit_to_show(done.now())),
        "differences": [{"where": one.where, "before": one.before, "after": one.after} for one in done.differences],
        "line": told(exchange.endpoint, done.differences),
    }


def _edited(exchange: Exchange, edited: Any) -> Exchange:
    if not isinstance(edited, dict) or not edited.keys() <= {"method", "path", "headers", "body"}:
        raise InputError("`edited` must be an object with method, path, headers and body, or some of them")
    request = exchange.request
    method, path, headers = edited.get("method", request.method), edited.get("path"), edited.get("headers")
    if not isinstance(method, str) or not (method.isascii() and method.isalpha()):
        raise InputError("`edited.method` is not a method", hint="such as POST")
    target = request.target
    if path is not None:
        if not isinstance(path, str) or not path.isascii() or not path.isprintable() or " " in path:
            raise InputError(
                "`edited.path` is not a path below the endpoint", hint="percent-encode it: /predict?q=a%20b"
            )
        target = led_to(exchange, None)[0] + ("" if path[:1] in ("", "/", "?") else "/") + path
    fields = request.headers if headers is None else tuple(_field(each) for each in headers)
    body = request.body
    if "body" in edited:
        try:
            body = whole(base64.b64decode(str(edited["body"]), validate=True))
        except binascii.Error as error:
            raise InputError(f"`edited.body` is not base64: {error}") from error
    wanted = replace(request, method=method, target=target, headers=fields, body=body)
    return replace(exchange, request=unmasked(wanted, request))


def _field(pair: Any) -> tuple[str, str]:
    match pair:
        case [str(name), str(value)] if name and "\n" not in name + value and "\r" not in name + value:
            return name, value
    raise InputError("`edited.headers` must be pairs of a name and a value, each one line of text")


def _beginning(asked: Mapping[str, Any]) -> str:
    beginning = asked.get("id")
    if not isinstance(beginning, str) or not beginning:
        raise InputError("`id` is missing or not text", hint="see the last ones: vhlocal requests")
    return beginning


def _taken(found: tuple[Taken, ...] | list[Taken], beginning: str) -> Taken:
    one = the_one([taken.exchange() for taken in found], beginning)
    return next(taken for taken in found if taken.record.id == one.id)
