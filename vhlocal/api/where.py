"""Which of what is served is asked about: by endpoint, version and replica (K3, K10). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.errors import InputError
from vhlocal.project.schema import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from vhlocal.model import ServedAt, Version


class NotServed(InputError):
    """Nothing that is served has such a name."""


_NAMES = ("endpoint", "version", "replica")


def asked_about(
    asked: Mapping[str, str], known: Iterable[ServedAt], versions: Sequence[Version]
) -> Callable[[ServedAt], bool]:
    """Return the test for whether something served is ``asked`` about, by any of the three names.

    An alias stands for the version that it points at now. Raises NotServed, with what there is, unless something
    ``known`` passes the test.
    """
    wanted = {name: asked[name] for name in _NAMES if name in asked}
    pointed = {alias: version.name for version in versions for alias in version.aliases}
    if "version" in wanted:
        wanted["version"] = pointed.get(wanted["version"], wanted["version"])

    def is_wanted(at: ServedAt) -> bool:
        return all(value == str(getattr(at, name)) for name, value in wanted.items())

    left = list(known)
    for name in ("version", "endpoint", "replica"):
        if name not in wanted:
            continue
        there = list(dict.fromkeys(str(getattr(at, name)) for at in left))
        if wanted[name] not in there:
            of = f" of {wanted['version']}" if name != "version" and "version" in wanted else ""
            aliases = pointed if name == "version" else ()
            raise NotServed(f"no {name} `{asked[name]}`{of}", hint=did_you_mean(asked[name], (*there, *aliases)))
        left = [at for at in left if str(getattr(at, name)) == wanted[name]]
    return is_wanted
