"""A recorded request, looked up by the beginning of its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vhlocal.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vhlocal.exchanges import Exchange

#: Digits of an id that people need to distinguish requests.
SHORT = 8


def the_one(found: Sequence[Exchange], beginning: str) -> Exchange:
    """Return the request that was looked up, of those ``found`` whose ids begin so; InputError unless it is one."""
    if not found:
        raise InputError(
            f"no recorded request has an id that begins with `{beginning}`", hint="see the last ones: vhlocal requests"
        )
    if len(found) > 1:
        ids = ", ".join(each.id[: max(SHORT, len(beginning) + 4)] for each in found[:3])
        raise InputError(
            f"{len(found)} recorded requests have ids that begin with `{beginning}`: {ids}", hint="give more of the id"
        )
    return found[0]


def not_recorded(record: Mapping[str, Any]) -> InputError:
    """Return why a request that is listed cannot be looked up; ``record`` is what the list has of it."""
    if record["replayed"]:
        why = "vhlocal sent it itself, for a replay, a load or a check"
    elif not record["endpoint"]:
        why = "it went to no endpoint"
    else:
        why = "later requests took its place"
    return InputError(
        f"request {record['id'][:SHORT]} is listed, but not recorded: {why}",
        hint="choose another: vhlocal requests",
    )
